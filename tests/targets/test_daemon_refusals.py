"""Proxies for an engine before 23.0: by a drop-in of its unit."""

from __future__ import annotations

import shlex

import pytest

from registry_host.engine.find import EngineFacts
from registry_host.errors import ConfigError
from registry_host.jsonfile.editing import Put
from registry_host.targets.daemon_refusals import require_proxies_known

FOLDER = '/etc/systemd/system/docker.service.d'
FILE = f'{FOLDER}/registry-host-proxy.conf'
AGAIN = 'sudo systemctl daemon-reload && sudo systemctl restart docker.service'


def engine(version):
    return EngineFacts('running', version=version, unit='docker.service')


def hint(*puts):
    with pytest.raises(ConfigError) as caught:
        require_proxies_known(engine((20, 10, 24)), puts)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ('proxies-unsupported', 'engine')
    return problem.hint


@pytest.mark.parametrize(
    'puts',
    (
        (
            Put(('proxies', 'http-proxy'), 'http://p:1/%20'),
            Put(('proxies', 'no-proxy'), 'a b,$(id)'),
        ),
        (Put(('proxies',), {'http-proxy': 'http://p:1/%20', 'no-proxy': 'a b,$(id)'}),),
    ),
)
def test_the_drop_in_names_the_proxies(puts):
    made, printed, written, *again = hint(*puts).replace(' | ', ' && ').split(' && ')
    assert made == f'sudo mkdir -p {FOLDER}'
    assert shlex.split(printed) == [
        'printf',
        '%s\\n',
        '[Service]',
        # systemd takes %% for a %.
        'Environment="HTTP_PROXY=http://p:1/%%20"',
        'Environment="NO_PROXY=a b,$(id)"',
    ]
    assert (written, ' && '.join(again)) == (f'sudo tee {FILE}', AGAIN)


def test_a_password_is_left_to_an_editor():
    put = Put(('proxies', 'http-proxy'), 'http://u:hunter2@p:1')
    assert hint(put) == 'sudo systemctl edit docker.service'


def test_a_newer_engine_takes_them_from_its_file():
    put = Put(('proxies', 'http-proxy'), 'http://p:1')
    require_proxies_known(engine((23, 0, 0)), [put])
    require_proxies_known(engine((20, 10, 24)), [])
