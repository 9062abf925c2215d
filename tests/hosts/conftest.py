"""Fixtures of the lab: a network for the session, a fresh host for a test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from lab import Lab, LabHost

SKIP = 'REGISTRY_HOST_SKIP_HOSTS'
ENGINES = {
    'bookworm': '20.10-bookworm',
    'trixie': '26.1-trixie',
    'forky': '28.5-forky',
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.hosts)
            if os.environ.get(SKIP):
                item.add_marker(pytest.mark.skip(reason=f'{SKIP} is set'))


@pytest.fixture(scope='session')
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.getbasetemp()
    # Workers have a folder each, in one of the run's.
    shared = folder.parent if 'PYTEST_XDIST_WORKER' in os.environ else folder
    with Lab(shared / 'programs') as running:
        yield running


@pytest.fixture(params=ENGINES, ids=ENGINES.values())
def host(lab: Lab, request: pytest.FixtureRequest) -> Iterator[LabHost]:
    """A fresh host with each of the three engines."""
    booted = lab.host(request.param)
    yield booted
    booted.close()


@pytest.fixture
def newest(lab: Lab) -> Iterator[LabHost]:
    """A fresh host with the newest engine, for what does not depend on it."""
    booted = lab.host('forky')
    yield booted
    booted.close()
