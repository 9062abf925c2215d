"""What an installation of this project holds: built once for all labs of a run."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import services

TREE = Path(__file__).resolve().parents[2]
SOURCES = (
    *('registry_host', 'templates', 'setup.cfg', 'pyproject.toml'),
    *('README.md', 'LICENSE'),
)
LAUNCHER = """#!/usr/bin/python3
import sys
sys.path[0] = '/opt/registry-host'
from registry_host.cli import main
main()
"""
# By the host's own Python, as installers do: a host cannot write there.
COMPILE = """
mount --bind "$1" "$2/mnt"
exec chroot "$2" python3 -m compileall -q -s /mnt -p /opt/registry-host /mnt
"""


def ensure(folder: Path, image: Path) -> Path:
    """Return the program for the hosts of an image, built if need be.

    Each image has its own, and none changes under a host that has it mounted.
    """
    program = folder / image.name
    folder.mkdir(exist_ok=True)
    with open(folder / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_dir():
            _compile(_built(folder), image, folder / 'partial').rename(program)
    return program


def _compile(built: Path, image: Path, program: Path) -> Path:
    shutil.copytree(built, program)
    spaces = ['unshare', '--mount', '--propagation=private', 'sh', '-ec']
    subprocess.run([*spaces, COMPILE, 'sh', str(program), str(image)], check=True)
    return program


def _built(folder: Path) -> Path:
    built, wheels, source = (folder / name for name in ('built', 'wheels', 'source'))
    if built.is_dir():
        return built
    source.mkdir()
    # pip writes build/ and *.egg-info into the tree that it builds.
    for name in SOURCES:
        path = TREE / name
        copy = shutil.copytree if path.is_dir() else shutil.copy2
        copy(path, source / name)
    build = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps']
    build += ['--no-build-isolation', '--wheel-dir', str(wheels), str(source)]
    subprocess.run(build, check=True)
    (wheel,) = wheels.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(built)
    launcher = built / 'registry-host'
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    busybox = Path('/bin/busybox').read_bytes()
    (built / 'busybox.tar').write_bytes(services.layer(busybox))
    return built
