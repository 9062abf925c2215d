"""Which options a log driver of the engine takes. Pure.

Sources: moby daemon/logger/*/ ValidateLogOpt and daemon/logger/factory.go, at v20.10.24
and v28.5.2; tried by a restart of dockerd 20.10.24, 26.1.5 and 28.5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.jsonfile.jsonvalue import Json

_FILES = frozenset(('max-size', 'max-file', 'compress'))
_MARKS = frozenset(('labels', 'labels-regex', 'env', 'env-regex', 'tag'))
# What each takes, where that has been the same ever since.
_OPTIONS: Mapping[str, frozenset[str]] = {
    'json-file': _FILES | _MARKS,
    'local': _FILES,
    'journald': _MARKS,
}
# Drivers with many options, none of them of files. A plugin takes what it likes.
_FILELESS = frozenset('awslogs fluentd gcplogs gelf splunk syslog'.split())
_MODES = ('', 'blocking', 'non-blocking')


def log_problems(
    driver: str, options: Mapping[str, Json]
) -> Iterator[tuple[str, str, str]]:
    """Yield each option that the engine refuses, with what is wrong, and advice."""
    if driver == 'none':  # It takes whatever is given.
        return
    mode = options.get('mode') or ''
    if mode not in _MODES:
        yield 'mode', '"mode" must be blocking or non-blocking', 'remove it'
    if 'max-buffer-size' in options and mode != 'non-blocking':
        yield (
            'max-buffer-size',
            '"max-buffer-size" needs "mode": "non-blocking"',
            'add "mode": "non-blocking", or remove "max-buffer-size"',
        )
    for name in options:
        if _is_refused(driver, name):
            shown = f'"{name}"' if name.isprintable() else 'this option'
            yield name, f'the log driver {driver} has no option {shown}', _advice(name)


def _is_refused(driver: str, name: str) -> bool:
    if name in ('mode', 'max-buffer-size') or name.startswith('cache-'):
        return False
    if driver in _FILELESS:
        return name in _FILES
    return driver in _OPTIONS and name not in _OPTIONS[driver]


def _advice(name: str) -> str:
    if name in _FILES:
        return f'remove "{name}": only json-file and local write files of their own'
    return f'remove "{name}"'
