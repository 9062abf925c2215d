"""When a certificate is worth a word, and which names it covers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from registry_host.host.tls import Certificate
from registry_host.registry.certfaults import certificate_findings, covers
from registry_host.settings.mirrors import Mirror

NOW = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)
PLACE = Mirror('https', 'r.lab', 5000)
YEAR = timedelta(days=365)


def certificate(left, lifetime=YEAR, **fields):
    return Certificate(
        **{
            'subject': 'r.lab',
            'issuer': 'Lab CA',
            'names': ('r.lab',),
            'starts': NOW + left - lifetime,
            'expires': NOW + left,
            'is_self_signed': False,
            **fields,
        }
    )


def found(certificate, refusal=''):
    return [
        (finding.check, finding.severity, finding.message.partition(': ')[2])
        for finding in certificate_findings(
            PLACE, certificate, refusal, 'server', 'a CA counts there', ('trust',), NOW
        )
    ]


@pytest.mark.parametrize(
    ('left', 'lifetime', 'severity'),
    (
        (timedelta(days=31), YEAR, None),
        (timedelta(days=29), YEAR, 'info'),
        (timedelta(days=13), YEAR, 'warning'),
        (timedelta(hours=5), YEAR, 'warning'),
        pytest.param(
            timedelta(days=6), timedelta(days=7), None, id='one-that-lives-for-a-week'
        ),
        pytest.param(
            timedelta(days=2), timedelta(days=7), 'warning', id='and-was-not-renewed'
        ),
    ),
)
def test_the_end_that_comes(left, lifetime, severity):
    told = found(certificate(left, lifetime))
    assert [(code, how) for code, how, _ in told] == (
        [('server-expires', severity)] if severity else []
    )


def test_how_much_time_is_left_is_said():
    ((_, _, days),) = found(certificate(timedelta(days=13, hours=1)))
    assert days == 'its certificate expires in 13 days, at 2026-12-10 13:00 UTC'
    ((_, _, hours),) = found(certificate(timedelta(hours=5)))
    assert 'expires in 5 h, at' in hours


@pytest.mark.parametrize(
    ('made', 'refusal', 'codes'),
    (
        pytest.param(
            certificate(-timedelta(days=1)),
            'certificate has expired',
            ['server-expired'],
            id='expired',
        ),
        pytest.param(
            certificate(-timedelta(days=1)),
            'unable to get local issuer certificate',
            ['server-expired', 'server-untrusted'],
            id='expired-and-not-trusted',
        ),
        pytest.param(
            certificate(YEAR),
            'certificate has expired',
            ['server-untrusted'],
            id='that-of-its-ca-expired',
        ),
        pytest.param(
            certificate(2 * YEAR),
            'certificate is not yet valid',
            ['server-expired'],
            id='clock-is-behind',
        ),
        pytest.param(
            certificate(YEAR, names=('x.lab',)),
            "Hostname mismatch, certificate is not valid for 'r.lab'.",
            ['server-name-mismatch'],
            id='name',
        ),
        pytest.param(
            None, 'self-signed certificate', ['server-untrusted'], id='unread'
        ),
        pytest.param(None, '', [], id='nothing-known'),
    ),
)
def test_each_fault_is_told_once(made, refusal, codes):
    assert [code for code, *_ in found(made, refusal)] == codes


def test_one_that_signed_itself():
    own = certificate(YEAR, is_self_signed=True)
    ((_, _, message),) = found(own, 'self-signed certificate')
    assert message == (
        'its certificate is not trusted here (self-signed certificate): it is signed '
        "by itself, 'r.lab'; a CA counts there"
    )


@pytest.mark.parametrize(
    ('names', 'host', 'expected'),
    (
        (('r.lab',), 'r.lab', True),
        (('R.LAB',), 'r.lab', True),
        (('*.lab',), 'r.lab', True),
        (('*.lab',), 'a.r.lab', False),
        (('*.lab',), 'lab', False),
        (('r*.lab',), 'r1.lab', False),
        (('*',), 'lab', False),
        (('10.0.0.1',), '10.0.0.1', True),
        (('*.0.0.1',), '10.0.0.1', False),
        (('FD00:0:0:0:0:0:0:1',), 'fd00::1', True),
        ((), 'r.lab', False),
    ),
)
def test_the_names_that_a_certificate_covers(names, host, expected):
    assert covers(names, host) is expected
