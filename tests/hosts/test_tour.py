"""scripts/try shows what it says that it shows, on hosts and on a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOUR = Path(__file__).resolve().parents[2] / 'scripts/tour.py'
ON_HOSTS = (
    'the registry cache runs at http://10.0.0.5:5000, a cache of '
    'https://registry-1.docker.io',
    '2 registries checked: nothing is wrong',
    'reloaded the engine; 1 running container left alone',
    'docker.io/library/mine:latest',
    'copied 10.0.0.5:5002/elasticsearch/elasticsearch:8.15.0: 2 platforms, 1 MB',
    'docker.io/elasticsearch/elasticsearch:8.15.0',
    '1 image: 1 already there',
    'undid run 1 (configure, ',
    'deleted /etc/registry-host/registries/push.yml',
    'try: done; the hosts and their network are gone',
)
ON_A_FOLDER = (
    'nothing was written',
    'would update ',
    'nothing to do: ',
    'undid run 1 (configure, ',
    'try: left out, for they need root on Debian: ',
)


@pytest.mark.parametrize(
    ('words', 'shown'), (([], ON_HOSTS), (['--folder'], ON_A_FOLDER))
)
def test_it_runs_to_its_end(words, shown):
    """It ends at the first command whose exit code is not the one that was due."""
    done = subprocess.run(
        [sys.executable, str(TOUR), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for line in shown:
        assert line in done.stdout
    assert done.stderr == ''
