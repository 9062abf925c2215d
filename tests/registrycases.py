"""Registries from the field, laid out as the files of a host.

Each is a file of tests/data/field/registry, or of tests/data/registry: its `input` has
the files of a host, which of them is served, the environment, a compose file, and who
the registry runs as; `expect` what was seen of the real docker-registry 2.8.2.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from roots import Ended, Root

DATA = Path(__file__).with_name('data')
CASES = sorted(
    (*DATA.glob('field/registry/*.json'), *DATA.glob('registry/seen/*.json')),
)
INPUT = {'files', 'serve', 'env', 'compose', 'runs_as', 'prepare'}
# How the real one was asked, which says nothing of the files.
INPUT |= {'login', 'scheme', 'upstream'}
COMPOSE = '/srv/registry/compose.yml'
ENVIRONMENT = '/etc/docker/registry/environment'
UNIT = '/etc/systemd/system/docker-registry.service'
BCRYPT = 'ops:$2y$05$7bz3.JM.vS3Nlx4wMQiH9.Q5M3jz0jvdX0jpoIbeLmWv2qlkrFA3y\n'
PREPARED = {
    'cp <valid pair>.crt /certs/site.crt': ('/certs/site.crt', 'a certificate\n'),
    'cp <valid pair>.key /certs/site.key': ('/certs/site.key', 'a key\n'),
    'htpasswd -Bbc /auth/htpasswd ops secret 2>/dev/null': ('/auth/htpasswd', BCRYPT),
}


def load(path: Path) -> Any:
    case = json.loads(path.read_text(encoding='utf-8'))
    unknown = set(case['input']) - INPUT
    assert not unknown, f'this runner does not know {sorted(unknown)}'
    return case


def lay_out(root: Root, given: Any) -> list[str]:
    """Write the files of a case, and give the arguments that are about it."""
    for path, content in given['files'].items():
        file = root.write(path, content['text'], int(content.get('mode', '644'), 8))
        if 'owner' in content and os.geteuid() == 0:
            os.chown(file, *content['owner'])
    for step in filter(None, given.get('prepare', '').split('; ')):
        if step.startswith('mkdir -p '):
            (root.path / step.split()[-1].lstrip('/')).mkdir(parents=True)
        elif step.startswith('openssl req -x509 '):
            root.write('/srv/site.crt', 'a certificate\n')
            root.write('/srv/site.key', 'a key\n', 0o600)
        elif not step.startswith('chmod 755 '):
            path, text = PREPARED[step]
            root.write(path, text)
    if 'compose' in given:
        return [_compose(root, given)]
    if 'env' in given or 'runs_as' in given:
        _unit(root, given)
    ours = [path for path in given['files'] if path.endswith('.yml')]
    return [str(root.path / path.lstrip('/')) for path in ours]


def _compose(root: Root, given: Any) -> str:
    """A config that the compose file mounts is beside it."""
    if './config.yml:' in given['compose']:
        served = given['files'][given['serve']]
        root.write('/srv/registry/config.yml', served['text'])
    return str(root.write(COMPOSE, given['compose']))


def _unit(root: Root, given: Any) -> None:
    user = given.get('runs_as', 'root')
    passwd = root.read('/etc/passwd')
    root.write('/etc/passwd', f'{passwd}docker-registry:x:990:990::/var/lib:/bin/sh\n')
    lines = []
    for name, value in given.get('env', {}).items():
        escaped = value.replace('\\', '\\\\').replace('"', '\\"')
        lines.append(f'{name}="{escaped}"\n')
    root.write(ENVIRONMENT, ''.join(lines), 0o600)
    root.write(
        UNIT,
        f'[Service]\nUser={user}\nEnvironmentFile=-{ENVIRONMENT}\n'
        f'ExecStart=/usr/bin/docker-registry serve {given["serve"]}\n',
    )


def run(root: Root, given: Any) -> Ended:
    return root.run('registry', 'check', *lay_out(root, given), '--format=json')


def grave(ended: Ended) -> list[tuple[str, str]]:
    """What was found at the level of an error or a warning."""
    found = ended.json['findings']
    return sorted(
        {
            (each['check'], each['severity'])
            for each in found
            if each['severity'] in ('error', 'warning')
        }
    )


def role_of(ended: Ended) -> str | None:
    roles = {each['role'] for each in ended.json['results']}
    if len(roles) == 1:
        return roles.pop()
    assert roles == {'cache', 'push'}
    return 'pair'
