"""Everything that can be seen to be wrong with one registry, from files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.errors import Finding, quoted
from registry_host.registry.authrules import auth_rules, secret_rules
from registry_host.registry.containerrules import container_rules
from registry_host.registry.filerules import file_rules
from registry_host.registry.keyrules import fault_rules, log_rules
from registry_host.registry.listenrules import (
    debug_rules,
    listen_rules,
    name_rules,
    tls_rules,
)
from registry_host.registry.registryplace import editor_at
from registry_host.registry.storagerules import maintenance_rules, storage_rules
from registry_host.registry.unitrules import environment_rules, unit_rules
from registry_host.registry.upstreamrules import login_rules, ttl_rules, upstream_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_host.host.host import Host
    from registry_host.registry.registryplace import Instance
    from registry_host.yamlfile.yamlnode import YamlTextError

_RULES = (
    log_rules,
    upstream_rules,
    login_rules,
    ttl_rules,
    storage_rules,
    maintenance_rules,
    listen_rules,
    debug_rules,
    tls_rules,
    name_rules,
    auth_rules,
    container_rules,
)


def config_findings(host: Host, instance: Instance) -> Iterator[Finding]:
    """Hold one registry against all rules; one that does not start against a few.

    Nothing is said of a variable whose value is not known.
    """
    unknown = {instance.at_variable(name) for name in instance.unknown}
    for finding in _all_findings(host, instance):
        if finding.path not in unknown:
            yield finding


def _all_findings(host: Host, instance: Instance) -> Iterator[Finding]:
    yield from fault_rules(instance)
    yield from secret_rules(instance)
    yield from environment_rules(host, instance)
    if instance.config.role is None:
        return
    for rule in _RULES:
        yield from rule(instance)
    yield from file_rules(host, instance)
    yield from unit_rules(host, instance)


def yaml_finding(path: str, err: YamlTextError) -> Finding:
    """Tell what is no YAML, and not what is written there: it may be a password."""
    problem = err.problem
    where = f'{path}:{problem.where}' if problem.where else path
    line = problem.where.partition(':')[0]
    look = editor_at(where) if line else (f'ls -l {quoted(path)}',)
    return Finding(
        problem.code,
        'error',
        f'{where}: {problem.message}, so the registry does not start'
        f'{_ON_QUOTES if "alias" in problem.message else ""}',
        where,
        look,
    )


_ON_QUOTES = ' (a value that begins with `*`, `&` or `!` needs quotes)'
