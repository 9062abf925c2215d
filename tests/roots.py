"""A folder that stands for a host, and the command line run on it, for real."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from envelope import envelope

from registry_host import cli

PASSWD = 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n'


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return envelope(self.out)

    @property
    def codes(self) -> list[str]:
        return [error['code'] for error in self.json['errors']]


@dataclass(frozen=True)
class Root:
    """The folder of a host that does not run."""

    path: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> Path:
        file = self.path / path.lstrip('/')
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        return file

    def read(self, path: str) -> str:
        # As bytes, for text would lose which line ends there were.
        return (self.path / path.lstrip('/')).read_bytes().decode()

    def snapshot(self) -> dict[str, tuple[int, int, bytes]]:
        """All files with inode, mode and bytes: to show that nothing was written."""
        return {
            str(file): (file.stat().st_ino, file.stat().st_mode, file.read_bytes())
            for file in self.path.rglob('*')
            if file.is_file()
        }

    @property
    def program(self) -> str:
        """How messages name the command that is about this root."""
        return f'registry-host --root {self.path}'

    @property
    def as_root(self) -> str:
        """How hints name it where only root may run it."""
        is_root = os.geteuid() == 0 and 'SUDO_USER' not in os.environ
        return self.program if is_root else f'sudo {self.program}'

    def run(self, *words: str) -> Ended:
        return run_command(self.capsys, '--root', str(self.path), *words)


def run_command(capsys: pytest.CaptureFixture[str], *words: str) -> Ended:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    captured = capsys.readouterr()
    code = ended.value.code
    return Ended(int(code or 0), captured.out, captured.err)
