"""Fixtures of all tests, and the guard that none of them leaves this machine."""

from __future__ import annotations

import compileall
import os
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
from roots import PASSWD, Root
from xdist.scheduler import LoadScopeScheduling


def pytest_configure(config: pytest.Config) -> None:
    """Compile the package, for Python may have been told to write no such files.

    Thousands of runs of the command follow, and each would do it anew.
    """
    if not hasattr(config, 'workerinput'):
        compileall.compile_dir(Path(__file__).parents[1] / 'registry_host', quiet=2)


# What takes longest is begun first: no worker is still at it when the others are done.
LONGEST = (
    'test_attacks.py',
    'test_registry_server.py',
    'test_image_copy.py',
    'test_sequences.py',
    'test_power_cut.py',
    'test_eight_runs_at_once_lose_nothing',
    'test_growth.py',
    'test_what_the_next_start_refuses',
    'test_a_hung_manager_holds_up_nothing',
    'test_an_engine_is_asked_where_it_listens',
    'test_identity.py',
    'test_killed_at_any_time_of_a_live_run',
    'test_output.py',
    'test_login_and_configure_lose_nothing_of_each_other',
    'test_codec.py',
    'test_ansible',
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST, -len(LONGEST))}
    items.sort(
        key=lambda item: ranks.get(
            item.path.name, ranks.get(item.name.partition('[')[0], 0)
        )
    )


# Where a fixture boots a host for all tests of a module with the same parameter.
BY_PARAMETER = (
    'tests/hosts/test_identity.py',
    'tests/hosts/test_lab_owners.py',
    'tests/hosts/test_registry_server.py',
    'tests/hosts/test_registry_tls.py',
    'tests/hosts/test_status.py',
)
# What its tests share takes longer to make than any of them.
BY_MODULE = ('tests/hosts/test_attacks.py', 'tests/hosts/test_image_copy.py')


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """A test of booted hosts goes to the next worker that is free, others by module.

    Tests stay together where a fixture boots a host for all of a module, or for all of
    it with the same parameter.
    """

    def _split_scope(self, nodeid: str) -> str:
        module, _, name = nodeid.partition('::')
        if module in BY_PARAMETER and '[' in name:
            return f'{module}[{name.partition("[")[2]}'
        is_alone = '/hosts/' in module and module not in BY_MODULE
        return nodeid if is_alone else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    # It would begin with what has most tests, and end with the one that takes longest.
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.fixture
def make_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], Root]:
    """Make folders of hosts, each another one."""
    numbers = count(1)

    def make() -> Root:
        made = Root(tmp_path / f'root-{next(numbers)}', capsys)
        made.write('/etc/passwd', PASSWD)
        (made.path / 'home/alice').mkdir(parents=True)
        (made.path / 'root').mkdir()
        return made

    return make


@pytest.fixture
def root(make_root: Callable[[], Root]) -> Root:
    return make_root()


# Of the events of sys.addaudithook: which arguments are paths, and which descriptors of
# the folders that those are relative to.
_CHANGES = {
    'os.chmod': ((0, 2),),
    'os.chown': ((0, 3),),
    'os.link': ((1, 3),),
    'os.mkdir': ((0, 2),),
    'os.remove': ((0, 1),),
    'os.rename': ((0, 2), (1, 3)),
    'os.rmdir': ((0, 1),),
    'os.setxattr': ((0, None),),
    'os.symlink': ((1, 2),),
    'os.truncate': ((0, None),),
    'os.utime': ((0, 3),),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_DEVICES = ('/dev/', '/proc/self/fd/')


class Writes:
    """What a test may write: below some folders, while there are any."""

    folders: tuple[str, ...] = ()

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folders:
            return
        if event == 'open':
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self.require(path, None)
        for at, folder_at in _CHANGES.get(event, ()):
            folder = None if folder_at is None else arguments[folder_at]
            self.require(arguments[at], folder)

    def require(self, path: Any, folder: int | None) -> None:
        """Fail for a path that is elsewhere; one of a descriptor was opened before."""
        if isinstance(path, int):
            return
        text = os.fsdecode(path)
        if not text.startswith('/'):
            if folder in (None, -1):  # Opened below a folder that is not told.
                return
            text = f'{os.readlink(f"/proc/self/fd/{folder}")}/{text}'
        real = f'{os.path.realpath(os.path.dirname(text))}/{os.path.basename(text)}'
        if not real.startswith((*self.folders, *_DEVICES)):
            raise AssertionError(f'a test would write {text}')


writes = Writes()
sys.addaudithook(writes.hook)


@pytest.fixture(autouse=True)
def only_its_own_folders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Fail any test that writes a file of this machine; the hosts have their own."""
    if request.node.get_closest_marker('hosts'):
        yield
        return
    base = os.path.realpath(tmp_path_factory.getbasetemp())
    # Another user has no way into pytest's own folder.
    shared = f'{os.path.realpath(gettempdir())}/registry-host-test-'
    writes.folders = (f'{base}/', shared)
    try:
        yield
    finally:
        writes.folders = ()


@pytest.fixture(autouse=True)
def only_loopback(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail any test that leaves this machine; the hosts have a network of their own."""
    if request.node.get_closest_marker('hosts'):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        is_inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if is_inet and not str(address[0]).startswith(('127.', '::1', 'localhost')):
            raise AssertionError(f'a test would connect to {address!r}')
        connect(self, address)

    monkeypatch.setattr(socket.socket, 'connect', guarded)
