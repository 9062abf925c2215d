"""Any sequence of runs and hand edits: theirs stays, and all of ours can be undone."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from registry_host.commands.configure import configure
from registry_host.commands.unconfigure import unconfigure
from registry_host.commands.undo import undo
from registry_host.errors import UndoError
from registry_host.host.host import Host
from registry_host.plan.ledger import load_ledger
from registry_host.plan.selectors import Selection
from registry_host.transaction import checkpoints
from registry_host.transaction.carryout import Manner

# The same sequences each time; with the variable, as many others, for the search.
SEQUENCES = int(os.environ.get('REGISTRY_HOST_SEQUENCES', '1000'))
IS_SEARCH = 'REGISTRY_HOST_SEQUENCES' in os.environ
DAEMON_JSON = 'etc/docker/daemon.json'
CONFIG_JSON = 'home/alice/.docker/config.json'
MIRRORS, INSECURE, DNS = 'registry-mirrors', 'insecure-registries', 'dns'
LISTS = (MIRRORS, INSECURE, DNS)
# Ours may be asked for; theirs are only written by hand; the shared ones by either.
OURS = {
    MIRRORS: ['http://o1', 'http://o2'],
    INSECURE: ['o1:1', 'o2:1'],
    DNS: ['9.9.9.1', '9.9.9.2'],
}
THEIRS = {
    MIRRORS: ['https://t1', 'https://t2/'],
    INSECURE: ['t1:1', '10.0.0.0/8'],
    DNS: ['192.0.2.1', '192.0.2.2'],
}
SHARED = {MIRRORS: ['http://shared'], INSECURE: ['shared:1'], DNS: ['192.0.2.9']}
PROXIES = ['http://p1:1', 'http://user:hunter2@p2:1']
NO_PROXY = ['.o1', '.o1,.shared']
FIRST = (
    (None, None),
    ('{}', '{}\n'),
    (
        '{\n\t"labels" : ["a=b"],\r\n"registry-mirrors":[ "https://t1" ] }',
        '{"auths": {"r": {"auth": "czpz"}},\n'
        ' "proxies": {"default": {"noProxy": ".t1"}}}',
    ),
    (
        '{"insecure-registries": [], "shutdown-timeout": 15,\n'
        ' "dns":["192.0.2.1", "192.0.2.9"]}\n',
        '{"proxies": {}, "HttpHeaders": {"X": "y"}}',
    ),
    (
        '{"registry-mirrors":["http://shared/","https://t1"],'
        '"proxies":{"http-proxy":"http://t:1"}}',
        '{"proxies": {"default": {"httpProxy": "http://t:1", "noProxy": ".shared"}}}',
    ),
)
NAMES = {
    DAEMON_JSON: ('http-proxy', 'no-proxy'),
    CONFIG_JSON: ('httpProxy', 'noProxy'),
}
AREAS = st.sampled_from(LISTS)
FILES = st.sampled_from([DAEMON_JSON, CONFIG_JSON])


READERS = st.sampled_from([['engine'], ['client'], ['engine', 'client']])
# What `unconfigure` takes, for each list of daemon.json; none is everything.
WORDS = {MIRRORS: 'mirrors', INSECURE: 'insecure-registries', DNS: 'dns'}


def subset(of, min_size=0):
    values = st.sampled_from(of)
    return st.lists(values, unique=True, min_size=min_size, max_size=len(of))


def some(area):
    return st.none() | subset(OURS[area] + SHARED[area], min_size=1)


class Sequences(RuleBasedStateMachine):
    """`lists` and `members` are what others have written: the model."""

    @initialize(first=st.sampled_from(FIRST), mode=st.sampled_from([0o644, 0o600]))
    def begin(self, first, mode):
        folder = '/dev/shm' if os.path.isdir('/dev/shm') else None
        self.root = Path(tempfile.mkdtemp(prefix='registry-host-seq-', dir=folder))
        for name in (DAEMON_JSON, CONFIG_JSON):
            (self.root / name).parents[1].mkdir(parents=True)
        passwd = 'root:x:0:0::/root:/bin/sh\nalice:x:0:0::/home/alice:/bin/sh\n'
        (self.root / 'etc/passwd').write_text(passwd)
        for name, content in zip((DAEMON_JSON, CONFIG_JSON), first, strict=True):
            if content is not None:
                self.put(name, content.encode(), mode)
        self.host = Host(str(self.root))
        self.first = self.seen()
        self.is_edited, self.why = False, []
        document = self.document(DAEMON_JSON)
        self.lists = {area: document.get(area, []) for area in LISTS}
        files = (DAEMON_JSON, CONFIG_JSON)
        self.members = {name: self.foreign_of(name) for name in files}
        self.proxy = {name: self.proxies_of(name)[0] for name in files}
        self.no_proxy = {name: self.proxies_of(name)[1] for name in files}

    # Looking

    def put(self, name, content, mode=None):
        file = self.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        if mode is not None:
            file.chmod(mode)

    def document(self, name):
        file = self.root / name
        return json.loads(file.read_bytes()) if file.exists() else {}

    def seen(self):
        files = (DAEMON_JSON, CONFIG_JSON)
        folders = tuple((self.root / name).parent.exists() for name in files)
        found = tuple(
            (file.read_bytes(), file.stat().st_mode) if file.exists() else None
            for file in (self.root / name for name in files)
        )
        return folders + found

    def foreign_of(self, name):
        """All members but the ones that a run may touch."""
        document = self.document(name)
        for key in (*LISTS, 'proxies'):
            document.pop(key, None)
        return document

    def proxies_of(self, name):
        """The proxy, and the entries of no-proxy."""
        proxies = self.document(name).get('proxies', {})
        if name == CONFIG_JSON:
            proxies = proxies.get('default', {})
        http_proxy, no_proxy = NAMES[name]
        entries = proxies.get(no_proxy, '').split(',')
        return proxies.get(http_proxy), [entry for entry in entries if entry]

    # The tool

    def order(self, line):
        return Manner(arguments=(line,))

    @rule(
        lists=st.fixed_dictionaries({area: some(area) for area in LISTS}),
        proxy=st.none() | st.sampled_from(PROXIES),
        no_proxy=st.none() | st.sampled_from(NO_PROXY),
        readers=READERS,
        is_replacing=st.booleans(),
    )
    def run_flags(self, lists, proxy, no_proxy, readers, is_replacing):
        flags = {
            MIRRORS: lists[MIRRORS],
            INSECURE: lists[INSECURE],
            'engine': lists[DNS],
            'http-proxy': proxy,
            'no-proxy': no_proxy,
        }
        if all(value is None for value in flags.values()):
            return
        if proxy or no_proxy:
            flags['for'] = readers
        before = {area: self.document(DAEMON_JSON).get(area, []) for area in LISTS}
        managed = {area: self.managed(area) for area in LISTS}
        self.configure({**flags, 'users': ['alice']}, None, is_replacing=is_replacing)
        for area, asked in lists.items():
            after = self.document(DAEMON_JSON).get(area, [])
            for text in asked or ():
                assert self.is_there(area, after, text)
            if asked is None:
                assert after == before[area]
            elif not is_replacing:
                assert set(before[area]) <= set(after)
                kept = [text for text in before[area] if text in managed[area]]
                assert [text for text in after if text in managed[area]][
                    : len(kept)
                ] == kept

    def managed(self, area):
        ledger, _ = load_ledger(self.host)
        key = 'engine-dns' if area == DNS else area
        return ledger.find('docker-daemon', f'/{DAEMON_JSON}').managed(key)

    @rule(area=AREAS, count=st.integers(0, 2), data=st.data())
    def withdraw_some(self, area, count, data):
        """Single values of an area, or all: the others stay."""
        managed = self.managed(area)
        values = data.draw(subset(managed, count)) if len(managed) >= count > 0 else []
        selection = Selection(WORDS[area], tuple(values))
        before = self.document(DAEMON_JSON).get(area, [])
        unconfigure(self.host, self.order('unconfigure'), selection, is_probing=False)
        after = self.document(DAEMON_JSON).get(area, [])
        gone = values or managed
        assert after == [
            text for text in before if text not in gone or text in self.lists[area]
        ]

    @rule(
        mirrors=subset(OURS[MIRRORS] + SHARED[MIRRORS]),
        insecure=subset(OURS[INSECURE] + SHARED[INSECURE]),
        dns=subset(OURS[DNS] + SHARED[DNS]),
        proxy=st.none() | st.sampled_from(PROXIES),
        readers=READERS,
    )
    def run_declaration(self, mirrors, insecure, dns, proxy, readers):
        document = {
            MIRRORS: mirrors,
            INSECURE: insecure,
            'dns': {'engine': dns},
            'proxies': {'http-proxy': proxy, 'for': readers} if proxy else {},
            'client': {'users': ['alice']},
        }
        file = self.root / 'settings.json'
        file.write_text(json.dumps(document))
        self.configure({}, str(file))

    def configure(self, flags, file, **how):
        order = self.order('configure')
        words = {'settings_file': file, 'flags': flags, 'is_probing': False, **how}
        configure(self.host, order, **words)
        again = configure(self.host, order, **words)
        assert not again.is_changed

    @rule()
    def withdraw(self):
        unconfigure(self.host, self.order('unconfigure'), Selection(), is_probing=False)
        ledger, _ = load_ledger(self.host)
        assert ledger.entries == ()
        self.nothing_of_ours()

    @rule(back=st.none() | st.integers(0, 4))
    def undo_one(self, back):
        """The newest, or any: undoings among them."""
        runs = [run.id for run in checkpoints.history(self.host) if run.steps]
        before = self.seen()
        try:
            self.undo(None if back is None else runs[-1 - back : len(runs) - back][0])
        except IndexError:
            return
        except UndoError as err:
            codes = {problem.code for problem in err.problems}
            # An undoing that found nothing left to do is nothing to undo itself.
            assert codes <= {
                'undo-conflict',
                'undo-done',
                'undo-nothing',
                'undo-order',
            }
            assert self.seen() == before

    def undo(self, number):
        return undo(self.host, Manner(('undo',), lock_timeout_s=1), number)

    # Hands

    @rule(area=AREAS, at=st.integers(0, 3), data=st.data())
    def add_entry(self, area, at, data):
        document = self.document(DAEMON_JSON)
        found = document.setdefault(area, [])
        free = [text for text in THEIRS[area] + SHARED[area] if text not in found]
        ledger, _ = load_ledger(self.host)
        key = 'engine-dns' if area == DNS else area
        claimed = {text for entry in ledger.entries for text in entry.managed(key)}
        # What we put, and others took out and put again, nobody can tell from ours.
        free = [text for text in free if text not in claimed]
        if not free or self.is_there(area, found, SHARED[area][0]):
            return
        text = data.draw(st.sampled_from(free))
        found.insert(at, text)
        self.lists[area] = [t for t in found if self.is_theirs(area, t) or t == text]
        self.write(DAEMON_JSON, document)

    def is_there(self, area, found, text):
        return any(entry.rstrip('/') == text.rstrip('/') for entry in found)

    def is_theirs(self, area, text):
        return text in self.lists[area]

    @rule()
    def write_anew(self):
        """What others have, and nothing of ours: as a template that is rolled out."""
        document = dict(self.members[DAEMON_JSON])
        document |= {area: foreign for area, foreign in self.lists.items() if foreign}
        proxies = {
            'http-proxy': self.proxy[DAEMON_JSON],
            'no-proxy': ','.join(self.no_proxy[DAEMON_JSON]),
        }
        proxies = {name: text for name, text in proxies.items() if text}
        if proxies:
            document['proxies'] = proxies
        self.write(DAEMON_JSON, document)

    @precondition(lambda self: any(self.lists.values()))
    @rule(area=AREAS)
    def drop_entry(self, area):
        document = self.document(DAEMON_JSON)
        if self.lists[area]:
            text = self.lists[area].pop()
            document[area].remove(text)
            self.write(DAEMON_JSON, document)

    @rule(
        name=FILES,
        member=st.sampled_from(
            [
                ('labels', ['x=y']),
                ('labels', ['z=1', 'é=2']),
                ('log-opts', {'max-size': '1m'}),
                ('debug', False),
            ]
        ),
    )
    def set_member(self, name, member):
        key, value = member
        document = self.document(name)
        document[key] = value
        self.members[name][key] = value
        self.write(name, document)

    @rule(name=FILES, text=st.sampled_from(['http://t:1', 'http://t:2', None]))
    def set_proxy(self, name, text):
        document, proxies = self.proxies_in(name)
        proxies.pop(NAMES[name][0], None)
        if text is not None:
            proxies[NAMES[name][0]] = text
        self.proxy[name] = text
        self.write(name, document)

    @rule(name=FILES, entry=st.sampled_from(['.t1', '.t2']))
    def add_or_drop_no_proxy(self, name, entry):
        document, proxies = self.proxies_in(name)
        _, entries = self.proxies_of(name)
        for found in (entries, self.no_proxy[name]):
            if entry in self.no_proxy[name] and entry in found:
                found.remove(entry)
            else:
                found.append(entry)
        proxies[NAMES[name][1]] = ','.join(entries)
        self.write(name, document)

    def proxies_in(self, name):
        document = self.document(name)
        proxies = document.setdefault('proxies', {})
        if name == CONFIG_JSON:
            proxies = proxies.setdefault('default', {})
        return document, proxies

    @rule(name=FILES, indent=st.integers(0, 3))
    def reformat(self, name, indent):
        if (self.root / name).exists():
            self.write(name, self.document(name), indent)

    def write(self, name, document, indent=None):
        self.is_edited = True
        self.put(name, json.dumps(document, indent=indent).encode())

    # What must hold

    @invariant()
    def foreign_stays(self):
        if not hasattr(self, 'root'):
            return
        document = self.document(DAEMON_JSON)
        for area, foreign in self.lists.items():
            found = document.get(area, [])
            assert [text for text in found if text in foreign] == foreign
            assert len(set(found)) == len(found)
        for name, members in self.members.items():
            assert self.foreign_of(name) == members
            _, no_proxy = self.proxies_of(name)
            foreign = self.no_proxy[name]
            assert [entry for entry in no_proxy if entry in foreign] == foreign

    def nothing_of_ours(self):
        document = self.document(DAEMON_JSON)
        for area, foreign in self.lists.items():
            assert document.get(area, []) == foreign
        for name in (DAEMON_JSON, CONFIG_JSON):
            foreign = self.proxy[name], self.no_proxy[name]
            assert self.proxies_of(name) == foreign

    def teardown(self):
        if not hasattr(self, 'root'):
            return
        try:
            for _ in range(40):
                if self.undo(None).plan is None:
                    break
                self.foreign_stays()
        except UndoError as err:
            self.why = [problem.code for problem in err.problems]
            unconfigure(
                self.host, self.order('unconfigure'), Selection(), is_probing=False
            )
        assert self.is_edited or self.why == []
        assert set(self.why) <= {'undo-conflict'}
        self.nothing_of_ours()
        assert self.is_edited or self.seen() == self.first
        shutil.rmtree(self.root)


Sequences.TestCase.settings = settings(
    max_examples=SEQUENCES,
    stateful_step_count=10,
    deadline=None,
    derandomize=not IS_SEARCH,
    suppress_health_check=list(HealthCheck),
)
TestSequences = Sequences.TestCase
