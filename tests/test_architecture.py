"""The walls of the design, held against the code itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'registry_host'
MODULES = sorted(PACKAGE.rglob('*.py'))
EFFECTS = {
    'dns',
    'fcntl',
    'http',
    'psutil',
    'pwd',
    'shutil',
    'socket',
    'ssl',
    'subprocess',
    'tempfile',
    'urllib',
}
# The host, and what it alone uses to speak to the world.
DOORS = {'host.py', 'wire.py', 'lookups.py', 'privileges.py', 'replacing.py'}
FUNCTION_LINES = 60


def parse(path):
    return ast.parse(path.read_text(encoding='utf-8'))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING':
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition('.')[0]


def called(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def ids(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize('path', MODULES, ids=ids)
def test_only_the_host_touches_the_world(path):
    if path.name in DOORS:
        return
    assert set(imported(parse(path))) & EFFECTS == set()
    changes = {
        'os.' + name for name in 'rename remove unlink mkdir chmod chown'.split()
    }
    assert set(called(parse(path))) & changes == set()


@pytest.mark.parametrize('path', MODULES, ids=ids)
def test_only_the_command_line_prints(path):
    if path.name == 'cli.py':
        return
    printing = {'print', 'click.echo', 'sys.exit', 'sys.stdout.write'}
    assert set(called(parse(path))) & printing == set()


@pytest.mark.parametrize('path', MODULES, ids=ids)
def test_doors_are_opened_by_the_host_alone(path):
    if path.name in DOORS:
        return
    # probe.py speaks in the records of wire.py; it opens nothing itself.
    names = {
        'wire': {'get'},
        'lookups': {'look_up', 'system_addresses'},
        'privileges': {'run_as'},
        'replacing': {'replace', 'rename', 'discard', 'write_new', 'remove_folders'},
    }
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            openers = names.get(node.module.rpartition('.')[2], set())
            assert openers.isdisjoint(alias.name for alias in node.names)


@pytest.mark.parametrize('path', MODULES, ids=ids)
def test_functions_are_short(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= FUNCTION_LINES, node.name


@pytest.mark.parametrize('path', MODULES, ids=ids)
def test_modules_say_what_they_are_for(path):
    if path.parent.name != 'templates':
        assert ast.get_docstring(parse(path))
