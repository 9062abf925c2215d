"""Planning the files of a registry: rendered into a folder, installed, uninstalled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry_host.errors import ConfigError, Problem
from registry_host.plan.changes import Change
from registry_host.plan.ledger import load_ledger
from registry_host.plan.wish import Wish
from registry_host.registry.instances import (
    CACHE,
    UNITS,
    config_of,
    environment_of,
    unit_of,
)
from registry_host.registry.rendering import (
    Text,
    compose,
    environment_text,
    in_image,
    in_unit,
    nested,
    settings_of,
    units,
)
from registry_host.services.facts import Facts
from registry_host.targets import registry_files
from registry_host.targets.planning import Planned, PlannedFile, joined
from registry_host.targets.registry_edits import read_config
from registry_host.targets.target import FileRef, absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry_host.host.host import Host
    from registry_host.registry.instances import Instance

    # What is asked of each file, by its path.
    Wishes = Mapping[str, Wish]


def config_wish(instance: Instance) -> Wish:
    settings = settings_of(instance)
    return Wish(
        {'.'.join(path): (json.dumps(value),) for path, value in settings.items()}
    )


def rendered(instance: Instance, form: str, folder: str, program: str) -> Wishes:
    """Say what is asked of the files in a folder; `form` is config, units or compose.

    Units and compose files name the config by its path, and run several instances side
    by side: there it has the name of the instance.
    """
    if form == 'config':
        return {f'{folder}/config.yml': config_wish(instance)}
    config = f'{folder}/{instance.name}.yml'
    if form == 'compose':
        text = compose(instance, config)
        return {
            config: config_wish(in_image(instance)),
            f'{folder}/{text.name}': _whole(text.text),
        }
    texts = units(instance, config, program)
    return {
        config: config_wish(in_unit(instance)),
        **{f'{folder}/{text.name}': _whole(text.text) for text in texts},
    }


def installed(
    instance: Instance, program: str, environment: Mapping[str, str]
) -> Wishes:
    """Say what is asked of the files of an instance that this host is to run."""
    config, variables = config_of(instance.name), environment_of(instance.name)
    text = environment_text(environment)
    texts = units(instance, config, program, variables if text else '')
    return {
        config: config_wish(in_unit(instance)),
        variables: _whole(text),
        **{f'{UNITS}/{text.name}': _whole(text.text) for text in texts},
    }


def _whole(text: str) -> Wish:
    areas = {registry_files.CONTENT: (text,) if text else ()}
    return Wish({**areas, registry_files.RUNNING: ('yes',)})


def plan_files(host: Host, wishes: Wishes) -> Planned:
    """Plan the files of one registry; ConfigError holds all that is wrong with them."""
    ledger, ledger_state = load_ledger(host)
    facts = Facts.unknown(host)
    parts: list[PlannedFile] = []
    problems: list[Problem] = []
    for path, wish in wishes.items():
        try:
            state = host.read(path)
            applied = ledger.find(registry_files.NAME, path)
            merged = registry_files.merge(FileRef(path), state, applied, wish, facts)
            if state.content is None and merged.after.content is None:
                continue  # Nothing is there, and nothing is asked.
            change = Change(registry_files.NAME, state, merged.after)
            parts.append(PlannedFile(change, merged.applied, wish))
        except ConfigError as err:
            problems += err.problems
    if problems:
        raise ConfigError(*problems)
    return joined(host, facts, parts, ledger, ledger_state, ())


def require_kind(host: Host, instance: Instance, wishes: Wishes) -> None:
    """Refuse to make a push instance of the config of a cache: it would stay one."""
    for path in wishes:
        if not registry_files.is_config(path) or instance.kind == CACHE:
            continue
        document = read_config(host.read(path))
        if document.find('proxy', 'remoteurl') is not None:
            raise ConfigError(
                Problem(
                    'registry-kind',
                    'is the config of a cache (proxy.remoteurl), which takes no pushes',
                    where=path,
                )
            )


def plan_removal(host: Host, name: str) -> Planned:
    """Plan to take away all files of an installed instance; ConfigError if none.

    Whole, whatever others have written there since: without its unit none is of use.
    """
    ledger, ledger_state = load_ledger(host)
    own = set(_paths_of(name))
    parts: list[PlannedFile] = []
    for applied in ledger.of_target(registry_files.NAME):
        if applied.path in own:
            state = host.read(applied.path)
            change = Change(registry_files.NAME, state, absent(state, applied.folders))
            wish = Wish({**dict.fromkeys(applied.keys, ()), registry_files.RUNNING: ()})
            parts.append(PlannedFile(change, applied._replace(keys={}), wish))
    if not parts:
        raise ConfigError(not_installed(name))
    return joined(host, Facts.unknown(host), parts, ledger, ledger_state, ())


def _paths_of(name: str) -> Iterator[str]:
    """All files that an instance of a name may have."""
    yield config_of(name)
    yield environment_of(name)
    stem = unit_of(name).removesuffix('.service')
    for end in ('', '-restart', '-collect', '-gc'):
        yield from (f'{UNITS}/{stem}{end}.{kind}' for kind in _KINDS)


_KINDS = ('service', 'path', 'timer')


def not_installed(name: str) -> Problem:
    return Problem(
        'registry-unknown',
        'is not a registry that registry-host has installed',
        where=name,
        hint='registry-host status',
    )


def texts_of(wishes: Wishes) -> tuple[Text, ...]:
    """The files as they are where there are none yet, secrets masked."""
    from registry_host.yamlfile.yamlwriting import dump

    texts: list[Text] = []
    for path, wish in wishes.items():
        if registry_files.CONTENT in wish.areas:
            texts.append(Text(path, wish.of(registry_files.CONTENT)[0]))
            continue
        pairs = ((area.split('.'), values[0]) for area, values in wish.areas.items())
        tree = nested({tuple(name): json.loads(text) for name, text in pairs})
        texts.append(Text(path, registry_files.redact(dump(tree))))
    return tuple(texts)
