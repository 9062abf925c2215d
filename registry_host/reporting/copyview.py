"""How a copy is seen while it goes on: finished lines, and on a terminal what runs."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

from registry_host.errors import counted
from registry_host.registry.skopeo import step_of
from registry_host.reporting.output import printable, write

if TYPE_CHECKING:
    from registry_host.registry.copying import Copied
    from registry_host.registry.landing import Landing

_REDRAWN_S = 0.2
_VERBS = {
    'copied': ('copied', 'would copy'),
    'updated': ('updated', 'would update'),
}


class Silent:
    """For JSON: all is in the object at the end."""

    is_watched = False

    def told(self, line: str) -> None:
        """Say nothing."""

    def counted(self, images: int) -> None:
        """Say nothing."""

    def moved(self, landing: Landing, line: str, sent: int) -> None:
        """Say nothing."""

    def finished(self, copied: Copied, *, is_check: bool) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class Running:
    """An image under way: which of its platforms, how many blobs, bytes sent."""

    def __init__(self) -> None:
        self.platform = self.platforms = self.blobs = self.sent = 0

    def take(self, line: str, sent: int) -> None:
        self.sent = max(self.sent, sent)
        step = step_of(line)
        if step is None:
            return
        self.blobs += step.has_blob
        if step.platforms:
            self.platform, self.platforms = step.platform, step.platforms

    def __str__(self) -> str:
        parts = []
        if self.platforms > 1:
            parts.append(f'manifest {self.platform} of {self.platforms}')
        if self.sent:
            parts.append(f'{shown_size(self.sent)} sent')
        return ', '.join(parts)


class CopyView:
    """Prints a line on `out` for each image that is finished.

    Where `err` is a terminal, it shows the images under way below, and takes them away
    again.
    """

    def __init__(
        self,
        out: IO[str],
        err: IO[str],
        *,
        is_terminal: bool,
        is_quiet: bool = False,
    ) -> None:
        self._is_quiet = is_quiet
        self._out = out
        self._err = err
        self.is_watched = is_terminal
        self._lock = threading.Lock()
        self._running: dict[Landing, Running] = {}
        self._shown = 0
        self._drawn = 0.0
        self._left = 0
        self._count = 0

    def told(self, line: str) -> None:
        """Print what is waited for, on standard error, unless that is to be quiet."""
        if self._is_quiet:
            return
        with self._lock:
            self._wipe()
            self._show(f'{printable(line)}\n')
            self._draw(is_due=True)

    def counted(self, images: int) -> None:
        """Remember how much there is to do."""
        self._count = self._left = images

    def moved(self, landing: Landing, line: str, sent: int) -> None:
        """Show how far an image is."""
        with self._lock:
            self._running.setdefault(landing, Running()).take(line, sent)
            self._draw(is_due=self._is_stale())

    def finished(self, copied: Copied, *, is_check: bool) -> None:
        """Print what came of an image; of one that was there already, nothing."""
        with self._lock:
            self._running.pop(copied.landing, None)
            self._left -= 1
            if copied.action in _VERBS:
                self._wipe()
                # Without a reader, it is copied all the same; finish() reports that.
                with contextlib.suppress(OSError):
                    line = finished_line(copied, is_check=is_check)
                    write(self._out, printable(line))
                    self._out.flush()
            is_due = copied.action != 'none' or self._is_stale()
            self._draw(is_due=is_due)

    def close(self) -> None:
        """Take away what is shown of images under way."""
        with self._lock:
            self._running.clear()
            self._wipe()

    # The lines below

    def _size(self) -> tuple[int, int]:
        """Columns and rows of the terminal; one that does not say has 80 and 24."""
        import os

        try:
            columns, rows = os.get_terminal_size(self._err.fileno())
        except OSError:
            columns = rows = 0
        return max(20, columns or 80), max(3, rows or 24)

    def _is_stale(self) -> bool:
        return time.monotonic() - self._drawn > _REDRAWN_S

    def _wipe(self) -> None:
        if self._shown:
            self._show(f'\x1b[{self._shown}F\x1b[J')
            self._shown = 0

    def _draw(self, *, is_due: bool) -> None:
        if not self.is_watched or not is_due:
            return
        self._wipe()
        self._drawn = time.monotonic()
        columns, rows = self._size()
        lines = [
            f'  {short_name(landing)}  {running}'
            for landing, running in self._running.items()
        ]
        # What scrolls out of the terminal could not be wiped.
        lines = lines[: rows - 2]
        if self._left and self._count:
            lines.append(f'{self._count - self._left} of {self._count} images done')
        self._show(''.join(f'{printable(line)[: columns - 1]}\n' for line in lines))
        self._shown = len(lines)

    def _show(self, text: str) -> None:
        """Print on standard error; where that has gone, copies go on without it."""
        with contextlib.suppress(OSError):
            write(self._err, text, end='')
            self._err.flush()


def short_name(landing: Landing) -> str:
    """Name an image at its destination, which is the same for all."""
    target = landing.target
    return f'{target.path}:{target.tag}' if target.tag else target.path


def finished_line(copied: Copied, *, is_check: bool) -> str:
    """Say what came of an image: its name, and of which platforms and size it is."""
    verb = _VERBS[copied.action][is_check]
    details = []
    count = len(copied.platforms)
    if count:
        details.append(counted(count, 'platform'))
    if copied.size is not None:
        details.append(shown_size(copied.size))
    more = f': {", ".join(details)}' if details else ''
    return f'{verb} {copied.landing.target}{more}'


def shown_size(size: int) -> str:
    """Write a number of bytes as Docker does: 612MB is 612 * 10^6 bytes."""
    value, unit = float(size), 'B'
    for unit in ('B', 'kB', 'MB', 'GB', 'TB'):
        if value < 999.5 or unit == 'TB':
            break
        value /= 1000
    return f'{value:.3g} {unit}' if value < 999.5 else f'{value:.0f} {unit}'


def view_for(output_format: str, *, is_quiet: bool = False) -> Silent | CopyView:
    """Show a copy as the format of the report asks."""
    if output_format == 'json':
        return Silent()
    import os

    # A terminal that takes no commands shows lines alone.
    is_terminal = sys.stderr.isatty() and os.environ.get('TERM') != 'dumb'
    return CopyView(sys.stdout, sys.stderr, is_terminal=is_terminal, is_quiet=is_quiet)
