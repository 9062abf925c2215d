"""Both ends of a copy: what takes long is told before anything is given up."""

from __future__ import annotations

import socket
import threading

import pytest
from webservers import API, web_server

from registry_host.errors import Problem
from registry_host.host.host import Host
from registry_host.registry import copyends, reaching
from registry_host.registry.copyends import reach_ends
from registry_host.registry.landing import Destination, land
from registry_host.settings.references import read_reference


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(copyends, '_TOLD_AFTER_S', 0.3)
    monkeypatch.setattr(reaching, 'TIMEOUT_S', 1.0)


def reached(source, destination):
    lines = []
    to = Destination(destination)
    landings = land([read_reference(f'{source}/a:1')], to, keeps_host=False)
    stop = threading.Event()
    return reach_ends(Host(), landings, to, told=lines.append, stop=stop), lines


def test_a_silent_registry_is_told_while_it_is_waited_for():
    with socket.create_server(('127.0.0.1', 0)) as silent:
        name = f'127.0.0.1:{silent.getsockname()[1]}'
        with web_server(lambda *_: (200, [API], b'{}')) as server:
            ends, lines = reached(name, server.endpoint)
    assert lines == [f'waiting for {name}']
    assert isinstance(ends.origins[name], Problem)
    assert ends.origins[name].code == 'server-silent'


def test_nothing_is_told_of_registries_that_answer():
    with web_server(lambda *_: (200, [API], b'{}')) as server:
        _, lines = reached(server.endpoint, server.endpoint)
    assert lines == []
