"""A registry that runs, and whose program an upgrade has replaced."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys

from registry_host.host.host import Host
from registry_host.registry.processes import running, upgraded_findings

# Stands for the registry: a program by its name, with its command line.
PROGRAM = 'import sys; print(flush=True); sys.stdin.read()'


@contextlib.contextmanager
def registry(folder, config):
    """A copy of Python, for the program of a script is its interpreter."""
    program = folder / 'docker-registry'
    shutil.copy(os.path.realpath(sys.executable), program)
    environment = {
        **os.environ,
        'PYTHONHOME': sys.base_prefix,
        'REGISTRY_HTTP_NET': 'x',
    }
    with subprocess.Popen(
        [program, '-c', PROGRAM, 'serve', config],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        process.stdout.readline()
        yield program, process.pid
        process.stdin.close()


def mine(pid):
    return [runner for runner in running(Host()) if runner.pid == pid]


def test_a_program_that_was_replaced(tmp_path):
    config = str(tmp_path / 'config.yml')
    with registry(tmp_path, 'config.yml') as (program, pid):
        (runner,) = mine(pid)
        assert (runner.config_path, runner.is_container) == (config, False)
        assert runner.environment['REGISTRY_HTTP_NET'] == 'x'
        assert list(upgraded_findings(Host(), [runner])) == []
        program.unlink()
        (finding,) = upgraded_findings(Host(), mine(pid))
    assert (finding.check, finding.severity) == ('binary-upgraded', 'warning')
    assert f'process {pid} runs a {program} that was upgraded' in finding.message


def test_a_host_that_does_not_run_has_no_processes(root, tmp_path):
    with registry(tmp_path, '/etc/docker/registry/config.yml'):
        assert list(running(Host(str(root.path)))) == []
