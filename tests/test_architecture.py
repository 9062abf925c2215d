"""The walls of the design, held against the code itself."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cached_property
from pathlib import Path

import pytest

from registry_host.resolver import telling
from registry_host.services import SERVICES, docker
from registry_host.targets import TARGETS

TREE = Path(__file__).resolve().parents[1]
PACKAGE = TREE / 'registry_host'
NAME = PACKAGE.name
# From the top down. A module imports from its own room and from those below it.
ROOMS = (
    ('__main__', 'cli', 'cli_image', 'cli_registry', 'options', 'ending'),
    ('commands',),
    ('reporting',),
    ('doctor',),
    ('transaction',),
    ('targets',),
    ('services',),
    ('plan',),
    ('registry',),
    ('engine',),
    ('resolver',),
    ('settings',),
    ('jsonfile', 'yamlfile'),
    ('host',),
    ('errors', 'levels', 'namedtuples', 'progress', 'redact', '__init__'),
)
LEVELS = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
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
CHANGES = {
    f'os.{name}'
    for name in 'rename replace remove unlink mkdir makedirs chmod chown open'.split()
}
FUNCTION_LINES = 60
MODULE_LINES = 300
# A module that is longer says in its docstring why it is one.
REASON = 'In one module'


class Module:
    """One module of the package."""

    def __init__(self, path: Path) -> None:
        self.path = path
        parts = path.relative_to(PACKAGE).with_suffix('').parts
        self.parts = parts[:-1] if len(parts) > 1 and parts[-1] == '__init__' else parts
        self.name = '.'.join((NAME, *self.parts))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding='utf-8')

    @cached_property
    def tree(self) -> ast.Module:
        """Parsed by the first test that asks: each worker collects all tests."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        return self.parts[0]

    def imports(self, *, typing: bool) -> Iterator[str]:
        """Yield what is imported, lazy imports included, by its full name.

        Those for annotations alone count only with `typing`.
        """
        skipped = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING':
                skipped |= {id(inner) for inner in ast.walk(node)}
        for node in ast.walk(self.tree):
            if id(node) in skipped and not typing:
                continue
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    full = f'{node.module}.{alias.name}'
                    yield full if full in NAMES else node.module

    def calls(self) -> set[str]:
        nodes = ast.walk(self.tree)
        return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


PATHS = sorted(PACKAGE.rglob('*.py'))
NAMES = {
    '.'.join((NAME, *path.relative_to(PACKAGE).with_suffix('').parts)).removesuffix(
        '.__init__'
    )
    for path in PATHS
}
MODULES = {module.name: module for module in map(Module, PATHS)}
each_module = pytest.mark.parametrize('module', MODULES.values(), ids=MODULES.keys())


def test_every_room_is_in_the_table():
    assert {module.room for module in MODULES.values()} <= set(LEVELS)


@each_module
def test_imports_go_downwards(module):
    """Those in functions and for annotations too: the latter tell who knows whom."""
    level = LEVELS[module.room]
    upwards = {
        name
        for name in module.imports(typing=True)
        if name.startswith(f'{NAME}.') and LEVELS[name.split('.')[1]] < level
    }
    assert upwards == set()


def test_every_room_is_installed():
    """A wheel holds the packages that setup.cfg names, and no others."""
    config = ConfigParser()
    config.read(TREE / 'setup.cfg')
    listed = set(config['options']['packages'].split())
    folders = {'.'.join(path.relative_to(TREE).parent.parts) for path in PATHS}
    assert listed - {f'{NAME}.templates'} == folders


def test_tests_are_where_one_looks_for_them():
    """A file of tests in a room's folder is named after a module of that room."""
    named = {
        path.stem.removeprefix('test_'): path.parent.name
        for room in LEVELS
        for path in (TREE / 'tests' / room).glob('test_*.py')
    }
    known = {(part, m.room) for m in MODULES.values() for part in m.parts[1:]}
    known |= {(room, room) for room in LEVELS}
    assert set(named.items()) <= known


def test_no_module_needs_itself():
    """Walk the imports, those in functions included: there is no circle."""
    needs = {
        name: {n for n in module.imports(typing=False) if n in MODULES and n != name}
        for name, module in MODULES.items()
    }
    while ready := {name for name, needed in needs.items() if not needed & set(needs)}:
        for name in ready:
            del needs[name]
    assert needs == {}


def test_no_two_modules_have_the_same_name():
    """Which `probe` is meant must not depend on the folder."""
    names = [module.parts[-1] for module in MODULES.values()]
    rooms = set(LEVELS)
    assert [name for name in names if names.count(name) > 1 and name not in rooms] == []


@each_module
def test_only_the_host_touches_the_world(module):
    if module.room == 'host':
        return
    imported = {name.partition('.')[0] for name in module.imports(typing=False)}
    assert imported & EFFECTS == set()
    # Standard streams that are closed are opened before anything else is.
    allowed = {'os.open'} if module.name == f'{NAME}.ending' else set()
    assert module.calls() & CHANGES <= allowed


@each_module
def test_what_does_the_work_is_asked_through_the_host(module):
    """No other room may open a connection, or write a file, past the Host."""
    if module.room == 'host':
        return
    work = {
        'lookups': {'look_up'},
        'wire': {'get', 'look_at_certificate', 'send_once'},
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            place, _, last = node.module.rpartition('.')
            if place != f'{NAME}.host':
                continue
            assert last not in ('privileges', 'programs', 'connections')
            imported = {alias.name for alias in node.names}
            assert imported & work.get(last, set()) == set()


@each_module
def test_only_the_command_line_prints(module):
    if module.name in (f'{NAME}.cli', f'{NAME}.ending'):
        return
    printing = {'print', 'click.echo', 'sys.exit', 'sys.stdout.write'}
    assert module.calls() & printing == set()


CORE = {'commands', 'host', 'plan', 'reporting', 'transaction'}
# What the core may know of targets and of services: their contracts and their tables.
CONTRACTS = {
    f'{NAME}.{name}'
    for name in (
        'services',
        'services.facts',
        'services.needs',
        'services.service',
        'services.transition',
        'services.activated',
        'services.view',
        'targets',
        'targets.planning',
        'targets.proving',
        'targets.registering',
        'targets.reloading',
        'targets.target',
    )
}
PROGRAMS = {'engine', 'resolver'}


@each_module
def test_the_core_names_no_target_and_no_service(module):
    """Neither a module of one, nor what belongs to one program, nor a name of one."""
    # The one command that is about one program by its name: `validate --daemon-json`.
    if module.room not in CORE or module.name == f'{NAME}.commands.validate':
        return
    ours = {n for n in module.imports(typing=True) if n.startswith(f'{NAME}.')}
    rooms = {name: name.split('.')[1] for name in ours}
    named = {name for name, room in rooms.items() if room in ('targets', 'services')}
    assert named <= CONTRACTS
    assert {name for name, room in rooms.items() if room in PROGRAMS} == set()
    constants = {n.value for n in ast.walk(module.tree) if isinstance(n, ast.Constant)}
    names = {*TARGETS, *SERVICES, docker.NAME, *telling.known()}
    assert constants & names == set()


@each_module
def test_functions_are_short(module):
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= FUNCTION_LINES, node.name


@each_module
def test_modules_are_short_or_say_why_not(module):
    docstring = ast.get_docstring(module.tree)
    assert docstring
    is_long = module.text.count('\n') > MODULE_LINES
    assert (REASON in docstring) == is_long


def test_the_walls_are_those_of_the_interpreter():
    """EFFECTS names modules that exist, lest a wall stands beside the door."""
    known = {*sys.stdlib_module_names, 'dns', 'psutil'}
    assert known >= EFFECTS
