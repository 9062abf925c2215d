"""Lists of images, as people and their editors write them."""

from __future__ import annotations

import pytest

from registry_host.registry.copylist import names_in, read_names
from registry_host.settings.references import Reference


@pytest.mark.parametrize(
    ('text', 'names'),
    (
        ('', []),
        ('\n\n \t\n', []),
        ('nginx', [(1, 'nginx')]),
        ('nginx\nredis:7\n', [(1, 'nginx'), (2, 'redis:7')]),
        (
            '# all\n\nnginx # the web\n#redis\n  alpine\t# x\n',
            [(3, 'nginx'), (5, 'alpine')],
        ),
        ('nginx#x', [(1, 'nginx#x')]),
        ('nginx #x # y', [(1, 'nginx')]),
        ('\ufeffnginx\r\nredis\r\n', [(1, 'nginx'), (2, 'redis')]),
        ('\ufeff# x\rnginx\r', [(2, 'nginx')]),
        # A byte order mark is one at the start alone.
        ('nginx\n\ufeffredis', [(1, 'nginx'), (2, '\ufeffredis')]),
        ('a b\n', [(1, 'a b')]),
        ('ng\0inx\n', [(1, 'ng\0inx')]),
        # What is a line end to Python, and to no editor: numbers would be others.
        ('# a\x0cb\x85c\u2028d\x1ce\nnginx\n', [(2, 'nginx')]),
        ('a\x0bb\n', [(1, 'a\x0bb')]),
    ),
)
def test_names(text, names):
    assert list(names_in(text)) == names


def test_a_list_of_ten_thousand_lines():
    text = ''.join(f'quay.io/team/app{n}:1 # {n}\r\n' for n in range(10_000))
    found = list(names_in(text))
    assert (len(found), found[-1]) == (10_000, (10_000, 'quay.io/team/app9999:1'))


def test_each_name_is_told_with_its_place():
    images, errors, warnings = read_names(
        (('list:1', 'nginx'), ('list:2', 'NGINX'), ('list:3', '[::1]:5000/app'))
    )
    assert images == [
        Reference('docker.io', 'library/nginx'),
        Reference('[::1]:5000', 'app'),
    ]
    assert [(each.code, each.where) for each in errors] == [('image-name', 'list:2')]
    assert [(each.code, each.where) for each in warnings] == [
        ('image-engine', 'list:3')
    ]


def test_a_secret_in_a_name_is_not_told():
    _, errors, _ = read_names([('list:1', 'https://me:hunter2@r.lab/app')])
    assert len(errors) == 1
    assert 'hunter2' not in repr(errors)
