"""Situations from the field, each a file of tests/data/field/client, run on a root.

A case has `files` (path -> text, or {text | bytes (hex) | link | folder, mode, owner}),
`before` (steps: {run: words} or {write: files}), `command` (words for registry-host),
`expect`, and `why` and `source`. What a case asks for and this runner does not know
fails, rather than pass unseen.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from roots import Root

FOLDER = Path(__file__).with_name('data') / 'field/client'
CASES = sorted(FOLDER.rglob('*.json'))
MEMBERS = {'name', 'files', 'before', 'command', 'expect', 'why', 'source'}
EXPECTATIONS = {'exit', 'exit_code', 'has', 'lacks', 'same'}
FILE_MEMBERS = {'text', 'bytes', 'link', 'folder', 'mode', 'owner'}


def require_known(found: Any, known: set[str]) -> None:
    unknown = set(found) - known
    assert not unknown, f'this runner does not know {sorted(unknown)}'


def write(root: Root, files: dict[str, Any]) -> None:
    for path, content in files.items():
        given = {'text': content} if isinstance(content, str) else content
        require_known(given, FILE_MEMBERS)
        assert len({'text', 'bytes', 'link', 'folder'} & set(given)) == 1, path
        place = root.path / path.lstrip('/')
        place.parent.mkdir(parents=True, exist_ok=True)
        if 'link' in given:
            place.symlink_to(given['link'])
        elif 'folder' in given:
            place.mkdir(exist_ok=True)
        elif 'text' in given:
            root.write(path, given['text'])
        else:
            root.write(path, bytes.fromhex(given['bytes']))
        if 'mode' in given:
            place.chmod(int(given['mode'], 8))
        if 'owner' in given and os.geteuid() == 0:
            os.chown(place, *given['owner'], follow_symlinks=False)


def run_case(root: Root, case: dict[str, Any]) -> None:
    require_known(case, MEMBERS)
    expect = case['expect']
    require_known(expect, EXPECTATIONS)
    assert len({'exit', 'exit_code'} & set(expect)) == 1, 'no exit code is expected'
    write(root, case['files'])
    for step in case.get('before', ()):
        require_known(step, {'run', 'write'})
        if 'write' in step:
            write(root, step['write'])
        if 'run' in step:
            root.run(*step['run'])
    paths = [root.path / path.lstrip('/') for path in expect.get('same', ())]
    before = [path.read_bytes() for path in paths]
    ended = root.run(*case['command'])
    shown = ended.out + ended.err
    assert ended.code == expect.get('exit', expect.get('exit_code')), shown
    for text in expect.get('has', ()):
        assert text in shown
    for text in expect.get('lacks', ()):
        assert text not in shown
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_case(root, path):
    run_case(root, json.loads(path.read_text(encoding='utf-8')))


@pytest.mark.parametrize(
    ('case', 'unknown'),
    (
        ({'expect': {'exit': 0, 'findings': []}, 'files': {}}, 'findings'),
        ({'expect': {'exit': 0}, 'files': {}, 'live': True}, 'live'),
        ({'expect': {'exit': 0}, 'files': {'/a': {'text': '', 'acl': 1}}}, 'acl'),
    ),
)
def test_what_the_runner_does_not_know_fails(root, case, unknown):
    with pytest.raises(AssertionError, match=unknown):
        run_case(root, {'command': ['doctor'], **case})
