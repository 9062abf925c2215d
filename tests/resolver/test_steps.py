"""Steps by hand; that they work is seen on a booted host of each owner."""

from __future__ import annotations

import pytest

from registry_host.resolver.owner import Ownership
from registry_host.resolver.steps import advice, steps

STATIC = Ownership('static', '', '', (), target='/etc/resolv.conf')


OURS = 'sudo registry-host configure --nameserver 9.9.9.9'


@pytest.mark.parametrize(
    ('owned', 'expected'),
    (
        pytest.param(STATIC, (OURS,), id='static'),
        pytest.param(STATIC._replace(owner='cloud-init'), (OURS,), id='cloud-init'),
        pytest.param(STATIC._replace(owner='resolved'), (OURS,), id='resolved'),
        pytest.param(
            STATIC._replace(owner='resolved', is_active=False),
            ('sudo systemctl enable --now systemd-resolved', OURS),
            id='resolved-stopped',
        ),
        pytest.param(
            STATIC._replace(owner='resolvconf', is_active=False),
            ('sudo resolvconf --enable-updates', OURS),
            id='resolvconf-disabled',
        ),
        pytest.param(
            STATIC._replace(owner='split', beneath=STATIC), (OURS,), id='split'
        ),
        pytest.param(
            STATIC._replace(owner='split', beneath=STATIC._replace(owner='tailscale')),
            (),
            id='split-and-tailscale',
        ),
        pytest.param(
            STATIC._replace(rivals=('openresolv',), target='/srv/my resolv.conf'),
            (
                "sudo sed -i '0,/^nameserver/s//nameserver 9.9.9.9\\n&/' "
                "'/srv/my resolv.conf'",
            ),
            id='rivals',
        ),
    ),
)
def test_ours_wherever_it_can_be_done(owned, expected):
    assert steps(owned, '9.9.9.9') == expected


@pytest.mark.parametrize(
    ('mode', 'flag'),
    (
        pytest.param('', 'i', id='immutable'),
        pytest.param('append-only', 'a', id='append-only'),
    ),
)
def test_a_lock_is_taken_off_and_put_on_again(mode, flag):
    locked = STATIC._replace(owner='immutable', mode=mode, beneath=STATIC)
    first, *inner, last = steps(locked, '9.9.9.9')
    assert first == f'sudo chattr -{flag} /etc/resolv.conf'
    assert tuple(inner) == steps(STATIC, '9.9.9.9')
    assert last == f'sudo chattr +{flag} /etc/resolv.conf'


@pytest.mark.parametrize('owner', ('container', 'wsl', 'tailscale', 'connman'))
def test_where_no_command_is_safe_there_is_advice(owner):
    owned = STATIC._replace(owner=owner)
    assert steps(owned, '9.9.9.9') == ()
    for above in (owned, STATIC._replace(owner='split', beneath=owned)):
        assert '9.9.9.9' in advice(above, '9.9.9.9')
    assert advice(STATIC, '9.9.9.9') == ''
