"""Whatever ends a run, and whenever: what is said of the host is true of it."""

from __future__ import annotations

import json

import pytest
from places import DAEMON_JSON, JOURNAL, STATE

from registry_host.host.host import Host

FOREIGN = '{\n  "debug": true\n}\n'
WRITES = (
    'clean_state',
    'make_state_folder',
    'move_state',
    'remove_folders',
    'remove_state',
    'replace_file',
    'write_state',
)


class Ended(Host):
    """Is interrupted, or fails, before or after one of its writes."""

    end: type[BaseException] = KeyboardInterrupt
    at = 0
    is_after = False
    count = 0


def _ending(name):
    write = getattr(Host, name)

    def ended(self, *arguments, **options):
        kind = type(self)
        kind.count += 1
        is_now = kind.count == kind.at
        if is_now and not kind.is_after:
            raise kind.end(5, 'Input/output error')
        done = write(self, *arguments, **options)
        if is_now:
            raise kind.end(5, 'Input/output error')
        return done

    return ended


for _name in WRITES:
    setattr(Ended, _name, _ending(_name))


def converged(root):
    return root.run('configure', '--mirror', 'http://old')


def cut_short(root):
    """Leave a run of which the journal alone was written, and the file."""
    converged(root)
    root.write(JOURNAL, root.read(f'{STATE}/checkpoints/1.json'), 0o600)
    (root.path / f'{STATE}/checkpoints/1.json'.lstrip('/')).unlink()


CASES = {
    'configure': (lambda root: None, ('configure', '--mirror', 'http://new')),
    'configure-again': (converged, ('configure', '--mirror', 'http://new')),
    'unconfigure': (converged, ('unconfigure',)),
    'undo': (converged, ('undo',)),
    'recovered-then-configure': (cut_short, ('configure', '--mirror', 'http://new')),
}


def files(root):
    """The config, and whether a run is unfinished."""
    path = root.path / DAEMON_JSON.lstrip('/')
    is_unfinished = (root.path / JOURNAL.lstrip('/')).exists()
    return (path.read_text() if path.exists() else None), is_unfinished


@pytest.mark.parametrize('is_after', (False, True), ids=('before', 'after'))
@pytest.mark.parametrize('end', (KeyboardInterrupt, OSError))
@pytest.mark.parametrize('name', CASES)
def test_what_is_said_of_the_host_is_true(make_root, monkeypatch, name, end, is_after):
    prepare, words = CASES[name]
    whole = make_root()
    whole.write(DAEMON_JSON, FOREIGN)
    prepare(whole)
    start, _ = files(whole)
    assert whole.run(*words).code == 0
    changed, _ = files(whole)
    at, said = 0, set()
    while True:
        at += 1
        root = make_root()
        root.write(DAEMON_JSON, FOREIGN)
        prepare(root)
        kind = type('EndedOnce', (Ended,), {'end': end, 'at': at, 'is_after': is_after})
        with monkeypatch.context() as patch:
            patch.setattr('registry_host.cli.Host', kind)
            ended = root.run(*words, '--format=json')
        if kind.count < at:
            break
        (error,) = ended.json['errors'] or [{'message': ''}]
        content, is_unfinished = files(root)
        state = 'none' if not error['message'] else state_of(error['message'])
        said.add(state)
        is_cut = prepare is cut_short
        expected = {
            'none': (changed, False),
            'stands': (changed, False),
            # A run that was cut short before was not looked at yet.
            'nothing': (start, is_cut),
            'nothing-else': (FOREIGN, False),
            'rolled-back': (FOREIGN if is_cut else start, False),
            'partly': (content, True),
        }[state]
        assert (content, is_unfinished) == expected, (at, error['message'])
        assert ended.code == {'none': 0}.get(state, 130 if end is not OSError else 1)
        is_changed = state in ('none', 'stands', 'partly', 'nothing-else')
        hosts = {
            'none': 'changed',
            'stands': 'changed',
            'nothing': 'unchanged',
            'nothing-else': 'recovered',
            'rolled-back': 'rolled-back',
            'partly': 'partly-changed',
        }
        host = hosts[state]
        if 'the old file is as it was' in error['message']:  # Not one was written.
            host = 'recovered' if is_cut else 'unchanged'
        assert ended.json['host'] == host, error['message']
        if 'recovered' in [f['check'] for f in ended.json['findings']]:
            assert ended.json['changed'] is True, error['message']
        if not is_cut:
            assert ended.json['changed'] == is_changed, (at, error['message'])
        # Whatever was left, the next run finds its way from there.
        assert root.run(*words).code == 0
    assert at > 5
    assert {'rolled-back'} <= said or end is OSError


def state_of(message):
    """Say in a word what an error tells of the host."""
    for words, state in (
        ('nothing else was written', 'nothing-else'),
        ('nothing was written', 'nothing'),
        ('the change stands', 'stands'),
        ('partly', 'partly'),
        ('the old file is', 'rolled-back'),
        ('was rolled back', 'rolled-back'),
    ):
        if words in message:
            return state
    raise AssertionError(f'{message!r} does not tell what became of the host')


def test_an_interrupt_behind_the_commit_names_the_way_back(root, monkeypatch):
    class Late(Host):
        def move_state(self, source, destination):
            super().move_state(source, destination)
            raise KeyboardInterrupt

    monkeypatch.setattr('registry_host.cli.Host', Late)
    ended = root.run('configure', '--mirror', 'http://new')
    assert (ended.code, ended.out) == (130, '')
    assert ended.err == (
        f'\nerror: interrupted; the change stands\nhint:  {root.as_root} undo 1\n'
    )
    assert json.loads(root.read(DAEMON_JSON)) == {'registry-mirrors': ['http://new']}
