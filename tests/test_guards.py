"""No test leaves its folder, nor this machine: the guards of conftest.py see to it."""

from __future__ import annotations

import os
import socket

import pytest

ELSEWHERE = '/etc/registry-host-guard'


@pytest.mark.parametrize(
    'change',
    (
        pytest.param(lambda path: open(path, 'w'), id='open'),
        pytest.param(os.mkdir, id='mkdir'),
        pytest.param(os.remove, id='remove'),
        pytest.param(lambda path: os.chmod(path, 0o600), id='chmod'),
        pytest.param(lambda path: os.symlink('x', path), id='symlink'),
        pytest.param(lambda path: os.truncate(path, 0), id='truncate'),
    ),
)
def test_nothing_is_written_elsewhere(change):
    with pytest.raises(AssertionError, match='a test would write'):
        change(ELSEWHERE)
    assert not os.path.lexists(ELSEWHERE)


def test_nothing_is_moved_out_of_the_folder(tmp_path):
    (tmp_path / 'file').touch()
    folder = os.open('/etc', os.O_RDONLY)
    try:
        with pytest.raises(AssertionError, match='would write /etc/reg'):
            os.rename(tmp_path / 'file', os.path.basename(ELSEWHERE), dst_dir_fd=folder)
    finally:
        os.close(folder)
    assert (tmp_path / 'file').exists()


def test_a_link_does_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / 'link').symlink_to('/etc')
    with pytest.raises(AssertionError, match='a test would write'):
        (tmp_path / 'link/registry-host-guard').touch()
    assert not os.path.lexists(ELSEWHERE)


def test_nobody_else_is_asked():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
        pytest.raises(AssertionError, match='a test would connect'),
    ):
        asking.connect(('192.0.2.1', 53))
