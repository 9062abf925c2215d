"""Which mirrors an engine asks, and which registries are insecure for it."""

from __future__ import annotations

import json

import pytest

from registry_host.engine.answers import Info
from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.find import EngineFacts
from registry_host.engine.live import LiveLists
from registry_host.engine.route import insecure_of, mirrors_of
from registry_host.jsonfile.jsontext import read_text


def daemon(**lists):
    keys = {name.replace('_', '-'): list(value) for name, value in lists.items()}
    return DaemonJson(read_text(json.dumps(keys)))


def engine(*, is_containerd_store=None, version=(28, 5, 2), **facts):
    info = None
    if is_containerd_store is not None:
        lists = LiveLists((), frozenset())
        info = Info(version, lists, '', '', '', is_containerd_store, False, False, 0)
    return EngineFacts(state='running', version=version, info=info, **facts)


@pytest.mark.parametrize('is_containerd_store', (None, False, True))
def test_a_mirror_with_an_odd_scheme_is_asked_by_the_containerd_store_alone(
    is_containerd_store,
):
    """Pulls of 20.10.24, 26.1.5 and 28.5.2, observed."""
    listed = ('HTTP://m:5000', 'https://N:5443', 'http://o/v2', 'http://p')
    found = mirrors_of(
        daemon(registry_mirrors=listed),
        engine(is_containerd_store=is_containerd_store),
    )
    expected = ['https://N:5443', 'http://p']
    if is_containerd_store:
        expected.insert(0, 'http://m:5000')
    assert [str(mirror) for mirror in found] == expected


def test_what_is_built_in_is_insecure_beside_what_is_listed():
    listed = daemon(insecure_registries=('r.lab:1',))
    insecure = insecure_of(engine(), listed)
    assert insecure.covers('r.lab', 1)
    assert insecure.covers('127.0.0.1', 5000)
    assert insecure.covers('own.lab', 5000, lambda name: ['127.0.1.1'])
    assert insecure.covers('::1', 5000)
    older = insecure_of(engine(version=(26, 1, 5)), listed)
    assert older.covers('127.0.0.1', 5000)
    assert not older.covers('::1', 5000)


def test_a_flag_lists_insecure_registries_where_the_file_does_not():
    given = engine(flags={'insecure-registry': ('r.lab:1',)})
    assert insecure_of(given, daemon()).covers('r.lab', 1)


def test_a_flag_names_mirrors_where_the_file_does_not():
    given = engine(flags={'registry-mirror': ('http://m.lab:5000',)})
    assert [str(mirror) for mirror in mirrors_of(daemon(), given)] == [
        'http://m.lab:5000'
    ]
