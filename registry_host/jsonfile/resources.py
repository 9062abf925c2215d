"""The files that the package ships beside its code."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(__file__))


def resource_text(name: str) -> str:
    """Read a file by its name below the package.

    importlib.resources would cost each start 10 ms.
    """
    path = f'{_PACKAGE}/{name}'
    with open(path, encoding='utf-8') as file:
        return file.read()
