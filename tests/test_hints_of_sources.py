"""Every hint in the sources is a command, or a value: no advice in words."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest
from hints import wrong_with

import registry_host

PACKAGE = Path(registry_host.__file__).parent
# Functions that take a hint by its place, or all that follows it.
PLACES = {'problem_of': 3, '_failed': 3, 'error': 2, 'warn': 2, 'finding': 3}
# What a hint is made of in a function: its own name, or that of a command.
MADE_BY = ('by_hand', 'cure_of', 'start_again', 'give_back', 'edit', 'by_name')
# Stands for what is known only on a host, be it a command or a word of one.
SEEN = 'ls'


def texts(node, function):
    """All texts that an expression can be, as far as the sources tell."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            parts = [texts(value, function) or [SEEN] for value in values]
            return [''.join(each) for each in itertools.product(*parts)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            pairs = itertools.product(
                texts(left, function) or [SEEN], texts(right, function) or [SEEN]
            )
            return [''.join(each) for each in pairs]
        case (
            ast.Call(func=ast.Name(id='sudo_as'))
            | ast.FormattedValue(value=ast.Call(func=ast.Name(id='sudo_as')))
        ):
            return ['sudo ']
        case ast.IfExp(body=body, orelse=orelse):
            return texts(body, function) + texts(orelse, function)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values):
            return [text for value in values for text in texts(value, function)]
        case ast.Name(id=name):
            return [
                text
                for each in ast.walk(function)
                if isinstance(each, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == name for t in each.targets)
                for text in texts(each.value, function)
            ]
    return []


def hints_of(path):
    """Yield the line and the texts of each hint in a module."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    for function in (tree, *functions):
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and function is not tree:
                if function.name in MADE_BY and node.value:
                    yield node.lineno, texts(node.value, function)
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg in ('hint', 'remedy'):
                    yield keyword.value.lineno, texts(keyword.value, function)
            name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
            for argument in node.args[PLACES.get(name, len(node.args)) :]:
                yield argument.lineno, texts(argument, function)


@pytest.mark.parametrize(
    'path', sorted(PACKAGE.rglob('*.py')), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_each_hint_is_pasted(path):
    wrong = [
        f'{path.name}:{line}: {reason}'
        for line, found in hints_of(path)
        for text in found
        if (reason := wrong_with(text.replace(' FILE', f' {SEEN}')))
    ]
    assert not wrong, '\n'.join(dict.fromkeys(wrong))


@pytest.mark.parametrize(
    ('hint', 'is_right'),
    (
        ('sudo registry-host undo 7', True),
        ('sudo -u alice sed -i s/a/b/ /f && sudo systemctl restart docker', True),
        ('echo x | sudo tee /f', True),
        ('sudo "${EDITOR:-vi}" +3 /etc/default/docker', True),
        ('http://registry.example:5000', True),
        ('registry-mirrors = ["http://registry.example:5000"]', True),
        ('"/usr/bin/docker-proxy"', True),
        ('ls -l /f\nsudo registry-host undo', True),
        ('to undo it: sudo registry-host undo 7', False),
        ('is the address right? nslookup a 10.0.0.1', False),
        ('curl -sI http://registry.example/v2/', False),
        ('remove it', False),
        ('http://NAME:5000', False),
        ('registry-host configure --nameserver NAMESERVER', False),
        ("ls -l 'a", False),
        ('ls /f\nmend it', False),
    ),
)  # fmt: skip
def test_what_a_hint_may_be(hint, is_right):
    assert (not wrong_with(hint)) is is_right
