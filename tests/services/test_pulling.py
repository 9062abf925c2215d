"""How long an engine that could not pull may not have looked at resolv.conf yet."""

from __future__ import annotations

import pytest
from places import RESOLV_CONF

from registry_host.engine.pulls import Pull
from registry_host.host.host import Host
from registry_host.services.pulling import RESOLVER_S, behind_s

LOOKUP = 'Get "https://r.lab/v2/": dial tcp: lookup r.lab on 10.0.0.3:53: no such host'


class Later(Host):
    """A host whose files have been there for some seconds."""

    seconds = 0.0

    def age_s(self, path):
        return super().age_s(path) + self.seconds


@pytest.mark.parametrize(
    ('words', 'seconds', 'expected'),
    (
        (LOOKUP, 0, RESOLVER_S),
        (LOOKUP, 3, RESOLVER_S - 3),
        (LOOKUP, 6, 0),
        ('manifest unknown', 0, 0),
    ),
)
def test_an_engine_is_given_time_to_look(root, words, seconds, expected):
    root.write(RESOLV_CONF, 'nameserver 10.0.0.1\n')
    host = Later(str(root.path))
    host.seconds = seconds
    assert behind_s(host, Pull('failed', words)) == pytest.approx(expected, abs=1)


def test_without_a_file_there_is_nothing_to_wait_for(root):
    assert behind_s(Host(str(root.path)), Pull('failed', LOOKUP)) == 0
