"""The files that the package ships beside its code."""

from __future__ import annotations

import os


def resource_text(name: str) -> str:
    """Read a file of the package; importlib.resources would cost 10 ms a start."""
    path = f'{os.path.dirname(__file__)}/{name}'
    with open(path, encoding='utf-8') as file:
        return file.read()
