"""In which file of its unit a flag of an engine stands."""

from __future__ import annotations

import pytest

from registry_host.engine.flagplaces import FlagPlace, places_of
from registry_host.host.host import Host

UNIT = 'docker.service'
PACKAGED = f'/lib/systemd/system/{UNIT}'
OWN = f'/etc/systemd/system/{UNIT}'
DROP_IN = f'{OWN}.d/x.conf'
DEFAULT = '/etc/default/docker'
FLAGS = ('registry-mirror', 'host', 'debug')
SERVICE = f"""[Unit]
ExecStart=/bin/false --debug

[Service]
EnvironmentFile=-{DEFAULT}
ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS
"""


def place(path, line, name, *, is_environment=False):
    return FlagPlace(UNIT, path, line, name, is_environment)


@pytest.mark.parametrize(
    ('files', 'expected'),
    (
        ({}, {}),
        (
            {DEFAULT: 'DOCKER_OPTS=--debug'},
            {'debug': (DEFAULT, 1, 'DOCKER_OPTS', True)},
        ),
        (
            {DEFAULT: "\n\n#DOCKER_OPTS='-H x'\nDOCKER_OPTS='--registry-mirror x -D'"},
            {
                'registry-mirror': (DEFAULT, 4, 'DOCKER_OPTS', True),
                'debug': (DEFAULT, 4, 'DOCKER_OPTS', True),
            },
        ),
        ({DEFAULT: 'OTHER=--debug'}, {}),
        (
            {DROP_IN: '[Service]\nEnvironment=A=b "DOCKER_OPTS=--debug -x"\n'},
            {'debug': (DROP_IN, 2, 'DOCKER_OPTS')},
        ),
        (
            {
                DROP_IN: '[Service]\nEnvironment=DOCKER_OPTS=--debug\n',
                DEFAULT: 'DOCKER_OPTS=--registry-mirror=x',
            },
            {'registry-mirror': (DEFAULT, 1, 'DOCKER_OPTS', True)},
        ),
        (
            {DROP_IN: '[Service]\nExecStart=\nExecStart=dockerd \\\n  --debug\n'},
            {'debug': (DROP_IN, 3, 'ExecStart')},
        ),
        (
            {OWN: '[Service]\nExecStart=sh -c "exec dockerd --debug | tee /x"\n'},
            {'debug': (OWN, 2, 'ExecStart')},
        ),
        ({DROP_IN: '[Service]\nExecStart=\n'}, {}),
    ),
    ids=(
        'the-unit',
        'environment-file',
        'line',
        'another-variable',
        'environment',
        'environment-file-before-environment',
        'line-that-goes-on',
        'shell',
        'none',
    ),
)
def test_places(root, files, expected):
    root.write(PACKAGED, SERVICE)
    for path, content in files.items():
        root.write(path, content)
    found = places_of(Host(str(root.path)), UNIT, FLAGS)
    if OWN in files or 'ExecStart' in files.get(DROP_IN, ''):
        assert found == {flag: FlagPlace(UNIT, *of) for flag, of in expected.items()}
        return
    assert found.pop('host') == place(PACKAGED, 6, 'ExecStart')
    assert found == {flag: FlagPlace(UNIT, *of) for flag, of in expected.items()}


@pytest.mark.parametrize(
    ('found', 'edit'),
    (
        (
            place(PACKAGED, 6, 'ExecStart'),
            'sudo systemctl edit --full docker.service && '
            'sudo systemctl restart docker.service',
        ),
        (
            place(DROP_IN, 2, 'ExecStart'),
            f'sudo "${{EDITOR:-vi}}" +2 {DROP_IN} && '
            'sudo systemctl daemon-reload && sudo systemctl restart docker.service',
        ),
        (
            place(DEFAULT, 4, 'DOCKER_OPTS', is_environment=True),
            f'sudo "${{EDITOR:-vi}}" +4 {DEFAULT} && '
            'sudo systemctl restart docker.service',
        ),
    ),
)
def test_how_a_flag_goes(found, edit):
    assert found.edit == edit
