"""Runs as JSON on disk: the journal, checkpoints, and what was left behind.

What is read back is data, and nothing in it is trusted with more than it needs to undo
a run: a root folder may have come from elsewhere, state folder and all. A path is
followed again inside the root, a temporary file has the one name that a run makes up
for it, a mode keeps no more than rwx, a file gets an owner that it, its user or root
has, and attributes that grant privileges are not put back. Everything else raises
ValueError, KeyError, TypeError or AttributeError, for the caller to call it damaged.

In one module: what is written is read beside what is believed of it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any, TypeVar

from registry_host import services
from registry_host.host.locations import LEDGER, STATE_FOLDER, TEMPORARY
from registry_host.host.records import FileState, User
from registry_host.levels import Activation
from registry_host.plan.changes import Change
from registry_host.plan.ledger import decode_values, name_text
from registry_host.plan.readings import STATES, Need, Seen
from registry_host.targets import TARGETS
from registry_host.transaction.run import (
    APPLIED,
    RECOVERED,
    ROLLED_BACK,
    Ledgers,
    Origin,
    Run,
    Step,
    Touched,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_host.host.host import Host
    from registry_host.plan.wish import Values
    from registry_host.transaction.run import RunOutcome

VERSION = 2
_MODES = 0o777
# Above every user id (2^32 - 2) and every mode, run and level.
_WHOLE_LIMIT = 2**33
_OUTCOMES: tuple[RunOutcome, ...] = (APPLIED, ROLLED_BACK, RECOVERED)
_NOWHERE = 'nowhere'
# Attributes that say who may read and write, or label a file. Others may grant
# privileges to users who run it (security.capability), or are the kernel's (trusted).
_XATTRS = re.compile(r'user\..+|system\.posix_acl_access|security\.(selinux|SMACK64)')


Word = TypeVar('Word', bound=str)


class NewerError(Exception):
    """The record was written by a newer version."""


# Writing


def encode(host: Host, run: Run) -> bytes:
    document = {
        'version': VERSION,
        'id': run.id,
        'command': run.origin.command,
        'line': run.origin.line,
        'undoes': run.origin.undoes,
        'started': run.started,
        'by': run.by,
        'services': [_encode_need(need) for need in run.needs],
        'outcome': run.outcome,
        'steps': [_encode_step(host, step) for step in run.steps],
        'files': run.files,
        'ledgers': [_to_base64(content) for content in run.ledgers],
    }
    return (json.dumps(document, indent=1) + '\n').encode()


def _encode_need(need: Need) -> dict[str, Any]:
    live = need.seen.live
    return {
        'name': need.service,
        'state': need.seen.state,
        'instance': need.seen.identity,
        'live': None if live is None else _encode_values(live),
        'needed': int(need.needed),
        'done': int(need.done),
        'at-start': _encode_values(need.base),
        'due': _encode_values(need.due),
        'engine': need.is_engine,
    }


def _encode_values(values: Mapping[str, Values]) -> dict[str, list[str]]:
    return {area: list(texts) for area, texts in values.items()}


def _encode_step(host: Host, step: Step) -> dict[str, Any]:
    change = step.change
    return {
        'target': change.target,
        'before': _encode_state(host, change.before),
        'after': _encode_state(host, change.after),
        'interim': _to_base64(change.interim),
        'temporary': step.temporary.removeprefix(host.root),
        'passing': [_to_base64(text) for text in step.passing],
        'merged': [_to_base64(text) for text in step.merged],
    }


def _encode_state(host: Host, state: FileState) -> dict[str, Any]:
    # The folder of a host may be another one when that host runs.
    xattrs = state.xattrs
    return {
        **state._asdict(),
        'content': _to_base64(state.content),
        'realpath': state.realpath.removeprefix(host.root),
        'xattrs': xattrs and [(name, _to_base64(value)) for name, value in xattrs],
        'missing_folders': [
            folder.removeprefix(host.root) for folder in state.missing_folders
        ],
    }


def _to_base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


# Reading


def decode(host: Host, content: bytes) -> Run:
    """Read a run back; NewerError, or an error of its shape: see above."""
    document = json.loads(content)
    version = _whole(document['version'])
    if version > VERSION:
        raise NewerError
    decoder = _Decoder(host)
    steps = tuple(decoder.step(step) for step in _list(document['steps']))
    if version == 1:
        needs = services.needs_of_version_1(document, [step.change for step in steps])
    else:
        needs = tuple(map(_need, _list(document['services'])))
    undoes = document['undoes']
    before, after = document['ledgers']
    return Run(
        id=_whole(document['id'], 1),
        origin=Origin(
            name_text(document['command']),
            name_text(document['line']),
            None if undoes is None else _whole(undoes, 1),
        ),
        started=name_text(document['started']),
        by=name_text(document['by']),
        needs=needs,
        outcome=_one_of(document['outcome'], _OUTCOMES),
        steps=steps,
        files=tuple(
            Touched(name_text(name), name_text(action))
            for name, action in document['files']
        ),
        ledgers=Ledgers(_content(before), _content(after)),
        masked=tuple(dict.fromkeys(decoder.masked)),
    )


class _Decoder:
    """Decodes steps; `masked` are the paths of files that lose something by it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.masked: list[str] = []

    def step(self, step: dict[str, Any]) -> Step:
        target = name_text(step['target'])
        path, recorded = (
            name_text(step['before'][name]) for name in ('path', 'realpath')
        )
        if (step['after']['path'], step['after']['realpath']) != (path, recorded):
            raise ValueError('one step is about one file')
        # Followed once: a user may change a link of their own at any moment.
        realpath = self._realpath(_path(path), _real(recorded))
        before, after = (
            self._state(step[name], realpath) for name in ('before', 'after')
        )
        _require_file_of(target, before)
        return Step(
            change=Change(
                target=target,
                before=before,
                after=after,
                interim=_content(step['interim']),
            ),
            temporary=self._temporary(before, name_text(step['temporary'])),
            passing=tuple(_content(text) or b'' for text in _list(step['passing'])),
            merged=tuple(_content(text) or b'' for text in _list(step['merged'])),
        )

    def _state(self, state: dict[str, Any], realpath: str) -> FileState:
        path = _path(state['path'])
        user, is_known = self._user(state['user'])
        mode = _whole(state['mode'])
        kept = mode & _MODES
        xattrs = _xattrs(state['xattrs'])
        safe = xattrs and tuple(pair for pair in xattrs if _XATTRS.fullmatch(pair[0]))
        if kept != mode or safe != xattrs:
            self.masked.append(path)
        recorded = _whole(state['uid']), _whole(state['gid'])
        owner = user if is_known else None
        uid, gid = self._owner(realpath, kept, owner, recorded)
        if (uid, gid) != recorded:
            self.masked.append(path)
        link = state['link']
        return FileState(
            path=path,
            realpath=realpath,
            content=_content(state['content']),
            mode=kept,
            uid=uid,
            gid=gid,
            link=None if link is None else name_text(link),
            xattrs=safe,
            user=user,
            folder_mode=_whole(state['folder_mode']) & _MODES,
            missing_folders=self._ancestors(realpath, state['missing_folders']),
        )

    def _realpath(self, path: str, recorded: str) -> str:
        """Follow a path again; where a link on it is another one now, keep the file.

        That is the one that was written, provided that no link leads away from it.
        """
        kept = f'{self._host.root}{recorded}'
        try:
            is_real = self._host.resolve(recorded) == kept
            return kept if is_real else self._host.resolve(path)
        except OSError:
            # A circle of links, which a user may have made of their own file. What it
            # is to the kernel may be outside the root: a place where nothing is.
            return f'{self._host.resolve(STATE_FOLDER)}/{_NOWHERE}'

    def _ancestors(self, realpath: str, recorded: Any) -> tuple[str, ...]:
        """As many of the innermost folders around a file as were recorded."""
        folders: list[str] = []
        folder = realpath
        for _ in _list(recorded):
            folder = os.path.dirname(folder)
            if folder in ('/', self._host.root):
                raise ValueError('more folders than the path has')
            folders.insert(0, folder)
        return tuple(folders)

    def _temporary(self, state: FileState, recorded: str) -> str:
        """Make up the name of a temporary file again, from its random part alone."""
        folder, name = os.path.split(state.realpath)
        number = re.search(r'\.([0-9a-f]{16})' + re.escape(TEMPORARY) + r'\Z', recorded)
        if number is None:
            raise ValueError('no name of a temporary file')
        return f'{folder}/.{name}.{number[1]}{TEMPORARY}'

    def _user(self, user: Any) -> tuple[User | None, bool]:
        """Read a user, and look whether this host knows that user at the moment.

        One who is another one by now (a name given again), or not known just now, is as
        recorded, and owns nothing by that.
        """
        if user is None:
            return None, True
        name, uid, gid, home = user
        recorded = User(name_text(name), _whole(uid), _whole(gid), _path(home))
        is_known = self._host.find_user(name=recorded.name) == recorded
        if not is_known and recorded.uid == 0:
            raise ValueError('root by another name')
        return recorded, is_known

    def _owner(
        self, realpath: str, mode: int, user: User | None, recorded: tuple[int, int]
    ) -> tuple[int, int]:
        """Say whose a file is to be: its user's, whose it is now, or root's.

        A group may be as recorded if it may do no more than read.
        """
        own = os.geteuid(), os.getegid()
        allowed = {own, (0, 0)}
        if user is not None:
            allowed = {(user.uid, user.gid)}
        try:
            found = os.lstat(realpath)
            is_file = stat.S_ISREG(found.st_mode)
            allowed |= {(found.st_uid, found.st_gid)} if is_file else set()
        except OSError:
            pass
        is_owner = recorded[0] in {uid for uid, _ in allowed}
        if recorded in allowed or (is_owner and not mode & stat.S_IWGRP):
            return recorded
        return own if user is None else (user.uid, user.gid)


def _require_file_of(target: str, state: FileState) -> None:
    """Hold a path against the files that a target has."""
    if target == 'ledger':
        is_one = state.path == LEDGER
    else:
        is_one = TARGETS[target].is_file(state.path, state.user)
    if not is_one:
        raise ValueError('no file of its target')


def _need(need: dict[str, Any]) -> Need:
    live = need['live']
    if type(need['engine']) is not bool:
        raise TypeError('no truth value')
    return Need(
        service=name_text(need['name']),
        seen=Seen(
            state=_one_of(need['state'], STATES),
            identity=name_text(need['instance']),
            live=None if live is None else decode_values(live),
        ),
        needed=Activation(_whole(need['needed'])),
        done=Activation(_whole(need['done'])),
        base=decode_values(need['at-start']),
        due=decode_values(need['due']),
        is_engine=need['engine'],
    )


# What may stand in a record


def _whole(value: Any, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= _WHOLE_LIMIT:
        raise ValueError('no number in range')
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError('no list')
    return value


def _one_of(value: Any, known: Iterable[Word]) -> Word:
    for word in known:
        if name_text(value) == word:
            return word
    raise ValueError('unknown')


def _path(value: Any) -> str:
    """A whole path, to be followed inside the root."""
    if not name_text(value).startswith('/'):
        raise ValueError('no whole path')
    return str(value)


def _real(value: Any) -> str:
    """A path as it is once links are followed."""
    if not {'', '.', '..'}.isdisjoint(_path(value).split('/')[1:]):
        raise ValueError('no real path')
    return str(value)


def _content(value: Any) -> bytes | None:
    return None if value is None else base64.b64decode(name_text(value), validate=True)


def _xattrs(value: Any) -> tuple[tuple[str, bytes], ...] | None:
    if value is None:
        return None
    return tuple((name_text(name), _content(text) or b'') for name, text in value)
