"""What `status` tells of a host, as text of one screen and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry_host.plan.readings import State
    from registry_host.registry.installed import Installed
    from registry_host.reporting.output import Paint
    from registry_host.transaction.inventory import Managed, ManagedFile, Use
    from registry_host.transaction.run import Run
    from registry_host.transaction.unproved import Unproved

# Of one file; a screen holds no more. JSON has all.
SHOWN_LIMIT = 15


class Engine(NamedTuple):
    """One engine: what it is, whether it runs, and the config that it reads."""

    name: str
    title: str
    state: State
    path: str
    why: str = ''


class Waiting(NamedTuple):
    """A run that waits for confirmation, until when: ISO 8601, and seconds from now."""

    run: int
    until: str
    seconds: int


class SettingsFile(NamedTuple):
    """The settings file, and whether the host is as it says; None if not known."""

    path: str
    is_in_force: bool | None = None
    why: str = ''


class Overview(NamedTuple):
    """All that there is to tell; what only root may see is named in `unchecked`."""

    engines: tuple[Engine, ...] = ()
    dns_manager: str = ''
    files: tuple[ManagedFile, ...] = ()
    settings: SettingsFile | None = None
    waiting: Waiting | None = None
    unproved: Unproved | None = None
    last_run: Run | None = None
    registries: tuple[Installed, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Whether registry-host has never done anything here, as far as is known."""
        return self == Overview(engines=self.engines, dns_manager=self.dns_manager)


# As text


def overview_lines(overview: Overview, paint: Paint) -> Iterator[str]:
    nothing = 'nothing is managed on this host'
    if overview.is_bare:
        yield nothing
        return
    yield from map(_engine_line, overview.engines)
    if overview.dns_manager:
        yield f'nameservers: {overview.dns_manager}'
    for file in overview.files:
        yield from _file_lines(file, paint)
    if not overview.files and not overview.unchecked:
        yield nothing
    yield from _registry_lines(overview.registries)
    if overview.settings is not None:
        yield _settings_line(overview.settings)
    if (run := overview.last_run) is not None:
        yield f'last: {run.title} by {run.by}: {run.ended}'
    if overview.unchecked:
        yield f'not checked without root: {", ".join(overview.unchecked)}'


def _engine_line(engine: Engine) -> str:
    words = {
        'running': f'is running, and reads {engine.path}',
        'stopped': f'is not running; it reads {engine.path}',
        'absent': 'is not installed',
        'unreachable': f'is running, but cannot be asked ({engine.why})',
        'unknown': 'is not asked: below a root folder nothing is contacted',
    }
    return f'{engine.title} {words[engine.state]}'


def _file_lines(file: ManagedFile, paint: Paint) -> Iterator[str]:
    yield f'{file.path} ({file.user})' if file.user else file.path
    shown = _most_telling(file.entries)
    rows = [
        (
            each.entry.setting,
            each.entry.value,
            f'run {each.entry.run}' if each.entry.run else 'an earlier run',
        )
        for each in shown
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, each in zip(rows, shown, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f'  {"  ".join(cells)}  {_use_words(each.use, paint)}'
    if left := len(file.entries) - len(shown):
        yield f'  and {left} more; --format json lists all'


def _most_telling(entries: Sequence[Managed]) -> Sequence[Managed]:
    """Pick what a screen has room for, in its order: first what is not as it should."""
    if len(entries) <= SHOWN_LIMIT:
        return entries
    by_need = sorted(range(len(entries)), key=lambda at: _is_fine(entries[at].use))
    return [entries[at] for at in sorted(by_need[:SHOWN_LIMIT])]


def _is_fine(use: Use) -> bool:
    return use.state in ('live', 'written', 'not-shown')


def _use_words(use: Use, paint: Paint) -> str:
    if use.state in ('live', 'written'):
        return paint(use.state, 'green' if use.state == 'live' else None)
    if use.state in ('not-shown', 'not-running'):
        return f'written: {use.why}'
    state = f'{use.needed} pending' if use.needed is not Activation.NONE else use.state
    return f'{paint(state, "yellow")}: {use.why}'


def _registry_lines(registries: Sequence[Installed]) -> Iterator[str]:
    if registries:
        yield 'registries on this host'
    rows = [
        (
            each.name,
            each.kind or 'kind unknown',
            each.address or 'address unknown',
            each.state,
            each.unit,
        )
        for each in registries
    ]
    # Of a host that does not run no state is known.
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(len, column)) for column in columns]
    for row in zip(*columns, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f'  {"  ".join(cells)}'.rstrip()


def _settings_line(settings: SettingsFile) -> str:
    if settings.is_in_force:
        return f'{settings.path} is in force'
    if settings.is_in_force is None:
        return f'{settings.path} cannot be held against this host: {settings.why}'
    return f'{settings.path} is not in force: {settings.why}'


# As JSON


def overview_json(
    overview: Overview, last_run: dict[str, Any] | None
) -> dict[str, Any]:
    """Render the member `status`; `last_run` as history has it."""
    return {
        'engines': [each._asdict() for each in overview.engines],
        'dns-manager': overview.dns_manager or None,
        'files': [_file_json(file) for file in overview.files],
        'registries': [each._asdict() for each in overview.registries],
        'settings-file': _settings_json(overview.settings),
        'waiting': _waiting_json(overview.waiting),
        'unproved': _unproved_json(overview.unproved),
        'last-run': last_run,
        'unchecked': list(overview.unchecked),
    }


def _file_json(file: ManagedFile) -> dict[str, Any]:
    entries = [
        {
            'setting': entry.setting,
            'value': entry.value,
            'run': _text_of(entry.run),
            'state': use.state,
            'needed': str(use.needed),
            'service': use.service,
            'why': use.why,
        }
        for entry, use in file.entries
    ]
    return {**file._asdict(), 'entries': entries}


def _settings_json(settings: SettingsFile | None) -> dict[str, Any] | None:
    if settings is None:
        return None
    return {
        'path': settings.path,
        'in-force': settings.is_in_force,
        'why': settings.why,
    }


def _waiting_json(waiting: Waiting | None) -> dict[str, Any] | None:
    return waiting and {**waiting._asdict(), 'run': _text_of(waiting.run)}


def _unproved_json(unproved: Unproved | None) -> dict[str, Any] | None:
    if unproved is None:
        return None
    return {'run': _text_of(unproved.run or None), 'reason': unproved.reason}


def _text_of(number: int | None) -> str | None:
    return None if number is None else str(number)
