"""Cases recorded from real engines; each file tells how, each case where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    path = Path(__file__).with_name('data') / f'{name}.json'
    return json.loads(path.read_text(encoding='utf-8'))
