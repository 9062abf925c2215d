"""What is wrong with the certificate of a registry, in words. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from registry_host.errors import Finding
from registry_host.settings.checking import is_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.errors import Severity
    from registry_host.host.tls import Certificate
    from registry_host.settings.mirrors import Mirror

_SOON, _LATER = timedelta(days=14), timedelta(days=30)
# What OpenSSL says where neither date nor name is the matter (x509_txt.c, 3.0).
_OF_DATE_OR_NAME = re.compile(r'(certificate has expired|.*not yet valid|.*mismatch)')


def certificate_findings(
    place: Mirror,
    certificate: Certificate | None,
    refusal: str,
    prefix: str,
    trusted_at: str,
    trust: tuple[str, ...],
    now: datetime | None = None,
) -> Iterator[Finding]:
    """Tell all that is wrong with it; `refusal` is what OpenSSL says, '' for nothing.

    Each finding is named PREFIX-untrusted, and so on. `trusted_at` says where a CA
    is taken from, and `trust` what is run for that.
    """
    now = now or datetime.now(timezone.utc)
    is_told = False
    for rule, severity, message in _found(place, certificate, now):
        is_told = True
        yield Finding(f'{prefix}-{rule}', severity, f'{place}: {message}')
    if not refusal or (is_told and _OF_DATE_OR_NAME.match(refusal)):
        return
    message = f'its certificate is not trusted here ({refusal})'
    if certificate is not None and certificate.is_self_signed:
        message += f': it is signed by itself, {certificate.subject!r}'
    elif certificate is not None:
        message += f': its CA is {certificate.issuer!r}'
    message += f'; {trusted_at}'
    yield Finding(f'{prefix}-untrusted', 'error', f'{place}: {message}', None, trust)


def _found(
    place: Mirror, certificate: Certificate | None, now: datetime
) -> Iterator[tuple[str, Severity, str]]:
    if certificate is None:
        return
    if not covers(certificate.names, place.host):
        shown = ', '.join(certificate.names[:5])
        message = f'its certificate is for {shown}, and not for {place.host}'
        if not shown:
            message = (
                f'its certificate names {certificate.subject!r} as its subject alone: '
                'Go programs want it as a subjectAltName'
            )
        message += f'; it needs subjectAltName={_kind(place.host)}:{place.host}'
        yield 'name-mismatch', 'error', message
    left, expires = certificate.expires - now, f'{certificate.expires:%Y-%m-%d %H:%M}'
    if left <= timedelta(0):
        yield 'expired', 'error', f'its certificate expired at {expires} UTC'
    elif certificate.starts > now:
        starts = f'{certificate.starts:%Y-%m-%d %H:%M}'
        message = f'its certificate is not valid before {starts} UTC'
        yield 'expired', 'error', f'{message}: the clock may be wrong'
    elif left < _LATER and left < (certificate.expires - certificate.starts) / 3:
        # One that lives for days is renewed in time: it has no month to lose.
        severity: Severity = 'warning' if left < _SOON else 'info'
        message = f'its certificate expires in {_days(left)}, at {expires} UTC'
        yield 'expires', severity, message


def _days(left: timedelta) -> str:
    return (
        f'{left.days} days' if left.days > 1 else f'{left.total_seconds() / 3600:.0f} h'
    )


def _kind(host: str) -> str:
    return 'IP' if is_address(host) else 'DNS'


def covers(names: tuple[str, ...], host: str) -> bool:
    """Match as Go does: a star stands for one whole label, the first (RFC 6125).

    Source: crypto/x509 verify.go matchHostnames, toLowerCaseASCII (1.19).
    """
    if is_address(host):
        from ipaddress import ip_address

        addresses = (name.strip() for name in names)
        wanted = ip_address(host)
        return any(is_address(n) and ip_address(n) == wanted for n in addresses)
    wanted_labels = host.lower().rstrip('.').split('.')
    for name in names:
        labels = name.lower().rstrip('.').split('.')
        if labels == wanted_labels:
            return True
        if labels[0] == '*' and labels[1:] == wanted_labels[1:] and len(labels) > 1:
            return True
    return False
