"""What a reload is believed on, with each real engine."""

from __future__ import annotations

import json

from places import DAEMON_JSON

SCRIPT = """
import sys
sys.path[0] = '/opt/registry-host'
from registry_host.engine.find import find_engine
from registry_host.engine.lifecycle import reload
from registry_host.host.host import Host
engine = find_engine(Host())
done = reload(
    Host(), socket_path=engine.socket_path, pid=engine.pid, unit=UNIT, timeout_s=2
)
print(done.is_taken, done.reason)
"""


def reload(host, unit):
    return host.run(['python3', '-c', SCRIPT.replace('UNIT', repr(unit))]).stdout


def test_reload_that_takes(host):
    for unit, mirror in (
        ('docker.service', 'http://unit.lab'),
        (None, 'http://hup.lab'),
    ):
        host.write(DAEMON_JSON, json.dumps({'registry-mirrors': [mirror]}))
        assert reload(host, unit) == 'True \n'
        assert host.mirrors() == [f'{mirror}/']


def test_reload_that_never_happens(newest):
    """The service manager reports success, and the engine heard nothing."""
    newest.drop_in('ExecReload=', 'ExecReload=/bin/true')
    assert reload(newest, 'docker.service') == (
        'False the engine reported no reload within 2 s\n'
    )


def test_unit_without_a_reload_is_signalled(newest):
    newest.drop_in('ExecReload=')
    assert reload(newest, 'docker.service') == 'True \n'


# What the engine says of each is its own, so that none passes for the one before.
REJECTED = (
    ('{', ('unexpected end of JSON', 'unexpected EOF')),
    ('{"bogus": 1}', ('bogus',)),
    ('{"registry-mirrors": ["x"]}', ('invalid mirror',)),
)


def test_rejection_comes_with_the_engines_reason(host):
    """Newer engines log "Reloaded configuration" even then."""
    for content, words in REJECTED:
        host.write(DAEMON_JSON, content)
        taken, _, reason = reload(host, 'docker.service').partition(' ')
        assert taken == 'False', content
        assert any(word in reason for word in words), (content, reason)
