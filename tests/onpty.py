"""Runs many command lines on one terminal, each in a process of its own.

    python onpty.py CASES.json      [[word, ...], ...]

After the output of each stands a line with the name of the file and an exit code.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# Imported once, for each of hundreds of processes would import them again.
import dns.query  # noqa: F401
import jsonschema  # noqa: F401
import psutil  # noqa: F401

import registry_host.commands.configure
import registry_host.commands.undo
import registry_host.commands.validate  # noqa: F401
from registry_host import cli


def main(path: str) -> None:
    for words in json.loads(Path(path).read_text()):
        child = os.fork()
        if child == 0:
            code: object = 70
            try:
                cli.main(
                    [
                        word.encode('latin-1').decode('utf-8', 'surrogateescape')
                        for word in words
                    ]
                )
            except SystemExit as end:
                code = end.code
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(code or 0))
        _, status = os.waitpid(child, 0)
        print(f'\n{Path(path).stem} {os.waitstatus_to_exitcode(status)}', flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
