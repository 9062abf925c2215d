"""The one object of --format json: held against its schema, and read by tests.

Each hint in it is one that can be pasted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hints import wrong_with
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(__file__).resolve().parents[1] / 'docs/json.schema.json'
_VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()))


def envelope(text: str) -> Any:
    """Parse what a command printed; it is one object, and as the schema says."""
    found = json.loads(text)
    errors = [
        f'{"/".join(map(str, error.absolute_path))}: {error.message}'
        for error in _VALIDATOR.iter_errors(found)
    ]
    errors += filter(None, map(wrong_with, _hints(found)))
    assert not errors, '\n'.join((*errors, text))
    return found


def _hints(found: Any) -> Iterator[str]:
    for error in found.get('errors', ()):
        yield error['hint']
    for finding in found.get('findings', ()):
        yield from texts(finding)


def service(found: Any, name: str = 'docker') -> tuple[str, str, str]:
    """What was needed of a service, what was done, and what is left."""
    none = {'needed': 'none', 'done': 'none', 'pending': 'none'}
    named = {each['name']: each for each in found['services']}
    each = named.get(name, none)
    return each['needed'], each['done'], each['pending']


def proofs(found: Any, level: str) -> list[tuple[str, str, str]]:
    """What was proved at one level: of what, with which outcome, by what was seen."""
    return [
        (proof['what'], proof['outcome'], proof['detail'])
        for proof in found['proofs']
        if proof['level'] == level
    ]


def is_live(found: Any, name: str = 'docker') -> bool:
    """Whether a service is seen to use all that its files say."""
    outcomes = [outcome for what, outcome, _ in proofs(found, 'live') if what == name]
    return bool(outcomes) and set(outcomes) == {'ok'}


def texts(finding: Any) -> list[str]:
    return [step['text'] for step in finding['remedy']]
