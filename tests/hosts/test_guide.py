"""The guide is true: each command of it, as it is written, and what it answers."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from guidesite import Site
from owners import SITE
from services import wait_for

GUIDE = Path(__file__).resolve().parents[2] / 'docs/guide.md'
SERVER, ENGINES = 'trixie', ('bookworm', 'trixie', 'forky')
USERS = {'server#': 'root', 'client#': 'root', 'client$': 'alice'}
PROMPT = re.compile(r'(\w+[#$]) (.+)')
EXIT_CODE = r'\(exit code '
DIRECTION = re.compile(r'<!-- lab: ([a-z-]+) -->')


@dataclass
class Step:
    """A command as it is typed, and the lines that it is to answer."""

    prompt: str
    command: str
    shown: list[str]

    @property
    def pattern(self):
        """Whole: a line of `…` alone stands for any lines, elsewhere for any text."""
        lines = (
            rf'(?:(?!{EXIT_CODE}).*\n)*?' if line == '…' else f'{_any_text(line)}\n'
            for line in self.shown
        )
        return re.compile(''.join(lines))


def _any_text(line):
    return '.*'.join(map(re.escape, line.split('…')))


def steps_of(text):
    """Read the guide: steps, and in their places the names of stage directions.

    What a reader takes for a command is one: a block without a known prompt is an
    error, and so is a block that is indented instead of fenced.
    """
    steps, is_block = [], False
    for number, line in enumerate(text.splitlines(), 1):
        direction = DIRECTION.fullmatch(line)
        if line.startswith('```'):
            is_block, is_first = not is_block, True
            assert line == ('```console' if is_block else '```'), f'line {number}'
        elif is_block:
            _add_line(steps, line, number, is_first=is_first)
            is_first = False
        elif direction:
            steps.append(direction[1])
        else:
            assert not line.startswith(('    ', '\t')), f'line {number}: not fenced'
            assert '<!--' not in line, f'line {number}: an unknown direction'
    assert not is_block, 'a block without an end'
    return steps


def _add_line(steps, line, number, *, is_first):
    typed = PROMPT.fullmatch(line)
    if typed and typed[1] in USERS:
        steps.append(Step(typed[1], typed[2], []))
        return
    assert not typed, f'line {number}: the prompt {typed[1]} is unknown'
    assert not is_first, f'line {number}: a block without a prompt'
    if line.startswith('> ') and not steps[-1].shown:
        steps[-1].command += f'\n{line[2:]}'
    else:
        steps[-1].shown.append(line)


def answer_of(host, step):
    """What a terminal shows, and the exit code as the guide writes it."""
    done = host.run(f'exec 2>&1\n{step.command}', user=USERS[step.prompt], check=False)
    code = f'(exit code {done.returncode})\n' if done.returncode else ''
    return done.stdout + code


class Stage:
    """The hosts of the guide: a server, and a client with each engine."""

    def __init__(self, site, pool, server, clients):
        self._site = site
        self._pool = pool
        self.server, self.clients = server, clients
        list(pool.map(lambda client: site.make_client(client, SITE), clients))
        site.make_server(server)

    def direct(self, name):
        """Bring about what the guide tells of and no command of it does."""
        assert name == 'docker-hub-elsewhere', f'an unknown direction: {name}'
        self._site.send_hub_elsewhere(self.server)

    def differences(self, step):
        """Run a command everywhere where it is typed; what was not as shown."""
        hosts = [self.server] if step.prompt == 'server#' else self.clients
        answers = self._pool.map(lambda host: answer_of(host, step), hosts)
        for host, answer in zip(hosts, answers, strict=True):
            if not step.pattern.fullmatch(answer):
                shown = '\n'.join(step.shown)
                typed = f'{step.prompt} {step.command}'
                yield f'{host.suite}: {typed}\n{answer}--- shown is\n{shown}\n'


def booting(lab, pool):
    """Boot all hosts at once; those that will be them."""
    before, boots = len(lab.hosts), []
    for suite, is_lasting in ((SERVER, True), *((engine, False) for engine in ENGINES)):
        boots.append(pool.submit(lab.host, suite, is_lasting=is_lasting))
        # A host takes its number before it boots.
        wait_for('host', lambda: len(lab.hosts) == before + len(boots))
    return boots


@pytest.fixture
def stage(lab, tmp_path):
    with ThreadPoolExecutor() as pool:
        boots = booting(lab, pool)
        with Site(lab, tmp_path) as site:
            server, *clients = (boot.result() for boot in boots)
            yield Stage(site, pool, server, clients)
        for host in (server, *clients):
            host.close()


def test_each_command_answers_what_the_guide_shows(stage):
    """All are run, in order, on three engines; all that differ are told."""
    steps = steps_of(GUIDE.read_text())
    wrong = []
    for step in steps:
        if isinstance(step, str):
            stage.direct(step)
        else:
            wrong += stage.differences(step)
    assert not wrong, '\n'.join(wrong)
    assert {step.prompt for step in steps if not isinstance(step, str)} == set(USERS)


def in_a_block(*lines):
    return '\n'.join(('```console', *lines, '```'))


@pytest.mark.parametrize(
    ('text', 'told'),
    (
        (in_a_block('host# ls'), 'line 2: the prompt host# is unknown'),
        (in_a_block('registry-host doctor'), 'line 2: a block without a prompt'),
        ('    client# ls', 'line 1: not fenced'),
        ('```sh\nclient# ls\n```', 'line 1'),
        ('<!-- a note -->', 'line 1: an unknown direction'),
    ),
)
def test_a_command_that_would_not_be_run_is_refused(text, told):
    with pytest.raises(AssertionError, match=f'^{re.escape(told)}'):
        steps_of(text)


@pytest.mark.parametrize(
    ('shown', 'answer', 'is_same'),
    (
        (['a', 'b'], 'a\nb\n', True),
        (['a', 'b'], 'a\nmore\nb\n', False),
        (['a', '…', 'b'], 'a\nmore\nb\n', True),
        (['a', '…', 'b'], 'b\na\n', False),
        (['a … of 3'], 'a 1 of 3\n', True),
        (['a … of 3'], 'a 1 of 4\n', False),
        (['a'], 'a\n(exit code 1)\n', False),
        (['a', '…'], 'a\nb\n(exit code 1)\n', False),
        ([], 'a\n', False),
    ),
)
def test_what_is_shown_is_compared_as_a_whole(shown, answer, is_same):
    step = Step('client#', 'true', shown)
    assert bool(step.pattern.fullmatch(answer)) is is_same
