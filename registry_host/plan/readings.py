"""What programs make of configs, and what follows from two readings of them. Pure.

A service is a program that reads configs. What a change takes of it, whether it already
uses what its configs say, and what it must show afterwards all come from one
comparison: of what it reads before with what it reads after, and with what it uses.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from registry_host.levels import Activation
from registry_host.namedtuples import NamedTuple
from registry_host.progress import Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from typing import Literal

    from registry_host.plan.wish import Values

    State = Literal['running', 'stopped', 'absent', 'unreachable', 'unknown']

# Why one that does not run, or cannot be asked, is neither told nor looked at.
_ASLEEP: Mapping[State, str] = MappingProxyType(
    {
        'stopped': 'it does not run, and reads its files when it starts',
        'absent': 'it is not there',
        'unreachable': 'it cannot be asked',
        'unknown': 'a root folder has none that runs',
    }
)
STATES: tuple[State, ...] = ('running', 'stopped', 'absent', 'unreachable', 'unknown')
NOTHING: Mapping[str, Values] = MappingProxyType({})


class Reading(NamedTuple):
    """What a service makes of its configs, by area and by when it reads them.

    Every area is there; one that no config names is () and among the `silent`, for the
    service then keeps, or has from elsewhere, a value that is not known from configs.
    """

    at_start: Mapping[str, Values] = NOTHING
    at_reload: Mapping[str, Values] = NOTHING
    silent: frozenset[str] = frozenset()


class Seen(NamedTuple):
    """One observation of a service.

    `identity` tells one process from the next, '' where that is not known. `live` is
    what it shows that it uses, by area; None where it shows nothing at all.
    `condition` is what its manager has of it, by part, where a run may disturb it.
    """

    state: State
    identity: str = ''
    live: Mapping[str, Values] | None = None
    condition: Mapping[str, str] = MappingProxyType({})

    @property
    def is_running(self) -> bool:
        return self.state == 'running'

    @property
    def asleep(self) -> str:
        """Why it is neither told nor looked at; '' if it is."""
        return _ASLEEP.get(self.state, '')


class Started(NamedTuple):
    """What an instance of a service read when it started, where that is out of date.

    Kept from the run that puts off a restart until the instance is gone, or its configs
    are again what it started with.
    """

    service: str
    identity: str
    at_start: Mapping[str, Values]


class Served(NamedTuple):
    """How far a service had to be activated, how far it was, and what is left to do.

    `why` says why not as far as is needed.
    """

    name: str
    needed: Activation
    done: Activation = Activation.NONE
    pending: Activation = Activation.NONE
    why: str = ''


class Need(NamedTuple):
    """What a plan takes of one service.

    `seen` is the service before the run, `paths` those of its configs that the plan is
    about, and `base` what this instance started with. `want` is what it shows once it
    has read its configs; areas of which nothing is known are missing. `due` are the
    areas that take a start, with what the instance has of them. If it `is_hidden`,
    something is asked for that it never shows, and that is not known to be in force; if
    it `is_behind`, a reload alone would make a difference. `done` is how far a run
    activates it. `is_engine`: it pulls images, and the restart policy is about it.
    """

    service: str
    seen: Seen
    paths: tuple[str, ...] = ()
    needed: Activation = Activation.NONE
    done: Activation = Activation.NONE
    base: Mapping[str, Values] = NOTHING
    want: Mapping[str, Values] = NOTHING
    due: Mapping[str, Values] = NOTHING
    is_hidden: bool = False
    is_behind: bool = False
    is_engine: bool = False

    @property
    def unseen(self) -> tuple[str, ...]:
        """Name the areas that take a start, and of which the service shows nothing."""
        return tuple(area for area in self.due if area not in (self.seen.live or ()))

    @property
    def bare(self) -> Need:
        """Say no more than what was needed, for a run that came to nothing."""
        return Need(
            self.service,
            Seen('unknown'),
            needed=self.needed,
            is_engine=self.is_engine,
        )

    def proofs(self, how: Activation, why: str = '') -> Iterator[Proof]:
        """Say what the service is seen to use of what it should, once it is activated.

        `how` is as far as it has shown to be; `why` says why that is less than is
        needed. What a service never shows, a start proves.
        """
        if self.seen.asleep:
            yield Proof('live', self.service, 'skipped', self.seen.asleep)
            return
        is_restarted = how is Activation.RESTART
        if how is Activation.NONE and self.seen.live is None:
            why = why or 'it does not show what it uses'
        if self.is_hidden and not is_restarted:
            why = why or 'it is not seen to use all, and only, what its files say'
        areas = sorted(self.shown(how))
        if areas or is_restarted or not why:
            words = f'shows {", ".join(areas)} as its files say' if areas else ''
            unseen = self.unseen if is_restarted else ()
            read = f'has read {", ".join(unseen)} at its start' if unseen else ''
            detail = ', and '.join(filter(None, (words, read)))
            detail = detail or 'its files name nothing that it shows'
            yield Proof('live', self.service, 'ok', detail)
        if why:
            yield Proof('live', self.service, 'skipped', why)

    def shown(self, how: Activation) -> Mapping[str, Values]:
        """What the service has shown to use, activated as far as that.

        Without a start, of what takes one: what it showed before, as far as that is so.
        """
        wanted = self.wanted(how) if how is not Activation.NONE else NOTHING
        live = self.seen.live or NOTHING
        return {
            area: text
            for area, text in self.want.items()
            if area in wanted
            or (how is not Activation.RESTART and live.get(area) == text)
        }

    def wanted(self, how: Activation) -> Mapping[str, Values]:
        """What the service must show once it is activated as far as that."""
        if how is Activation.RESTART:
            return self.want
        return {a: text for a, text in self.want.items() if a not in self.base}


def disagreeing(
    want: Mapping[str, Values], live: Mapping[str, Values] | None
) -> tuple[str, ...]:
    """Name the areas in which a service does not show what it should."""
    return tuple(
        area
        for area, values in want.items()
        if live is None or live.get(area) != values
    )


class Comparison:
    """What a service takes for what it reads `before` to become what it reads `after`.

    `shows` says what it shows of a reading that is in force; areas of which nothing is
    known are missing. `started` is what an earlier run has noted of the instance that
    runs now, if it has.
    """

    def __init__(
        self,
        before: Reading,
        after: Reading,
        seen: Seen,
        started: Started | None,
        shows: Callable[[Reading], Mapping[str, Values]],
    ) -> None:
        self._before = before
        self._after = after
        self._live = seen.live or NOTHING
        self._is_shown = seen.live is not None
        is_same = started is not None and started.identity == seen.identity != ''
        self._noted = started.at_start if started and is_same else NOTHING
        self._shown = shows(before)
        self.want = shows(after)

    @property
    def base(self) -> Mapping[str, Values]:
        """What the instance that runs now has read when it started, by area.

        That is what was noted of it, or what its configs say now, unless it visibly
        uses something else.
        """
        return {area: self._base(area) for area in self._before.at_start}

    def _base(self, area: str) -> Values:
        if area in self._noted:
            return self._noted[area]
        return self._before.at_start[area] if self._is_known(area) else self._live[area]

    def _is_known(self, area: str) -> bool:
        """Whether the instance has read what its configs say of an area now.

        One that shows nothing of it is believed to.
        """
        if area in self._noted or area not in self._live:
            return True
        return area not in self._shown or self._live[area] == self._shown[area]

    def _is_due(self, area: str) -> bool:
        values = self._after.at_start[area]
        if area in self._noted:
            return self._noted[area] != values
        if area in self._live and area in self.want:
            if self._live[area] != self.want[area]:
                return True
            # Of a password nothing is shown, so only one that was read is compared.
            is_read = self._live[area] == self._shown.get(area)
            return is_read and self._before.at_start[area] != values
        return self._is_known(area) and self._before.at_start[area] != values

    def due(self, named: Collection[str]) -> Mapping[str, Values]:
        """Say which areas take a start, and what the instance has read of them.

        Areas count if the run changes them, if it asks for them (`named`), or if an
        earlier run has put off a restart for them: what was edited by hand
        causes no restart.
        """
        before, after = self._before.at_start, self._after.at_start
        return {
            area: self._base(area)
            for area, values in after.items()
            if before[area] != values or area in named or area in self._noted
            if self._is_due(area)
        }

    def level(self, named: Collection[str]) -> Activation:
        """Say how far the service must be activated; areas count as in due()."""
        if self.due(named):
            return Activation.RESTART
        is_behind = self.is_behind(named)
        return Activation.RELOAD if is_behind else Activation.NONE

    def is_behind(self, named: Collection[str]) -> bool:
        """Whether a reload alone would make a difference."""
        before, after = self._before.at_reload, self._after.at_reload
        return any(
            before.get(area, ()) != values or (area in named and self._differs(area))
            for area, values in after.items()
        )

    def _differs(self, area: str) -> bool:
        """Whether the service visibly uses something else."""
        is_known = area in self.want and self._is_shown
        return is_known and self._live.get(area) != self.want[area]

    def is_hidden(self, asked: Collection[str]) -> bool:
        """Whether something is asked for that is not known to be in force."""
        known = {*self._live, *self._noted}
        return any(area in asked and area not in known for area in self._after.at_start)
