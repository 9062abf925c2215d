"""Steps by hand; that they work is seen on a booted host of each owner."""

from __future__ import annotations

import pytest

from registry_host.names.owner import Ownership
from registry_host.names.steps import steps

STATIC = Ownership('static', '', '', (), target='/etc/resolv.conf')


def test_a_file_of_nobodys_by_its_real_name():
    (step,) = steps(STATIC, '9.9.9.9')
    assert step == 'registry-host configure --nameserver 9.9.9.9'
    other = STATIC._replace(owner='cloud-init', target='/srv/my resolv.conf')
    (step,) = steps(other, '9.9.9.9')
    assert step == (
        "sed -i '0,/^nameserver/s//nameserver 9.9.9.9\\n&/' '/srv/my resolv.conf'"
    )


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
    assert first == f'chattr -{flag} /etc/resolv.conf'
    assert tuple(inner) == steps(STATIC, '9.9.9.9')
    assert last == f'chattr +{flag} /etc/resolv.conf'


def test_split_resolvers_are_both_told():
    split = STATIC._replace(owner='split', beneath=STATIC)
    resolved = STATIC._replace(owner='resolved')
    assert steps(split, '9.9.9.9') == (
        *steps(resolved, '9.9.9.9'),
        *steps(STATIC._replace(owner='cloud-init'), '9.9.9.9'),
    )


@pytest.mark.parametrize('owner', ('container', 'wsl', 'netconfig', 'connman'))
def test_where_no_command_is_safe_there_is_advice(owner):
    (step,) = steps(STATIC._replace(owner=owner), '9.9.9.9')
    assert '9.9.9.9' in step
