"""The shape of settings, held against the JSON Schema; each violation has a place."""

from __future__ import annotations

import contextlib
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from registry_host.errors import Problem
from registry_host.jsonfile.resources import resource_text
from registry_host.redact import redact_input
from registry_host.settings.areas import (
    ENGINE,
    ENGINE_DNS,
    EXCLUSIVE,
    INSECURE,
    MIRRORS,
    NAMESERVERS,
    SEARCH,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_host.settings.asked import Asked, Document

SCHEMA = 'settings/schema.json'


def digest_of(document: Document) -> str:
    """Identify a document and the schema it was held against."""
    canonical = json.dumps(document, sort_keys=True, default=str) + resource_text(
        SCHEMA
    )
    return _sha256(canonical.encode())


def _sha256(content: bytes) -> str:
    """Hash without hashlib where Python allows it: that loads OpenSSL, 3 ms a start.

    The standard library's random.py goes the same way round (Python 3.12).
    """
    for name in ('_sha2', '_sha256'):  # Python 3.12 and newer; up to 3.11.
        with contextlib.suppress(ImportError):
            module: Any = import_module(name)
            return str(module.sha256(content).hexdigest())
    return str(import_module('hashlib').sha256(content).hexdigest())


def check_shape(asked: Asked) -> tuple[Problem, ...]:
    """Hold the document against the schema; every violation, in order of place."""
    schema = json.loads(resource_text(SCHEMA))
    if is_surely_valid(asked.document, schema):
        return ()
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)
    errors = sorted(
        validator.iter_errors(asked.document), key=lambda err: str(err.path)
    )
    return tuple(problem for err in errors for problem in _shape_problems(asked, err))


_TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool}
# Those that settle nothing, and those that are looked at below.
_NOTES = {'$schema', 'title', 'description'}
_RULES = {'type', 'enum', 'minLength', 'items', 'properties', 'additionalProperties'}


def is_surely_valid(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value fits a schema, by the few keywords that the schema uses.

    False where that is not sure: then jsonschema tells, and its import alone takes
    longer than all else of a run with flags.
    """
    if not schema.keys() <= _NOTES | _RULES:
        return False
    if 'enum' in schema:
        return isinstance(value, str) and value in schema['enum']
    if type(value) is not _TYPES.get(schema.get('type', '')):
        return False
    if isinstance(value, dict):
        known = schema.get('properties', {})
        return value.keys() <= known.keys() and all(
            is_surely_valid(each, known[name]) for name, each in value.items()
        )
    if isinstance(value, list):
        return all(is_surely_valid(each, schema.get('items', {})) for each in value)
    return not isinstance(value, str) or len(value) >= schema.get('minLength', 0)


def _shape_problems(asked: Asked, err: Any) -> Iterable[Problem]:
    path = tuple(err.absolute_path)
    if err.validator == 'additionalProperties':
        known = tuple(err.schema['properties'])
        for name in err.instance:
            if name not in known:
                yield _unknown_key(asked, (*path, name), known)
        return
    is_scalar = err.validator in ('enum',)
    # A value of the wrong type may hold a password: only its type is told.
    is_shown = is_scalar and isinstance(err.instance, str)
    got = repr(redact_input(err.instance)) if is_shown else type(err.instance).__name__
    due = _due(err.validator, err.validator_value)
    yield Problem(
        code=f'settings-{"value" if is_scalar else "type"}',
        where=place(asked, path),
        message=due if err.validator == 'minLength' else f'{due}, not {got}',
    )


def _due(rule: str, value: Any) -> str:
    if rule == 'type':
        return f'must be of type {value}'
    if rule == 'enum':
        return f'must be one of {", ".join(map(str, value))}'
    return 'must not be empty'


def _unknown_key(asked: Asked, path: tuple[Any, ...], known: Sequence[str]) -> Problem:
    from difflib import get_close_matches

    close = get_close_matches(str(path[-1]).lower().replace('_', '-'), known, n=1)
    meant = f'did you mean {close[0]}?' if close else f'known here: {", ".join(known)}'
    return Problem(
        code='settings-unknown-key',
        where=place(asked, path),
        message=f'unknown key; {meant}',
    )


def place(asked: Asked, path: tuple[Any, ...]) -> str:
    names = [part for part in path if part in asked.from_flags]
    if names:
        return f'--{_FLAGS.get(names[-1], names[-1])}'
    return asked.where(path) or 'settings'


_FLAGS = {
    MIRRORS: 'registry-mirror',
    INSECURE: 'insecure-registry',
    'for': 'proxy-for',
    'users': 'user',
    NAMESERVERS: 'nameserver',
    SEARCH: 'dns-search',
    EXCLUSIVE: 'dns-exclusive',
    ENGINE: ENGINE_DNS,
}
