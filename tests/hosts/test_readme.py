"""The README is true: each command of it, as it is written, and what it answers."""

from __future__ import annotations

from pathlib import Path

from test_guide import Step, answer_of, steps_of

README = Path(__file__).resolve().parents[2] / 'README.md'
DAEMON_JSON = '/etc/docker/daemon.json'


def test_each_command_answers_what_the_readme_shows(host):
    """On a host with a file of its own, and a container."""
    # Indented blocks are for readers to adapt: those of a shell alone are run.
    text = ''.join(
        '\n' if line.startswith('    ') else line
        for line in README.read_text().splitlines(keepends=True)
    )
    steps = [step for step in steps_of(text) if isinstance(step, Step)]
    first, *others = steps
    assert first.command == f'cat {DAEMON_JSON}'
    host.write(DAEMON_JSON, '\n'.join(first.shown) + '\n')
    host.restart_engine()
    host.start_container('bystander')
    for step in (first, *others):
        answer = answer_of(host, step)
        if host.suite == 'forky':
            answer = answer.replace('127.0.0.0/8, ::1/128', '127.0.0.0/8')
        assert step.pattern.fullmatch(answer), f'{step.command}\n{answer}'
    assert len(steps) == 6
