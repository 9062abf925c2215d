"""The checks, as one table: pure functions from what was observed to findings.

Their names are an API. A new check is a function in the module of its topic, and a line
here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.doctor.checks import (
    client_configs,
    earlier_runs,
    engine_config,
    engine_state,
    insecure_registries,
    name_resolution,
    registry_mirrors,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_host.doctor.checks.check import Check

# In the order in which they are run and shown.
CHECKS: Mapping[str, Check] = {
    check.name: check
    for check in (
        earlier_runs.unfinished_run,
        earlier_runs.ledger,
        earlier_runs.restart_pending,
        earlier_runs.pulls,
        engine_state.engine_state,
        engine_state.other_engines,
        engine_state.engine_version,
        engine_config.daemon_json,
        engine_config.daemon_json_keys,
        engine_config.daemon_json_flags,
        engine_config.daemon_json_hazards,
        engine_config.next_start,
        registry_mirrors.mirror_rules,
        registry_mirrors.mirror_reachable,
        registry_mirrors.mirror_content,
        registry_mirrors.mirror_credentials,
        name_resolution.mirror_resolves,
        name_resolution.resolv_conf,
        name_resolution.nameserver_owner,
        registry_mirrors.hub_verification,
        insecure_registries.insecure_rules,
        insecure_registries.insecure_reachable,
        insecure_registries.insecure_unmatched,
        engine_state.live_lists,
        engine_state.live_proxies,
        engine_config.proxy_password,
        client_configs.client_config,
        client_configs.client_config_mode,
        earlier_runs.drift,
    )
}
