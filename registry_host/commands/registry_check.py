"""Registries of this host, or of files, held against every trap that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import (
    ConfigError,
    Exit,
    Problem,
    RegistryHostError,
    counted,
)
from registry_host.redact import redact_input
from registry_host.registry.configrules import config_findings
from registry_host.registry.downrules import down_findings
from registry_host.registry.gcrules import gc_findings
from registry_host.registry.pairrules import pair_findings
from registry_host.registry.processes import upgraded_findings
from registry_host.registry.serverprobe import inspect
from registry_host.registry.storedlogins import stored_login
from registry_host.registry.survey import Found, Survey
from registry_host.registry.tokens import Login
from registry_host.registry.upstreamprobe import ask_upstream
from registry_host.registry.upstreams import judge_upstream
from registry_host.reporting.report import CheckedRegistry, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from registry_host.errors import Finding
    from registry_host.host.host import Host
    from registry_host.registry.registryplace import Instance

_WORST_FIRST = ('error', 'warning', 'skipped', 'info', 'ok')
COMMAND = 'registry check'


def check(
    host: Host,
    places: Sequence[str],
    *,
    is_asking_roles: bool = False,
    is_logging_in: bool = False,
    major: int | None = None,
) -> Report:
    """Look at files and URLs; at what this host has, if none is named.

    With `is_logging_in` a URL is sent the login that `docker login` stored for it.
    """
    survey = Survey(host, major)
    found: list[Found] = []
    roles: dict[str, str | None] = {}
    errors: list[Problem] = []
    for place in places:
        try:
            if place.startswith(('http://', 'https://')):
                seen, role = _of_url(
                    host, place, has_login=is_logging_in, has_roles=is_asking_roles
                )
                found.append(seen)
                roles[seen.path] = role
            else:
                found += survey.named(place)
        except RegistryHostError as err:
            errors += err.problems
    if not places:
        found += survey.on_host()
    findings = _findings(host, found)
    instances = [each.instance for each in found if each.instance is not None]
    findings += asked_upstreams(host, instances)
    if not places:
        findings += down_findings(host)
        findings += gc_findings(host, instances)
        findings += upgraded_findings(host, survey.processes)
    ordered = _in_order(findings)
    return Report(
        command=COMMAND,
        exit_code=_exit_code(ordered, errors),
        findings=ordered,
        errors=tuple(errors),
        registries=tuple(_checked(each, roles.get(each.path)) for each in found),
        note='' if errors and not found else _sum_up(found, ordered),
    )


def _of_url(
    host: Host, url: str, *, has_login: bool, has_roles: bool
) -> tuple[Found, str | None]:
    """Ask a server; a root folder is of a host that does not run, and asks none."""
    if not host.is_live:
        raise ConfigError(
            Problem(
                code='registry-url',
                where=redact_input(url),
                message='with --root no registry is asked over the network',
            )
        )
    login = stored_login(host, url) if has_login else None
    seen = inspect(host, url, has_roles=has_roles, credentials=login)
    role = 'push-readonly' if seen.role == 'read-only' else seen.role
    return Found(seen.url, None, seen.findings), role


def _findings(host: Host, found: Iterable[Found]) -> list[Finding]:
    instances = [each.instance for each in found if each.instance is not None]
    findings = [finding for each in found for finding in each.findings]
    for instance in instances:
        findings += config_findings(host, instance)
    return [*findings, *pair_findings(host, instances)]


def asked_upstreams(host: Host, instances: Iterable[Instance]) -> Iterator[Finding]:
    """Go the way to the upstream of each cache that this host runs.

    That of a file which nothing here serves may be for another host, and that of a
    container goes another way.
    """
    for instance in instances if host.is_live else ():
        config, runner = instance.config, instance.runner
        is_here = runner.name and not runner.is_container
        if not is_here or isinstance(judge_upstream(config.upstream), Problem):
            continue
        login = [config.reading.get('proxy', key) for key in ('username', 'password')]
        yield from ask_upstream(
            host,
            config.upstream,
            environment=runner.environment,
            credentials=Login(*login) if all(login) else None,
            major=config.major,
        )


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    once = dict.fromkeys(findings)
    return tuple(sorted(once, key=lambda each: _WORST_FIRST.index(each.severity)))


def _exit_code(findings: Iterable[Finding], errors: Iterable[Problem]) -> Exit:
    if errors:
        return Exit.BAD_INPUT
    is_bad = any(finding.severity == 'error' for finding in findings)
    return Exit.FAILED if is_bad else Exit.DONE


def _checked(found: Found, role: str | None) -> CheckedRegistry:
    if found.instance is None:
        return CheckedRegistry(found.path, role)
    config = found.instance.config
    return CheckedRegistry(
        path=found.path,
        role=config.role,
        upstream=redact_input(config.upstream),
        root=config.root,
        address=config.addr,
        distribution=config.major,
    )


def _sum_up(found: Sequence[Found], findings: Iterable[Finding]) -> str:
    if not found:
        return 'no registry was found on this host'
    severities = [finding.severity for finding in findings]
    numbers = ((severities.count(each), each) for each in ('error', 'warning'))
    counts = [counted(n, each) for n, each in numbers if n]
    what = f'{len(found)} registr{"y" if len(found) == 1 else "ies"}'
    return f'{what} checked: {", ".join(counts) or "nothing is wrong"}'
