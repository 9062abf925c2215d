"""Files that are named on the command line, and standard input."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError
from registry_host.host.filedoor import MOVE_AWAY, Files, require_size, unreadable
from registry_host.host.locations import FILE_LIMIT_BYTES
from registry_host.host.place import Place

if TYPE_CHECKING:
    from registry_host.host.records import FileState


class Arguments(Place):
    """What the operator names: of this machine, whatever the root folder is."""

    def read_argument(self, path: str) -> FileState:
        """Read a file that may be absent; ConfigError for anything but a plain file."""
        try:
            return Files().read(os.path.abspath(path))
        except ConfigError as err:
            # Of what the operator named, nothing is in the way.
            raise ConfigError(
                *(
                    problem._replace(message=problem.message.removesuffix(MOVE_AWAY))
                    for problem in err.problems
                )
            ) from None

    def read_stream(self, path: str) -> bytes | None:
        """Read a file or a pipe, as a shell writes `<(COMMAND)`; None if it is absent.

        A pipe is read until its writer closes it.
        """
        try:
            mode = os.stat(path).st_mode
        except OSError:
            mode = 0
        if not stat.S_ISFIFO(mode) and not stat.S_ISCHR(mode):
            return self.read_argument(path).content
        try:
            with open(path, 'rb') as file:
                content = file.read(FILE_LIMIT_BYTES + 1)
        except OSError as err:
            raise ConfigError(unreadable(path, err, None)) from None
        require_size(path, content, FILE_LIMIT_BYTES, has_name=False)
        return content

    def read_input(self) -> bytes:
        """Read standard input; ConfigError if it is larger than any config may be."""
        content = sys.stdin.buffer.read(FILE_LIMIT_BYTES + 1)
        require_size('standard input', content, FILE_LIMIT_BYTES, has_name=False)
        return content
