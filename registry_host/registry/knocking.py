"""Who answers at a place, over which scheme, and with which certificate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry_host.errors import Finding, quoted
from registry_host.host.wire import ConnectionFailed
from registry_host.namedtuples import NamedTuple
from registry_host.registry.certfaults import certificate_findings
from registry_host.registry.probe import speaks_tls
from registry_host.registry.resolution import resolve
from registry_host.registry.serverfaults import failed, of_scheme
from registry_host.settings.checking import DEFAULT_PORTS

if TYPE_CHECKING:
    from datetime import datetime

    from registry_host.host.host import Host
    from registry_host.host.wire import Answer, Request
    from registry_host.registry.ways import Way
    from registry_host.settings.mirrors import Mirror


class Door(NamedTuple):
    """What answered GET /v2/ at `place`, if anything did: else `failure` says why not.

    TLS that is not trusted is told, and asked all the same: but with no secret.
    """

    place: Mirror
    answer: Answer | None = None
    failure: ConnectionFailed | None = None
    findings: tuple[Finding, ...] = ()
    is_trusted: bool = True
    expires: datetime | None = None


def knock(host: Host, way: Way, place: Mirror, *, has_scheme: bool) -> Door:
    """Ask; by the other scheme too, where that is spoken instead."""
    door = _try(host, way, place)
    other = _other_scheme(host, way, door, has_scheme=has_scheme)
    if isinstance(other, ConnectionFailed):
        door = door._replace(failure=other)
    elif other is not None:
        told = (of_scheme(place, other),) if has_scheme else ()
        door = _try(host, way, other)
        door = door._replace(findings=told + door.findings)
    if door.failure is None:
        return door
    proxy = request_for(way, door.place).proxy
    at = _led_to(host, door.place) if proxy is None else ''
    finding = failed(door.place, door.failure, proxy, at)
    return door._replace(findings=(*door.findings, finding))


def _led_to(host: Host, place: Mirror) -> str:
    """Say which addresses a name has, and from where; '' where that says no more."""
    if place.is_ip:
        return ''
    found = resolve(host, place.host)
    if not found.source:
        return ''
    at = found.at(place.port or DEFAULT_PORTS[place.scheme])
    return f'at {at}, given by {found.source}'


def request_for(way: Way, place: Mirror) -> Request:
    return way.request(f'{place}/v2/', is_followed=False)


def _try(host: Host, way: Way, place: Mirror) -> Door:
    request = request_for(way, place)
    refusal = ''
    try:
        answer = host.http_get(request)
    except ConnectionFailed as failure:
        if failure.reason != 'tls-untrusted':
            return Door(place, failure=failure)
        refusal = failure.detail
        try:
            answer = host.http_get(replace(request, is_verified=False))
        except ConnectionFailed as other:
            return Door(place, failure=other, is_trusted=False)
    door = Door(place, answer, is_trusted=not refusal)
    if place.scheme == 'http':
        return door
    certificate = host.certificate(request)
    folder = f'/etc/docker/certs.d/{place.endpoint}'
    trust = (f'sudo mkdir -p {quoted(folder)}',)
    findings = certificate_findings(
        place, certificate, refusal, 'server', f'a CA counts at {folder}/ca.crt', trust
    )
    expires = certificate.expires if certificate else None
    return door._replace(findings=tuple(findings), expires=expires)


def _other_scheme(
    host: Host, way: Way, door: Door, *, has_scheme: bool
) -> Mirror | ConnectionFailed | None:
    """Name the place where the other scheme is spoken; None where there is none.

    What speaks neither says more of itself over plain HTTP: then that is the failure.
    """
    place = door.place
    reason = door.failure.reason if door.failure else ''
    if place.scheme == 'https':
        other = place._replace(scheme='http')
        is_first_try = not has_scheme and place.port is None and reason == 'refused'
        if not is_first_try and reason not in ('not-tls', 'closed'):
            return None
        try:
            host.http_get(request_for(way, other))
        except ConnectionFailed as failure:
            return failure if reason == 'not-tls' else None
        return other
    is_odd = door.answer is not None and door.answer.status == 400
    if not is_odd and reason not in ('closed', 'not-http'):
        return None
    request = request_for(way, place)
    return place._replace(scheme='https') if speaks_tls(host, request) else None
