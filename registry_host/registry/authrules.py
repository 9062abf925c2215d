"""Rules for the logins of a registry: its htpasswd file, and secrets in its config.

What happens was seen on docker-registry 2.8.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from registry_host.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Finding
    from registry_host.registry.registryplace import Instance
    from registry_host.yamlfile.yamlnode import Node

# Debian's package of htpasswd(1), which that of the registry does not bring.
_TOOL = 'sudo apt-get install apache2-utils'
_TYPES = {'htpasswd', 'token', 'silly'}
_HTPASSWD = ('auth', 'htpasswd')
_SECRETS = (
    ('proxy', 'password'),
    ('http', 'secret'),
    ('redis', 'password'),
    ('storage', 's3', 'secretkey'),
    ('storage', 's3aws', 'secretkey'),
    ('storage', 'azure', 'accountkey'),
    ('storage', 'swift', 'password'),
    ('storage', 'oss', 'accesskeysecret'),
)
# What a shell, compose or a template tool would have put a value for.
_PLACEHOLDER = re.compile(r'\$\{\w+[^}]*\}|\$[A-Z_][A-Z0-9_]*|\{\{.*\}\}|<[A-Z_]+>')
_BCRYPT = re.compile(rb'\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}')


def auth_rules(instance: Instance) -> Iterator[Finding]:
    kind = instance.config.auth
    if kind and kind not in _TYPES:
        yield instance.tell(
            'auth-type',
            'error',
            ('auth', kind),
            f'{kind} is not a type of auth, so the registry does not start',
            'write below auth: htpasswd: {realm: registry, path: '
            '/etc/docker/registry/htpasswd}',
            *instance.restart(),
        )
    elif kind == 'silly':
        yield instance.tell(
            'auth-type',
            'warning',
            ('auth', kind),
            'silly is for tests: it takes any login for a good one',
            'write below auth: htpasswd: {realm: registry, path: '
            '/etc/docker/registry/htpasswd}',
            *instance.restart(),
        )
    if kind == 'htpasswd':
        yield from _htpasswd_params(instance)


def _htpasswd_params(instance: Instance) -> Iterator[Finding]:
    params = instance.config.reading.get(*_HTPASSWD) or {}
    for key, example in (
        ('realm', 'registry'),
        ('path', '/etc/docker/registry/htpasswd'),
    ):
        if not isinstance(params.get(key), str):
            told = 'must be a text' if key in params else 'is missing'
            yield instance.tell(
                'auth-incomplete',
                'error',
                (*_HTPASSWD, key),
                f'auth.htpasswd.{key} {told}, so the registry does not start',
                f'write below htpasswd: {key}: {example}',
                *instance.restart(),
            )


def htpasswd_path(instance: Instance) -> str | None:
    """Name the htpasswd file as the host does; None where there is none to look at."""
    params = instance.config.reading.get(*_HTPASSWD) or {}
    path = params.get('path')
    is_used = instance.config.auth == 'htpasswd' and isinstance(
        params.get('realm'), str
    )
    if not is_used or not isinstance(path, str) or not path.startswith('/'):
        return None
    return instance.on_host(path)


def _by_hand(path: str) -> str:
    return f'make it with a first user: htpasswd -cB {quoted(path)} USER'


def htpasswd_rules(
    instance: Instance, path: str, content: bytes | None
) -> Iterator[Finding]:
    """Hold the lines of an htpasswd file against what the registry takes."""
    place = (*_HTPASSWD, 'path')
    add = _by_hand(path)
    if content is None:
        made = 'makes it with a user `docker` and prints the password into its log'
        yield instance.tell(
            'htpasswd-missing',
            'error',
            place,
            f'{path} does not exist: the registry {made}',
            add,
            _TOOL,
            *instance.restart(),
        )
        return
    lines = [line.strip() for line in content.splitlines()]
    entries = [line for line in lines if line and not line.startswith(b'#')]
    if not entries:
        yield instance.tell(
            'htpasswd-empty',
            'error',
            place,
            f'{path} holds no user, so every login is refused with 401',
            add,
            _TOOL,
        )
    for number, line in enumerate(lines, 1):
        if not line or line.startswith(b'#'):
            continue
        yield from _entry(instance, path, number, line)


def _entry(
    instance: Instance, path: str, number: int, line: bytes
) -> Iterator[Finding]:
    name, colon, digest = line.partition(b':')
    where = f'{path}:{number}'
    if not colon:
        yield instance.tell_at(
            where,
            'htpasswd-line',
            'error',
            'no colon: with such a line every login is refused with 400',
            f'sudo sed -i {number}d {quoted(path)}',
        )
    elif not _BCRYPT.fullmatch(digest):
        user = name.decode('utf-8', 'replace')
        yield instance.tell_at(
            where,
            'htpasswd-not-bcrypt',
            'error',
            f'the password of {user} is not in bcrypt, the only format that the '
            'registry reads, so this login never works',
            f'set it again: htpasswd -B {quoted(path)} {quoted(user)}',
            _TOOL,
        )


def htpasswd_folder(instance: Instance, path: str) -> Finding:
    return instance.tell(
        'htpasswd-folder',
        'error',
        (*_HTPASSWD, 'path'),
        f'{path} is a folder: the registry starts, and answers every login with 400',
        f'write: path: {path.rstrip("/")}/htpasswd',
        _by_hand(f'{path.rstrip("/")}/htpasswd'),
        *instance.restart(),
    )


def secret_rules(instance: Instance) -> Iterator[Finding]:
    """Passwords that are no passwords, and files that show them to everybody."""
    document = instance.config.reading.document
    found = False
    for path in (*_SECRETS, ('proxy', 'username')):
        node = document.find(*path)
        if node is None or node.kind != 'scalar' or not node.text:
            continue
        is_overlaid = instance.config.reading.source(*path) is not None
        if not is_overlaid:
            yield from _placeholder(instance, path, node)
        yield from _cut(instance, path, node)
        found = found or path in _SECRETS
    if found and instance.mode & 0o004:
        yield readable(instance, instance.path, 'this file')


def readable(instance: Instance, path: str, what: str) -> Finding:
    user = instance.runner.user
    group = f'sudo chown :{quoted(user)} {quoted(path)}'
    remedy = [group, f'sudo chmod 640 {quoted(path)}']
    if not user or user == 'root':
        remedy = [f'sudo chmod 600 {quoted(path)}']
    return instance.tell_at(
        path,
        'secret-readable',
        'warning',
        f'{what} holds a password, and everybody on this host may read it',
        *remedy,
    )


def _placeholder(
    instance: Instance, path: tuple[str, ...], node: Node
) -> Iterator[Finding]:
    if _PLACEHOLDER.fullmatch(node.text):
        variable = '_'.join(('REGISTRY', *path)).upper()
        yield instance.tell(
            'password-placeholder',
            'warning',
            path,
            'the registry puts no variables into its file, and takes this as it is '
            'written',
            f'take the line out, and set {variable} in the environment of the registry',
        )


def _cut(instance: Instance, path: tuple[str, ...], node: Node) -> Iterator[Finding]:
    """What follows a value without quotes on its line: `secret #1` is `secret`.

    With a space after it, the sign is most likely meant as a comment.
    """
    text = instance.config.reading.document.text
    rest: Any = re.match(r'[ \t]+#[^\s#]', text[node.end : node.end + 80])
    if not node.style and rest:
        yield instance.tell(
            'password-comment',
            'warning',
            path,
            'the value ends before ` #`, which begins a comment',
            'if the sign belongs to it, put the value in quotes',
            *instance.restart(),
        )
