"""Fixtures of all tests, and the guard that none of them leaves this machine."""

from __future__ import annotations

import compileall
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path
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


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """A test of booted hosts goes to the next worker that is free, others by module.

    Tests stay together where a fixture boots a host for all of a module, or for all of
    it with the same parameter.
    """

    def _split_scope(self, nodeid: str) -> str:
        module, _, name = nodeid.partition('::')
        if module == 'tests/hosts/test_lab_owners.py':
            return f'{module}[{name.partition("[")[2]}'
        is_alone = '/hosts/' in module and module != 'tests/hosts/test_attacks.py'
        return nodeid if is_alone else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
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
