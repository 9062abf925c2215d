"""TLS as Go, and so the engine, checks it; and what a certificate says of itself."""

from __future__ import annotations

import contextlib
import ssl
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from registry_host.host.wire import Request

# openssl/x509_vfy.h; the module ssl names neither before Python 3.13.
_PARTIAL_CHAIN, _NO_CHECK_TIME = 0x80000, 0x200000


class Certificate(NamedTuple):
    """What a certificate says; `names` are those that Go looks at, not its subject's.

    Names and issuer are foreign text: made printable, and cut.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    starts: datetime
    expires: datetime
    is_self_signed: bool


def context_of(request: Request) -> ssl.SSLContext:
    # Not create_default_context(), which goes by variables of the environment.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python 3.13 asks more of a CA's certificate than Go, and so the engine, does.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # Go takes no name from the subject since 1.15 (crypto/x509 verify.go), the one
    # that built the oldest engine here.
    context.hostname_checks_common_name = False
    if request.pinned:
        context.check_hostname = False
        context.verify_flags |= _PARTIAL_CHAIN | _NO_CHECK_TIME
        context.load_verify_locations(cadata=request.pinned)
        return context
    for file in request.authorities if request.is_verified else ():
        with contextlib.suppress(OSError):  # As Go: what is no certificate is left out.
            context.load_verify_locations(file)
    if request.identity is not None:
        # One that cannot be read is not shown; the server says what it thinks of that.
        with contextlib.suppress(OSError, ssl.SSLError):
            context.load_cert_chain(*request.identity, password='')
    if not request.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def certificate_of(said: Any) -> Certificate:
    """Read what SSLSocket.getpeercert() returns."""
    alternatives = said.get('subjectAltName', ())
    return Certificate(
        subject=_name(said.get('subject', ())),
        issuer=_name(said.get('issuer', ())),
        names=tuple(
            _printable(text) for kind, text in alternatives if kind in _NAME_KINDS
        ),
        starts=_time(said['notBefore']),
        expires=_time(said['notAfter']),
        is_self_signed=said.get('subject') == said.get('issuer'),
    )


_NAME_KINDS = ('DNS', 'IP Address')
_NAME_PARTS = ('commonName', 'organizationName', 'organizationalUnitName')
_SHOWN_LENGTH = 100


def _name(parts: Any) -> str:
    """Name a person's way: the common name, else what there is."""
    found = {key: text for group in parts for key, text in group}
    return next((_printable(found[key]) for key in _NAME_PARTS if key in found), '')


def _printable(text: str) -> str:
    return ''.join(c if c.isprintable() else '?' for c in text)[:_SHOWN_LENGTH]


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc)
