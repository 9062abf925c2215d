"""Rules for the addresses of a registry, its TLS, and how it names itself.

What happens was seen on docker-registry 2.8.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.registry.addresses import listen_of, split_url
from registry_host.registry.faulty import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_host.errors import Finding
    from registry_host.registry.registryplace import Instance

_ADDR = ('http', 'addr')
_TLS = ('http', 'tls')
_DEBUG = ('http', 'debug', 'addr')
_HOST = ('http', 'host')
# registry/registry.go of 2.8.2 and of 3.1.1.
_CIPHER = re.compile(
    'TLS_(?:(?:ECDHE_)?(?:RSA|ECDSA)_WITH_)?'
    '(?:RC4_128|3DES_EDE_CBC|AES_(?:128|256)_(?:CBC|GCM)|CHACHA20_POLY1305)'
    '_SHA(?:256|384)?'
)
_TLS_VERSIONS = {
    2: ('tls1.0', 'tls1.1', 'tls1.2', 'tls1.3'),
    3: ('tls1.2', 'tls1.3'),
}


def listen_rules(instance: Instance) -> Iterator[Finding]:
    config = instance.config
    if config.reading.get('http', 'net') == 'unix':
        return
    if not config.addr:
        yield instance.tell(
            'listen-address',
            'error',
            _ADDR,
            'there is no http.addr, so the registry listens on another port of all '
            'addresses each time that it starts',
            'write below http: addr: 127.0.0.1:5000',
            *instance.restart(),
        )
    elif listen_of(config.addr) is None:
        addr = config.addr
        yield instance.tell(
            'listen-address',
            'error',
            _ADDR,
            f'{config.addr!r} is not ADDRESS:PORT, so the registry does not start',
            f'write: addr: {f":{addr}" if addr.isdigit() else "127.0.0.1:5000"}',
            *instance.restart(),
        )


def debug_rules(instance: Instance) -> Iterator[Finding]:
    config = instance.config
    metrics = config.reading.get('http', 'debug', 'prometheus', 'enabled')
    if not config.debug_addr:
        if metrics:
            yield instance.tell(
                'metrics-not-served',
                'warning',
                ('http', 'debug', 'prometheus', 'enabled'),
                'metrics are served on http.debug.addr, which is not set',
                'write below debug: addr: 127.0.0.1:5001',
                *instance.restart(),
            )
        return
    debug, addr = listen_of(config.debug_addr), listen_of(config.addr)
    if debug is None:
        yield instance.tell(
            'listen-address',
            'error',
            _DEBUG,
            'is not ADDRESS:PORT, so the registry does not start',
            'write: addr: 127.0.0.1:5001',
            *instance.restart(),
        )
    elif addr is not None and debug.overlaps(addr):
        yield instance.tell(
            'port-clash',
            'error',
            _DEBUG,
            f'port {debug.port} is that of http.addr too, so the registry does not '
            'start',
            'write: addr: 127.0.0.1:5001',
            *instance.restart(),
        )
    elif not debug.is_loopback and not instance.runner.has_own_network:
        yield _debug_open(instance, debug.port)


def _debug_open(instance: Instance, port: str) -> Finding:
    return instance.tell(
        'debug-open',
        'warning',
        _DEBUG,
        'the debug server asks for no login, and other hosts can reach it too: '
        '/debug/vars shows the command line, /debug/pprof the memory',
        f'write: addr: 127.0.0.1:{port}',
        *instance.restart(),
    )


def tls_rules(instance: Instance) -> Iterator[Finding]:
    reading = instance.config.reading
    tls = reading.get(*_TLS) or {}
    certificate, key = tls.get('certificate'), tls.get('key')
    acme = (tls.get('letsencrypt') or {}).get('cachefile')
    if certificate and not key and not acme:
        yield _incomplete(
            instance, 'certificate', 'there is no http.tls.key', 'does not start'
        )
    elif key and not certificate and not acme:
        yield _incomplete(
            instance,
            'key',
            'there is no http.tls.certificate',
            'silently speaks plain HTTP',
        )
    if acme and certificate:
        yield _incomplete(
            instance,
            'certificate',
            'a certificate and letsencrypt are both set',
            'does not start',
        )
    elif acme and instance.config.major < 3:
        yield instance.tell(
            'letsencrypt',
            'error',
            (*_TLS, 'letsencrypt'),
            'distribution 2.x speaks a version of ACME that was switched off in 2021: '
            'it starts and never has a certificate',
            "write below tls the files of another client of Let's Encrypt: "
            'certificate: /etc/…/fullchain.pem and key: /etc/…/privkey.pem',
            *instance.restart(),
        )
    if certificate or acme:
        yield from _tls_version(instance, tls.get('minimumtls'))
        yield from _ciphers(instance, tls.get('ciphersuites') or ())


def _incomplete(instance: Instance, key: str, why: str, so: str) -> Finding:
    other = 'key' if key == 'certificate' else 'certificate'
    return instance.tell(
        'tls-incomplete',
        'error',
        (*_TLS, key),
        f'{why}, so the registry {so}',
        f'write both below tls: {key} and {other}',
        *instance.restart(),
    )


def _tls_version(instance: Instance, minimum: str | None) -> Iterator[Finding]:
    known = _TLS_VERSIONS[instance.config.major]
    if minimum and minimum not in known:
        yield instance.tell(
            'value',
            'error',
            (*_TLS, 'minimumtls'),
            f'{dotted((*_TLS, "minimumtls"))} must be one of {", ".join(known)}, so '
            'the registry does not start',
            'write: minimumtls: tls1.2',
            *instance.restart(),
        )


def _ciphers(instance: Instance, names: Iterable[str]) -> Iterator[Finding]:
    wrong = [name for name in names if not _CIPHER.fullmatch(name)]
    if wrong:
        yield instance.tell(
            'value',
            'error',
            (*_TLS, 'ciphersuites'),
            f'{wrong[0]} is not a cipher suite of Go, such as '
            'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, so the registry does not start',
            'take ciphersuites out: the default is good',
            *instance.restart(),
        )


def name_rules(instance: Instance) -> Iterator[Finding]:
    """How the registry names itself to a client that uploads."""
    config = instance.config
    name = config.reading.get(*_HOST)
    if name and not config.upstream:
        yield from _http_host(instance, name)
    prefix = config.reading.get('http', 'prefix')
    if prefix and prefix != '/':
        yield instance.tell(
            'http-prefix',
            'warning',
            ('http', 'prefix'),
            'Docker asks below /v2/ alone, and finds nothing below a prefix',
            'take the line out',
            *instance.restart(),
        )


def _http_host(instance: Instance, name: str) -> Iterator[Finding]:
    """Hold http.host against where it listens.

    On loopback, and in a container, something stands before it that may well have that
    name; an address that all can reach without it is told.
    """
    addr = listen_of(instance.config.addr)
    scheme, _, host, _ = split_url(name)
    if not scheme or not host:
        yield instance.tell(
            'http-host',
            'warning',
            _HOST,
            'is not a URL that begins with http:// or https://, and is ignored',
            'take the line out, and write: relativeurls: true',
            *instance.restart(),
        )
        return
    if addr is None or addr.is_loopback or instance.runner.is_container:
        return
    port = _port_of(host, scheme)
    is_tls = scheme == 'https'
    if port == addr.port and is_tls == instance.config.has_tls:
        return
    own = 'https' if instance.config.has_tls else 'http'
    yield instance.tell(
        'http-host',
        'error',
        _HOST,
        f'sends uploads to {scheme}://{host}, port {port}, while the registry listens '
        f'for {own} on port {addr.port}: a push that does not come through a proxy of '
        'that name fails',
        'take the line out, and write: relativeurls: true',
        *instance.restart(),
    )


def _port_of(host: str, scheme: str) -> str:
    _, colon, port = host.rpartition(':')
    return port if colon and port.isdigit() else {'https': '443', 'http': '80'}[scheme]
