"""What can go wrong, as records with a stable code; one exit code a class."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from registry_host.namedtuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    Severity = Literal['ok', 'info', 'skipped', 'warning', 'error']


class Exit(IntEnum):
    """How a command ends; these numbers are an API."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    PENDING = 3
    BUG = 70
    TRY_AGAIN = 75
    INTERRUPTED = 130


class Problem(NamedTuple):
    """One thing that is wrong, and the way out of it.

    `code` is kebab-case and an API. `where` is a path with line and column, a flag,
    or a settings key. `excerpt` shows the place: a line of the file, and a caret below.
    No field may hold a secret: the code that makes a Problem redacts.
    """

    code: str
    message: str
    where: str = ''
    hint: str = ''
    excerpt: str = ''

    def at(self, where: str) -> Problem:
        return self._replace(where=where)

    def __str__(self) -> str:
        return f'{self.where}: {self.message}' if self.where else self.message


def quoted(*words: str) -> str:
    """Words of a hint, as a shell takes them: hints are pasted."""
    from shlex import join

    return join(words)


ROOT = 'root'


def sudo_as(name: str) -> str:
    """The prefix that makes root or sudo run a command of a hint as a user."""
    return 'sudo ' if name == ROOT else f'sudo -u {quoted(name)} '


def advised(message: str, advice: str) -> str:
    """Add to a message what a person can do, where no command does it."""
    return f'{message}; {advice}' if advice else message


def reported(message: str) -> tuple[str, str]:
    """Message and hint of a bug, with what a report should contain."""
    return f'{message}; please report it', 'registry-host --version'


# What a remedy that is a command begins with, behind sudo or not.
_PROGRAMS = frozenset(
    'apt-get cat chattr chmod chown df docker dockerd findmnt free getent journalctl '
    'kill ls lsattr mkdir mv namei nmcli registry-host resolvconf resolvectl rm '
    'runuser sed sh stat systemctl'.split()
)


def argv_of(remedy: str) -> tuple[str, ...]:
    """Split a remedy that is one command, as a shell would; () if it is none.

    What takes a shell is not one.
    """
    import re
    from shlex import split

    try:
        argv = tuple(split(remedy))
    except ValueError:  # A quote that is not closed.
        return ()
    program = argv[argv[0] == 'sudo' :][:1] if argv else ()
    is_prose = any(word[-1:] in ',;:' for word in argv)
    # NAMESERVER: it is for a person to fill in.
    is_template = any(word.isupper() and word.isalpha() for word in argv)
    is_shell = '\n' in remedy or re.search(r'[|&;<>$`*]', re.sub("'[^']*'", '', remedy))
    if is_prose or is_template or is_shell or not _PROGRAMS.issuperset(program):
        return ()
    return argv if program else ()


_AGAIN = 'run the same command with '
SUDO = 'sudo'


def repeat_with(flag: str) -> str:
    """A hint to repeat this command with a flag more; see Report.repeating()."""
    return f'{_AGAIN}{flag}'


def repeated(hint: str, line: str) -> tuple[str, str]:
    """Give each such hint as the whole command; and what is to be said instead.

    That is where `line` is '': it cannot be given once more.
    """
    lines = hint.split('\n')
    again = [each for each in lines if each.startswith(_AGAIN)]
    if not line:
        left = '\n'.join(each for each in lines if each not in again)
        return left, ', or '.join(_in_words(each) for each in again)
    return '\n'.join(_repeated(each, line) for each in lines), ''


def _repeated(hint: str, line: str) -> str:
    if not hint.startswith(_AGAIN):
        return hint
    flags = hint.removeprefix(_AGAIN)
    if flags == SUDO:
        return line if line.startswith('sudo ') else f'sudo {line}'
    return f'{line} {flags}'.rstrip()


def _in_words(hint: str) -> str:
    flags = hint.removeprefix(_AGAIN)
    return f'{_AGAIN}{flags}' if flags else 'run the same command again'


def pasted_by(name: str, text: str) -> str:
    """Take sudo from the commands of a text that a user can run without it.

    The host of one who is root by login may not have it; runuser(1) is util-linux's, as
    su(1) is.
    """
    import re

    if 'sudo ' not in text:
        return text
    text = text.replace(sudo_as(name), '') if name != ROOT else text
    if name != ROOT:
        return text
    as_user = re.sub(r'(?<![^\s;&|])sudo -u (\S+) ', r'runuser -u \1 -- ', text)
    return re.sub(r'(?<![^\s;&|])sudo (?=[a-z"])', '', as_user)


def place_of(err: Exception) -> str:
    """Name an exception and the line that raised it; its values may be secrets."""
    import traceback

    frames = traceback.extract_tb(err.__traceback__)
    if not frames:
        return type(err).__name__
    frame = frames[-1]
    return f'{type(err).__name__} at {frame.filename.rpartition("/")[2]}:{frame.lineno}'


class RegistryHostError(Exception):
    """An expected failure: shown without a traceback, ends with `exit_code`.

    The report says what state it leaves the host in, unless the message says it
    itself (`is_told`).
    """

    exit_code = Exit.FAILED
    is_told = False

    def __init__(self, *problems: Problem) -> None:
        super().__init__('; '.join(str(problem) for problem in problems))
        self.problems = problems


class SettingsError(RegistryHostError):
    """A flag, or a value in the settings file, is invalid."""

    exit_code = Exit.BAD_INPUT


class ConfigError(RegistryHostError):
    """A config on the host cannot be read, or the engine would refuse it."""

    exit_code = Exit.BAD_INPUT


class ConflictError(RegistryHostError):
    """A file changed between plan and write: try again."""

    exit_code = Exit.TRY_AGAIN


class LockedError(RegistryHostError):
    """Another run holds the lock."""

    exit_code = Exit.TRY_AGAIN


class PrivilegeError(RegistryHostError):
    """Only root may do this."""


class EngineError(RegistryHostError):
    """The engine cannot be reached, or refused what it was given."""


class ProbeError(RegistryHostError):
    """A mirror did not answer as a registry that this engine can use."""


class SourcesError(RegistryHostError):
    """The images to copy, or their destination, have invalid names."""

    exit_code = Exit.BAD_INPUT
    is_told = True


class CopyError(RegistryHostError):
    """Images cannot be copied: the destination refuses, or a program is missing."""

    is_told = True


class StateError(RegistryHostError):
    """The state that is kept between runs can be neither read nor written."""


class UndoError(RegistryHostError):
    """An earlier run cannot be undone, or confirmed."""


class StoppedError(RegistryHostError):
    """Interrupted; what was begun was put back, or the message tells what was not."""

    exit_code = Exit.INTERRUPTED
    is_told = True


class ApplyError(RegistryHostError):
    """Writing or activating failed; the message tells what was left where."""

    is_told = True


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, as in "1 container" and "2 containers"."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def listed(names: Iterable[str], limit: int = 3) -> str:
    """Write some names, and how many more there are: "a, b, c and 2 more"."""
    found = list(names)
    more = f' and {len(found) - limit} more' if len(found) > limit else ''
    return ', '.join(found[:limit]) + more


class Finding(NamedTuple):
    """Something worth telling. `remedy` holds commands or steps to take, in order."""

    check: str
    severity: Severity
    message: str
    path: str | None = None
    remedy: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, problem: Problem, severity: Severity, path: str | None = None
    ) -> Finding:
        remedy = tuple(filter(None, problem.hint.split('\n')))
        return cls(
            check=problem.code,
            severity=severity,
            message=str(problem),
            path=path,
            remedy=remedy,
        )
