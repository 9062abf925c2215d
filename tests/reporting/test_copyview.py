"""A copy as it is seen: on a terminal, on plain streams, and for JSON."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading

import pytest

from registry_host.errors import Problem
from registry_host.redact import learn_secret
from registry_host.registry.copying import Copied
from registry_host.registry.landing import Landing
from registry_host.reporting import copyview
from registry_host.reporting.copyview import CopyView, Running, shown_size, view_for
from registry_host.settings.references import Reference

HERE = 'r.lab:5002'
DIGEST = f'sha256:{"a" * 64}'
PLATFORMS = ('linux/amd64', 'linux/arm64')


def landing(path='team/app', tag='1'):
    target = Reference(HERE, path, tag, '' if tag else DIGEST)
    return Landing(Reference('hub.lab', path, tag), target)


def copied(path='team/app', action='copied', **more):
    return Copied(landing(path), action, DIGEST, **more)


# A terminal


class Terminal:
    """A real pty, and what is to be seen on it: rows that have scrolled away too."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self._master, slave = pty.openpty()
        size = struct.pack('HHHH', rows, columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.stream = os.fdopen(slave, 'w', encoding='utf-8')
        self.bytes = b''
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                self.bytes += data

    def close(self):
        self.stream.close()
        self._reader.join(5)
        os.close(self._master)

    def screen(self):
        """The lines that are on it at the end, as xterm would show them."""
        return self.screens()[-1]

    def screens(self):
        """The lines after each time that something was written or wiped."""
        lines, row, column, found = [''], 0, 0, []
        for part in re.findall(r'\x1b\[\d*[A-Za-z]|[^\x1b]', self.bytes.decode()):
            if part == '\n':
                row += 1
            elif part == '\r':
                column = 0
            elif part.endswith('F') and len(part) > 1:
                top = max(0, len(lines) - self.rows)
                row, column = max(top, row - int(part[2:-1])), 0
            elif part == '\x1b[J':
                found.append([line for line in lines if line])
                del lines[row + 1 :]
                lines[row] = lines[row][:column]
            else:
                assert part.isprintable(), part
                if column == self.columns:
                    row, column = row + 1, 0
                while len(lines) <= row:
                    lines.append('')
                lines[row] = lines[row][:column].ljust(column) + part
                column += 1
            while len(lines) <= row:
                lines.append('')
        return [*found, [line for line in lines if line]]


@pytest.fixture
def terminal_of(monkeypatch):
    monkeypatch.setattr(copyview, '_REDRAWN_S', -1)  # At each step.
    opened = []

    def make(columns=80, rows=24):
        made = Terminal(columns, rows)
        opened.append(made)
        view = CopyView(made.stream, made.stream, is_terminal=True)
        return made, view

    yield make
    for made in opened:
        if not made.stream.closed:
            made.close()


def begin(view, *paths, line=f'Copying image {DIGEST} (1/2)', sent=1_500_000):
    for path in paths:
        view.moved(landing(path), line, sent)


def test_what_runs_is_below_and_what_is_finished_above(terminal_of):
    terminal, view = terminal_of()
    view.counted(2)
    begin(view, 'team/app', 'team/web')
    whole = copied('team/app', platforms=PLATFORMS, size=612_000_000)
    view.finished(whole, is_check=False)
    view.moved(landing('team/web'), f'Copying image {DIGEST} (2/2)', 2_000_000)
    view.told('hub.lab limits requests (429): waiting 5 s')
    single = copied('team/web', 'updated', platforms=PLATFORMS[:1])
    view.finished(single, is_check=False)
    view.close()
    terminal.close()
    finished = f'copied {HERE}/team/app:1: 2 platforms, 612 MB'
    waits = 'hub.lab limits requests (429): waiting 5 s'
    screens = terminal.screens()
    assert [
        '  team/app:1  manifest 1 of 2, 1.5 MB sent',
        '  team/web:1  manifest 1 of 2, 1.5 MB sent',
        '0 of 2 images done',
    ] in screens
    assert [
        finished,
        waits,
        '  team/web:1  manifest 2 of 2, 2 MB sent',
        '1 of 2 images done',
    ] in screens
    # Nothing is left of what ran.
    assert screens[-1] == [
        finished,
        waits,
        f'updated {HERE}/team/web:1: 1 platform',
    ]


def test_what_runs_is_taken_away_when_it_is_interrupted(terminal_of):
    terminal, view = terminal_of()
    view.counted(2)
    begin(view, 'team/app', 'team/web')
    view.close()
    terminal.close()
    assert terminal.screen() == []
    assert b'team/web:1' in terminal.bytes


@pytest.mark.parametrize('columns', (20, 33, 60))
def test_lines_are_cut_where_the_terminal_is_narrow(terminal_of, columns):
    """One that wraps would be wiped in part."""
    terminal, view = terminal_of(columns)
    view.counted(2)
    for number in range(20):
        begin(view, 'elasticsearch/elasticsearch', 'team/web', sent=number * 10**6)
    view.close()
    terminal.close()
    assert terminal.screen() == []
    drawn = [line for screen in terminal.screens() for line in screen]
    assert max(map(len, drawn)) == columns - 1


def test_more_images_than_a_terminal_has_rows(terminal_of):
    """What has scrolled away cannot be wiped."""
    terminal, view = terminal_of(rows=8)
    view.counted(40)
    for _ in range(3):
        begin(view, *(f'team/app{n}' for n in range(40)))
    view.close()
    terminal.close()
    assert terminal.screen() == []
    assert ['0 of 40 images done'] == [
        line for line in terminal.screens()[-2] if 'images done' in line
    ]


def test_a_failure_is_counted_and_not_printed_twice(terminal_of):
    """It is told with the others at the end."""
    terminal, view = terminal_of()
    view.counted(2)
    begin(view, 'team/app', 'team/web')
    problem = Problem('copy-failed', 'x')
    view.finished(copied('team/app', 'failed', problem=problem), is_check=False)
    view.close()
    terminal.close()
    assert [
        '  team/web:1  manifest 1 of 2, 1.5 MB sent',
        '1 of 2 images done',
    ] in terminal.screens()
    assert terminal.screen() == []


def test_controls_and_secrets_of_others_do_not_reach_the_terminal(terminal_of):
    learn_secret('hunter2-hunter2')
    terminal, view = terminal_of()
    view.counted(1)
    view.told('hub\x1b[2J\x1b]0;owned\x07 said \u202ehunter2-hunter2')
    begin(view, line='Copying image \x1b[2Jx (1/2)\x07')
    begin(view, line='\x1b]0;x\x07', sent=5)
    view.close()
    terminal.close()
    said = terminal.bytes
    assert b'hunter2' not in said
    codes = set(re.findall(rb'\x1b[^A-Za-z]*[A-Za-z]', said))
    assert codes <= {b'\x1b[1F', b'\x1b[2F', b'\x1b[J'}
    assert b'\x07' not in said
    assert terminal.screen() == ['hub\\x1b[2J\\x1b]0;owned\\x07 said \\u202exxxxx']


@pytest.mark.parametrize('is_terminal', (False, True))
def test_a_terminal_that_has_gone_keeps_no_image_from_being_copied(is_terminal):
    """What is told of a wait is told by the thread that copies."""
    out = io.StringIO()
    with open('/dev/full', 'w', buffering=1, encoding='utf-8') as gone:
        view = CopyView(out, gone, is_terminal=is_terminal)
        view.counted(1)
        view.told('hub.lab limits requests (429): waiting 2 s')
        view.moved(landing(), '', 5)
        view.finished(copied(), is_check=False)
        view.close()
        with contextlib.suppress(OSError):
            gone.close()
    assert out.getvalue() == f'copied {HERE}/team/app:1\n'


def test_many_threads_at_once_leave_nothing_behind(terminal_of):
    terminal, view = terminal_of()
    view.counted(8)

    def run(number):
        path = f'team/app{number}'
        for sent in range(100):
            begin(view, path, sent=sent * 10**5)
        view.finished(copied(path), is_check=False)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    view.close()
    terminal.close()
    expected = sorted(f'copied {HERE}/team/app{n}:1' for n in range(8))
    assert sorted(terminal.screen()) == expected


def test_it_is_not_redrawn_at_each_of_thousands_of_lines(terminal_of, monkeypatch):
    monkeypatch.undo()
    terminal, view = terminal_of()
    view.counted(1)
    for sent in range(5000):
        begin(view, sent=sent)
    view.close()
    terminal.close()
    assert terminal.bytes.count(b' images done') < 50


# Plain streams


def plain():
    out, err = io.StringIO(), io.StringIO()
    return out, err, CopyView(out, err, is_terminal=False)


def test_plain_streams_have_finished_lines_and_no_more():
    out, err, view = plain()
    view.counted(2)
    begin(view, 'team/app', 'team/web')
    view.told('hub.lab limits requests (429): waiting 5 s')
    view.finished(copied('team/app', platforms=PLATFORMS, size=1), is_check=False)
    view.finished(copied('team/old', 'none'), is_check=False)
    view.finished(copied('team/bad', 'failed'), is_check=False)
    view.close()
    assert out.getvalue() == f'copied {HERE}/team/app:1: 2 platforms, 1 B\n'
    assert err.getvalue() == 'hub.lab limits requests (429): waiting 5 s\n'


def test_a_forecast():
    out, _, view = plain()
    view.finished(copied('team/app'), is_check=True)
    view.finished(copied('team/web', 'updated'), is_check=True)
    assert out.getvalue() == (
        f'would copy {HERE}/team/app:1\nwould update {HERE}/team/web:1\n'
    )


def test_an_image_by_its_digest():
    out, _, view = plain()
    view.finished(Copied(landing(tag=''), 'copied', DIGEST), is_check=False)
    assert out.getvalue() == f'copied {HERE}/team/app@{DIGEST}\n'


def test_json_has_no_view():
    view = view_for('json')
    view.told('x')
    view.counted(1)
    begin(view)
    view.finished(copied(), is_check=False)
    view.close()


def test_a_view_on_the_streams_of_the_process(capsys):
    view = view_for('text')
    view.told('a')
    view.finished(copied(), is_check=False)
    view.close()
    said = capsys.readouterr()
    assert (said.out, said.err) == (f'copied {HERE}/team/app:1\n', 'a\n')


# Words


def test_how_far_an_image_is():
    running = Running()
    assert str(running) == ''
    running.take('', 999)
    assert str(running) == '999 B sent'
    # Of one manifest there is nothing to count, and bytes never go back.
    running.take(f'Copying image {DIGEST} (1/1)', 10)
    assert str(running) == '999 B sent'
    running.take(f'Copying image {DIGEST} (2/3)', 1000)
    running.take(f'Copying blob {DIGEST}', 0)
    assert str(running) == 'manifest 2 of 3, 1 kB sent'
    assert running.blobs == 1


@pytest.mark.parametrize(
    ('size', 'text'),
    (
        (0, '0 B'),
        (999, '999 B'),
        (1000, '1 kB'),
        (1234, '1.23 kB'),
        (612_000_000, '612 MB'),
        (1_500_000_000, '1.5 GB'),
        (999_999, '1 MB'),
        (5 * 10**12, '5 TB'),
        ((1 << 63) - 1, '9223372 TB'),
    ),
)
def test_sizes(size, text):
    assert shown_size(size) == text
