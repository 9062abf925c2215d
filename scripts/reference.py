"""Writes docs/reference.md: command line, settings, checks, exit codes."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from registry_host import errors
from registry_host.cli import cli
from registry_host.doctor.checks import CHECKS

TREE = Path(__file__).resolve().parents[1]
PAGE = TREE / 'docs/reference.md'


def main() -> int:
    text = '\n'.join(lines()) + '\n'
    if sys.argv[1:] == ['--check']:
        is_current = PAGE.exists() and PAGE.read_text(encoding='utf-8') == text
        if not is_current:
            print('docs/reference.md is out of date: run scripts/make-reference')
        return 0 if is_current else 1
    PAGE.write_text(text, encoding='utf-8')
    return 0


def lines() -> Iterator[str]:
    yield '# Reference'
    yield '\nMade from the code by `scripts/make-reference`; do not edit.'
    yield '\n## Command line\n'
    yield '    registry-host [--root DIR] [--version] COMMAND [OPTIONS]'
    yield from options(cli)
    for name, command in cli.commands.items():
        if command.hidden:
            continue
        yield f'\n### {name}\n\n{described(command)}'
        yield from options(command)
        if isinstance(command, click.Group):
            for inner, each in command.commands.items():
                yield f'\n### {name} {inner}\n\n{described(each)}'
                yield from options(each)
    yield '\n## Settings file\n'
    yield 'TOML, or JSON with the same keys. A sample: `templates/settings.toml`.\n'
    yield '| key | type | meaning |\n|---|---|---|'
    schema = json.loads((TREE / 'registry_host/settings/schema.json').read_text())
    yield from settings_rows(schema, '')
    yield '\n## Checks of doctor\n'
    yield '| check | what is true if it is ok |\n|---|---|'
    for check in CHECKS.values():
        yield f'| `{check.name}` | {check.title} |'
    yield '\n## Exit codes\n'
    yield '| code | when |\n|---|---|'
    yield '| 0 | done, or nothing to do |'
    yield '| 3 | `--check`: changes are pending |'
    for name, kind in vars(errors).items():
        is_error = isinstance(kind, type) and issubclass(kind, Exception)
        if is_error and kind is not errors.RegistryHostError:
            summary = (kind.__doc__ or '').partition('\n')[0].rstrip('.')
            yield f'| {kind.exit_code} | {summary} ({name}) |'
    yield '| 70 | a bug in registry-host |'
    yield '| 130 | interrupted before anything was written |'


def described(command: click.Command) -> str:
    """The help of a command; what click is not to wrap (`\\b`) is a block."""
    paragraphs = inspect.cleandoc(command.help or '').split('\n\n')
    return '\n\n'.join(
        textwrap.indent(each[2:], '    ') if each.startswith('\b\n') else each
        for each in paragraphs
    )


def options(command: click.Command) -> Iterator[str]:
    """From the parameters, for the layout of click's own help changes with click."""
    found = [each for each in command.params if isinstance(each, click.Option)]
    if found:
        yield '\n| option | meaning |\n|---|---|'
        for option in found:
            names = ', '.join(option.opts)
            choices = getattr(option.type, 'choices', ())
            value = option.metavar or ('/'.join(choices) if choices else '')
            shown = f'{names} {value}'.replace('|', '\\|').strip()
            yield f'| `{shown}` | {option.help} |'


def settings_rows(schema: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, part in schema['properties'].items():
        if 'properties' in part:
            yield from settings_rows(part, f'{prefix}{name}.')
        else:
            kind = 'list' if part['type'] == 'array' else part['type']
            yield f'| `{prefix}{name}` | {kind} | {part["description"]} |'


if __name__ == '__main__':
    sys.exit(main())
