"""The laws of targets, for every entry of the table and for one from elsewhere."""

from __future__ import annotations

import json
from typing import NamedTuple

import outsiders
import pytest

from registry_host.engine.find import EngineFacts
from registry_host.errors import ConfigError
from registry_host.host.host import Host
from registry_host.host.records import FileState, User
from registry_host.plan.changes import Change
from registry_host.plan.ledger import Applied, Ledger, ledger_change, read_ledger
from registry_host.plan.wish import Wish
from registry_host.resolver.managerfiles import (
    DHCPCD,
    HEAD,
    NETWORK_MANAGER,
    OPENRESOLV,
    RESOLVED,
)
from registry_host.services.facts import Facts
from registry_host.settings.areas import (
    ENGINE_DNS,
    EXCLUSIVE,
    HTTP_PROXY,
    INSECURE,
    MIRRORS,
    NAMESERVERS,
    NO_PROXY,
    SEARCH,
)
from registry_host.targets import TARGETS
from registry_host.targets.target import FileRef
from registry_host.transaction.parts import Part

FACTS = Facts(False, True, EngineFacts('unknown'), users=(), former_users={})
ALICE = User('alice', 1000, 1000, '/home/alice')
LISTS = Wish(
    {
        MIRRORS: ('http://m:5000', 'http://n:5000'),
        INSECURE: ('r.lab:5002',),
        ENGINE_DNS: ('9.9.9.9',),
        HTTP_PROXY: ('http://u:hunter2@p:1',),
        NO_PROXY: ('.lab', 'x'),
    },
    is_reordering=True,
)
OTHER_LISTS = Wish(
    {**LISTS.areas, MIRRORS: ('http://n:5000',), HTTP_PROXY: ('http://q:1',)},
    is_reordering=True,
)
PROXIES = Wish({HTTP_PROXY: ('http://u:hunter2@p:1',), NO_PROXY: ('.lab',)})
OTHER_PROXIES = Wish({HTTP_PROXY: ('http://q:1',), NO_PROXY: ()})
DNS = Wish({NAMESERVERS: ('9.9.9.9',), EXCLUSIVE: (), SEARCH: ('corp.example',)})
OTHER_DNS = Wish({**DNS.areas, NAMESERVERS: ('9.9.9.10', '9.9.9.9')})
ALONE = Wish({**DNS.areas, EXCLUSIVE: ('true',)})
CACHE = Wish(
    {
        'version': ('0.1',),
        'storage.filesystem.rootdirectory': ('"/srv/cache"',),
        'storage.delete.enabled': ('true',),
        'http.addr': ('":5000"',),
        'proxy.remoteurl': ('"https://registry-1.docker.io"',),
        'proxy.password': ('"hunter2 #*"',),
        'proxy.ttl': (),
    }
)
OTHER_CACHE = Wish(
    {
        **CACHE.areas,
        'http.addr': ('"127.0.0.1:5000"',),
        'proxy.password': (),
        'proxy.ttl': ('"48h"',),
    }
)


class Case(NamedTuple):
    """A file of a target: foreign content, two wishes, and an edit by anybody else."""

    target: str
    path: str
    content: bytes | None
    wish: Wish
    other: Wish
    edit: tuple[bytes, bytes] = (b'', b'')
    user: User | None = None


CASES = {
    'docker-daemon': Case(
        'docker-daemon',
        '/etc/docker/daemon.json',
        b'{\n\t"registry-mirrors" : ["https://x"],\r\n "mtu" :  1500, '
        b'"dns":["192.0.2.1" ], "proxies": {"http-proxy": "http://old:1", '
        b'"no-proxy": "a, b"}\n}',
        LISTS,
        OTHER_LISTS,
        (b' 1500', b' 9000'),
    ),
    'docker-daemon-none': Case(
        'docker-daemon', '/etc/docker/daemon.json', None, LISTS, OTHER_LISTS
    ),
    'docker-config': Case(
        'docker-config',
        '/home/alice/.docker/config.json',
        b'{"auths":{"r:1" : {"auth":"YTpz"}},\n\n "Proxies": {"default": '
        b'{"httpProxy": "http://old:1", "noProxy":"a, b" }}, '
        b'"HttpHeaders": {"X-N": "1"}}',
        PROXIES,
        OTHER_PROXIES,
        (b'"YTpz"', b'"YTp0"'),
        ALICE,
    ),
    'resolv.conf': Case(
        'resolver',
        '/etc/resolv.conf',
        b'; foreign\r\nnameserver 192.0.2.1\n\noptions  ndots:2 # x\nsearch\ta.example',
        DNS,
        OTHER_DNS,
        (b'ndots:2', b'ndots:3'),
    ),
    'resolv.conf-alone': Case(
        'resolver',
        '/etc/resolv.conf',
        b'nameserver 192.0.2.1\nnameserver 9.9.9.9\n# last\n',
        ALONE,
        DNS,
        (b'# last', b'# next'),
    ),
    'resolved': Case('resolver', RESOLVED, None, DNS, OTHER_DNS),
    'network-manager': Case('resolver', NETWORK_MANAGER, None, DNS, ALONE),
    'openresolv': Case(
        'resolver', OPENRESOLV, b'resolv_conf=/x\n', DNS, ALONE, (b'/x', b'/y')
    ),
    'resolvconf': Case('resolver', HEAD, b'# head\n', DNS, OTHER_DNS, (b'head', b'H')),
    'dhcpcd': Case('resolver', DHCPCD, b'duid\n', ALONE, DNS, (b'duid', b'clientid')),
    'registry-config': Case(
        'registry',
        '/etc/docker/registry/config.yml',
        b'# a hub\r\nversion:   0.1\r\nlog: {fields: {service: registry}}\r\n'
        b'storage:\r\n    filesystem:\r\n        rootdirectory: /old   # here\r\n'
        b'http:\r\n    secret: hunter2\r\n    addr: ":5001"\r\n\r\n# the end',
        CACHE,
        OTHER_CACHE,
        (b'# a hub', b'# a cache'),
    ),
    'registry-config-none': Case(
        'registry', '/etc/registry-host/registries/x.yml', None, CACHE, OTHER_CACHE
    ),
    'registry-unit': Case(
        'registry',
        '/etc/systemd/system/registry-host-x.service',
        None,
        Wish({'content': ('[Service]\n',), 'running': ('yes',)}),
        Wish({'content': ('[Service]\nRestart=always\n',), 'running': ('yes',)}),
    ),
    'notes': Case(
        'notes',
        outsiders.NOTES,
        b'mirror http://foreign\nowner bob\n',
        Wish({MIRRORS: ('http://m',), ENGINE_DNS: ('9.9.9.9',)}),
        Wish({MIRRORS: (), ENGINE_DNS: ('9.9.9.10',)}),
        (b'bob', b'eve'),
    ),
}


each_case = pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())


@pytest.fixture(autouse=True)
def _with_an_outsider(monkeypatch):
    monkeypatch.setitem(TARGETS, 'notes', outsiders.Notes())


def target_of(case):
    return TARGETS[case.target]


def state_of(case):
    missing = () if case.content is not None else (case.path.rpartition('/')[0],)
    return FileState(
        path=case.path,
        realpath=case.path,
        content=case.content,
        mode=0o640 if case.content is not None else 0,
        uid=0,
        gid=0,
        user=case.user,
        missing_folders=missing,
    )


def merged(case, state, applied, wish):
    return target_of(case).merge(
        FileRef(case.path, case.user), state, applied, wish, FACTS
    )


def nothing_of(case):
    return Applied(case.target, case.path)


def withdrawn(wish):
    return Wish(dict.fromkeys(wish.areas, ()))


def edited(case, state):
    return state._replace(content=state.content.replace(*case.edit))


def test_every_target_of_the_table_has_a_case():
    assert {case.target for case in CASES.values()} == set(TARGETS)


@each_case
def test_a_wish_is_made_true_once(case):
    before = state_of(case)
    once = merged(case, before, nothing_of(case), case.wish)
    assert once.after != before
    assert once.applied.keys
    again = merged(case, once.after, once.applied, case.wish)
    assert (again.after, again.applied) == (once.after, once.applied)
    assert again.overruled == frozenset()


@each_case
def test_nothing_wished_brings_back_every_byte(case):
    before = state_of(case)
    once = merged(case, before, nothing_of(case), case.wish)
    back = merged(case, once.after, once.applied, withdrawn(case.wish))
    assert (back.after, dict(back.applied.keys)) == (before, {})


@each_case
def test_what_a_wish_leaves_out_is_not_touched(case):
    before = state_of(case)
    once = merged(case, before, nothing_of(case), case.wish)
    same = merged(case, once.after, once.applied, Wish())
    assert (same.after, same.applied) == (once.after, once.applied)


@each_case
def test_the_old_bytes_become_the_new_ones_again(case):
    """A program has written its file anew, from what it had read before the run."""
    before = state_of(case)
    once = merged(case, before, nothing_of(case), case.wish)
    again = merged(case, before, once.applied, case.wish)
    assert again.after.content == once.after.content


@each_case
def test_undo_is_a_wish_too(case):
    """From one wish to another, and back: the way of undo and of a way back."""
    once = merged(case, state_of(case), nothing_of(case), case.wish)
    other = merged(case, once.after, once.applied, case.other)
    back = merged(case, other.after, other.applied, case.wish)
    assert back.after.content == once.after.content
    change = Change(case.target, once.after, other.after)
    part = Part(change, once.applied, other.applied)
    for state in (once.after, other.after):
        late = part.merged(state, case.wish, FACTS)
        assert late.after.content == once.after.content


@each_case
def test_foreign_edits_elsewhere_stay_wherever_they_come_in(case):
    before = state_of(case)
    if before.content is None:
        return
    assert edited(case, before) != before
    once = merged(case, before, nothing_of(case), case.wish)
    late = edited(case, once.after)
    early = merged(case, edited(case, before), nothing_of(case), case.wish)
    assert late.content == early.after.content
    back = merged(case, late, once.applied, withdrawn(case.wish))
    assert back.after.content == edited(case, before).content


@each_case
def test_what_stands_is_what_was_wished_and_is_managed(case):
    target, before = target_of(case), state_of(case)
    nothing = target.stands(before, nothing_of(case), FACTS)
    assert not any(nothing.values())
    once = merged(case, before, nothing_of(case), case.wish)
    stands = target.stands(once.after, once.applied, FACTS)
    for area, values in stands.items():
        assert set(values) <= set(case.wish.of(area))
        assert set(once.applied.managed(area)) <= {*values, *case.wish.of(area)}
    assert any(stands.values())
    gone = target.stands(before, once.applied, FACTS)
    firsts = {NAMESERVERS, MIRRORS, HTTP_PROXY} & gone.keys()
    assert not any(gone[area] for area in firsts)


@each_case
def test_the_ledger_remembers_all_of_it(case):
    once = merged(case, state_of(case), nothing_of(case), case.wish)
    ledger = Ledger((once.applied,))
    record = ledger_change(FileState('/l', '/l', None, 0, 0, 0), ledger)
    assert read_ledger(record.after.content) == ledger


@each_case
def test_a_diff_shows_no_secret(case):
    once = merged(case, state_of(case), nothing_of(case), case.wish)
    for state in (state_of(case), once.after):
        text = (state.content or b'').decode()
        shown = target_of(case).redact(text)
        assert 'hunter2' not in shown
        assert 'YTpz' not in shown
        assert len(shown.splitlines()) == len(text.splitlines())


@each_case
def test_its_files_are_known_by_their_paths(case):
    target = target_of(case)
    assert target.is_file(case.path, case.user)
    assert not target.is_file('/shadow', None)


@pytest.mark.parametrize(
    ('name', 'content'),
    (
        ('docker-daemon', b'{'),
        ('docker-config', b'[]'),
        ('notes', b'!broken\n'),
        ('registry-config', b'version: *hunter2\n'),
    ),
)
def test_a_file_that_cannot_be_read_is_refused(name, content):
    case = CASES[name]
    state = state_of(case)._replace(content=content)
    with pytest.raises(ConfigError):
        merged(case, state, nothing_of(case), case.wish)


def test_settling_is_over_where_nobody_writes(root):
    for case in CASES.values():
        host = Host(str(root.path))
        assert tuple(target_of(case).settle(host, state_of(case))) == ()


def test_secrets_are_in_the_cases():
    text = json.dumps([str(case) for case in CASES.values()])
    assert 'hunter2' in text
    assert 'YTpz' in text
