"""The status command: what is managed on this host, by which run, and what is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from registry_host import services
from registry_host.errors import Exit, Finding, Problem, RegistryHostError
from registry_host.host.locations import STATE_FOLDER
from registry_host.plan.ledger import Ledger, load_ledger
from registry_host.registry.installed import installed, with_state
from registry_host.reporting.overview import Engine, Overview, SettingsFile, Waiting
from registry_host.reporting.report import Report
from registry_host.services.facts import survey
from registry_host.settings.asked import default_files, read_asked
from registry_host.targets.planning import plan_asked
from registry_host.transaction import checkpoints, confirmation, unproved
from registry_host.transaction.inventory import Inventory, take_inventory
from registry_host.transaction.lock import left_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_host.host.host import Host
    from registry_host.services.facts import Facts
    from registry_host.services.service import Service

T = TypeVar('T')
# What only root may see.
ROOT_ALONE = ('managed entries', 'earlier runs')


def status(host: Host) -> Report:
    """Look once at all that there is; nothing is written, and no machine is asked.

    State that cannot be read is an error, which does not cost the rest.
    """
    is_denied = host.is_live and not host.is_root and host.exists(STATE_FOLDER)
    read = _Reading()
    ledger = Ledger()
    if not is_denied:
        ledger = read(lambda: load_ledger(host)[0], ledger)
    facts = survey(host, ledger)
    found = services.find(host, facts, [entry.path for entry in ledger.entries])
    inventory = read(lambda: take_inventory(host, ledger, facts, found), Inventory())
    findings: tuple[Finding, ...] = ()
    overview = Overview(
        engines=tuple(_engine(each) for each in found if each.kind == 'engine'),
        dns_manager=facts.dns_manager,
        files=inventory.files,
        settings=_settings(host, facts, is_denied=is_denied),
        registries=tuple(with_state(host, each) for each in installed(host)),
    )
    if is_denied:
        overview = overview._replace(unchecked=ROOT_ALONE)
    else:
        findings = read(lambda: left_unfinished(host), findings)
        overview = _with_runs(host, overview)
    if overview.unproved is not None:
        findings = (*findings, overview.unproved.told)
    return Report(
        command='status',
        exit_code=Exit.FAILED if read.problems else Exit.DONE,
        findings=(*findings, *inventory.findings),
        errors=tuple(dict.fromkeys(read.problems)),
        services=inventory.served,
        overview=overview,
    )


class _Reading:
    """Reads what earlier runs have left, and keeps what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def __call__(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except RegistryHostError as err:
            self.problems += err.problems
            return otherwise


def _engine(service: Service) -> Engine:
    told = service.describe()
    return Engine(service.name, told.title, service.seen.state, told.path, told.why)


def _settings(host: Host, facts: Facts, *, is_denied: bool) -> SettingsFile | None:
    """Hold the settings file against the host, by what `configure` would do now."""
    paths = default_files(host)
    if not paths:
        return None
    found = SettingsFile(paths[0])
    if is_denied:
        return found._replace(why='only root may see what is managed')
    try:
        asked = read_asked(host, file=None, flags={})
        plan = plan_asked(host, asked, known=facts).plan
    except RegistryHostError as err:
        return found._replace(why=str(err.problems[0]))
    why = '' if plan.is_empty else plan.words
    return found._replace(is_in_force=plan.is_empty, why=why)


def _with_runs(host: Host, overview: Overview) -> Overview:
    """Add the last run, and what of an earlier one is still open."""
    runs = checkpoints.history(host)
    return overview._replace(
        last_run=runs[-1] if runs else None,
        waiting=_waiting(host),
        unproved=unproved.load(host),
    )


def _waiting(host: Host) -> Waiting | None:
    try:
        pending = confirmation.load_pending(host)
    except RegistryHostError:  # Which is told already.
        return None
    if pending is None:
        return None
    seconds = pending.seconds_left(host)
    until = time.gmtime(time.time() + seconds)
    text = time.strftime('%Y-%m-%dT%H:%M:%SZ', until)
    return Waiting(pending.checkpoint, text, round(seconds))
