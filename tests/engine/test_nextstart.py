"""What only a start refuses, by version; hosts/test_next_start.py asks engines."""

from __future__ import annotations

import json

import pytest

from registry_host.engine.daemonjson import DaemonJson
from registry_host.engine.flags import parse_flags
from registry_host.engine.keys import eras, parse_version
from registry_host.engine.nextstart import files_read, refusals
from registry_host.engine.start import Surroundings
from registry_host.errors import Problem
from registry_host.jsonfile import jsontext

OKC = {'storage-opts': ['overlay2.override_kernel_check=true']}
DM = {'storage-driver': 'devicemapper'}
TLS = {'tls': True, 'tlscert': '/c', 'tlskey': '/k', 'tlscacert': '/ca'}
JOURNALD = {'log-driver': 'journald', 'log-opts': {'max-size': '10m'}}
SYSTEMD = {'exec-opts': ['native.cgroupdriver=systemd']}
STORE = Surroundings(is_containerd_store=True)
SNAPSHOTTER = {'features': {'containerd-snapshotter': True}}
IN_SWARM = Surroundings(is_in_swarm=True)
LIVE = {'live-restore': True}
FAILS = ': the next start of the engine fails'
ALL = ('20.10.24', '23.0.0', '24.0.0', '25.0.0', '26.1.5', '27.0.0', '28.5.2', '29.7.2')


def read(document):
    return jsontext.read(json.dumps(document).encode())


def found(document, version, words='', around=None):
    flags = parse_flags(['dockerd', *words.split()])
    known = version and parse_version(version)
    return refusals(read(document), known, flags, around or Surroundings())


def absent(*paths):
    return Surroundings(absent=frozenset(paths))


def row(document, refused, *, words='', around=None):
    return pytest.param(document, refused, words, around, id=json.dumps(document)[:60])


@pytest.mark.parametrize(
    ('document', 'refused', 'words', 'around'),
    (
        row({}, ()),
        row(OKC, ALL[2:7]),
        row({'storage-opts': ['Overlay2.Override_Kernel_Check=0']}, ALL[2:7]),
        row({**OKC, **SNAPSHOTTER}, ()),
        row({**OKC, 'features': {'containerd-snapshotter': False}}, ALL[2:]),
        row(OKC, (), words='--feature=containerd-snapshotter=true'),
        row(OKC, (), around=STORE),
        row({**OKC, 'storage-driver': 'fuse-overlayfs'}, ()),
        row({'storage-opts': ['overlay2.size=9G', None, 5]}, ()),
        row({'storage-opts': 'dm.x'}, ()),
        row({'storage-opts': ['dm.basesize=9G']}, ALL[3:7]),
        row({'storage-driver': 'aufs'}, ALL[2:7]),
        row({'storage-driver': 'overlay'}, ALL[2:7]),
        row(DM, ALL[3:7]),
        row({'storage-driver': ['aufs']}, ()),
        row({'storage-driver': 'overlay2'}, ()),
        row(JOURNALD, ALL),
        row({'log-opts': {'max-size': '1m'}}, ALL, words='--log-driver=journald'),
        row({'log-opts': {'max-size': '1m'}}, ()),
        row({'log-driver': 'journald'}, ALL, words='--log-opt max-size=1m'),
        row({'log-driver': 'journald'}, ()),
        row({'log-driver': 'syslog', 'log-opts': {'max-file': '3'}}, ALL),
        row({'log-driver': 'syslog', 'log-opts': {'whatever': '3'}}, ()),
        row({'log-driver': 'grafana/loki', 'log-opts': {'max-size': '3'}}, ()),
        row({'log-driver': 'none', 'log-opts': {'max-size': '3', 'mode': 'x'}}, ()),
        row({'log-driver': 'local', 'log-opts': {'labels': 'a'}}, ALL),
        row({'log-opts': {'mode': 'x'}}, ALL),
        row({'log-opts': {'max-buffer-size': '4m'}}, ALL),
        row({'log-opts': {'mode': 'non-blocking', 'max-buffer-size': '4m'}}, ()),
        row({'log-driver': 'journald', 'log-opts': {'cache-disabled': 'true'}}, ()),
        row({'log-driver': 'journald', 'log-opts': None}, ()),
        row(LIVE, ALL, around=IN_SWARM),
        row(LIVE, ()),
        row({'live-restore': False}, (), around=IN_SWARM),
        row({'seccomp-profile': '/x'}, ALL, around=absent('/x')),
        row({'seccomp-profile': '/x'}, ()),
        row({'seccomp-profile': 'builtin'}, ALL[:1], around=absent('/builtin')),
        row({'seccomp-profile': ''}, (), around=absent('/', '')),
        row({'userland-proxy-path': '/x'}, ALL[3:], around=absent('/x')),
        row(
            {'userland-proxy-path': '/x', 'userland-proxy': False},
            (),
            around=absent('/x'),
        ),
        row(TLS, ()),
        row(TLS, ALL, around=absent('/c')),
        row(TLS, ALL, around=absent('/ca')),
        row({**TLS, 'tls': False}, (), around=absent('/c', '/k', '/ca')),
        row({'tlscacert': '/ca'}, (), around=absent('/ca')),
        row({'tls': True}, ALL, words='--tlscert=/c --tlskey=/k'),
        row({'tlsverify': None}, ALL),
        row({'exec-opts': ['native.cgroupdriver=x']}, ALL),
        row(SYSTEMD, ()),
        row({**SYSTEMD, 'cgroup-parent': 'x'}, ALL),
        row({**SYSTEMD, 'cgroup-parent': 'x.slice'}, ()),
        row({**SYSTEMD, 'cgroup-parent': ''}, ()),
        row({'cgroup-parent': 'x'}, ()),
        row({'icc': False, 'iptables': False}, ALL),
        row({'icc': False}, ALL, words='--iptables=false'),
        row({'icc': False}, ()),
        row({'bridge': 'none', 'bip': '10.0.0.1/24'}, ALL),
        row({'bridge': '', 'bip': '10.0.0.1/24'}, ()),
        row({'ipv6': True}, ALL[:5]),
        row({'ipv6': True, 'fixed-cidr-v6': 'fd00::/64'}, ()),
        row({'ip6tables': True}, ALL[:5]),
        row({'ip6tables': True, 'experimental': True}, ()),
    ),
)
def test_by_version(document, refused, words, around):
    by_version = {v for v in ALL if found(document, v, words, around)}
    assert by_version == set(refused)
    if refused and refused != ALL:  # Which engine it is, is not known.
        assert found(document, None, words, around) == ()


@pytest.mark.parametrize(
    ('document', 'around', 'problem'),
    (
        (
            LIVE,
            IN_SWARM,
            Problem(
                code='next-start-refused',
                where='1:2',
                message='"live-restore" is incompatible with a swarm, and this host is '
                f'in one{FAILS}'
                '; write "live-restore": false, then reload',
            ),
        ),
        (
            OKC,
            None,
            Problem(
                code='next-start-refused',
                where='1:19',
                message='"overlay2.override_kernel_check" was removed in Docker '
                f'24.0{FAILS}'
                '; remove this entry of "storage-opts"',
            ),
        ),
        (
            DM,
            None,
            Problem(
                code='next-start-refused',
                where='1:2',
                message='the storage driver "devicemapper" was removed in Docker '
                f'25.0{FAILS}'
                '; write "overlay2" instead: images and containers of the old '
                'driver are not seen then',
            ),
        ),
        (
            JOURNALD,
            None,
            Problem(
                code='next-start-refused',
                where='1:41',
                message=f'the log driver journald has no option "max-size"{FAILS}'
                '; remove "max-size": only json-file and local write files of their '
                'own',
            ),
        ),
        (
            {'seccomp-profile': "/it's.json"},
            absent("/it's.json"),
            Problem(
                code='next-start-refused',
                where='1:2',
                message='"seccomp-profile" names /it\'s.json, which does not '
                f'exist{FAILS}'
                '; put it there, or take "seccomp-profile" out',
            ),
        ),
        (
            {'tlsverify': True, 'tlscert': '/c'},
            None,
            Problem(
                code='next-start-refused',
                where='1:2',
                message='"tlsverify" turns TLS on, and "tlskey" must name its files '
                f'then{FAILS}'
                '; add "tlskey", or remove "tlsverify"',
            ),
        ),
    ),
)
def test_what_is_said(document, around, problem):
    (refusal,) = found(document, '28.5.2', '', around)
    assert refusal.problem == problem


def test_files_that_a_start_reads():
    document = {**TLS, 'seccomp-profile': 's', 'userland-proxy-path': '/p'}
    assert files_read(read(document), (28, 5, 2)) == ('/s', '/p', '/c', '/k', '/ca')
    assert files_read(read({}), (28, 5, 2)) == ()


def test_a_file_without_these_keys_is_not_looked_at():
    """START_KEYS names a key of every rule."""
    documents = (LIVE, OKC, DM, JOURNALD, TLS, {'bridge': 'x', 'bip': 'y'})
    others = ({'icc': False, 'iptables': False}, {'ipv6': True}, {'ip6tables': True})
    for document in (*documents, *others, SYSTEMD, {'userland-proxy-path': '/x'}):
        assert DaemonJson(read(document)).concerns_start, document
    assert not DaemonJson(read({'registry-mirrors': []})).concerns_start


def test_nothing_of_any_kind_of_value_breaks_a_rule():
    keys = [key for key in (*TLS, *JOURNALD, *OKC, *DM, *LIVE, *SYSTEMD, 'icc', 'bip')]
    keys += ['bridge', 'seccomp-profile', 'features', 'userland-proxy-path', 'ipv6']
    for value in (None, True, 5, 'x', '', [], ['x', None, 5], {}, {'a': None}, '\0'):
        for version in (None, *eras()):
            document = jsontext.read(json.dumps(dict.fromkeys(keys, value)).encode())
            refusals(document, version, {}, Surroundings())
            files_read(document, version)
