"""Having the owner of nameservers read its files again, and proving that it did.

Their own words do not count: `resolvconf -u` ends with 0 where nothing was written, and
`nmcli` where a list was not understood (Debian 12, observed).

In one module: the table of managers, and what each entry of it runs.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from registry_host.errors import (
    ApplyError,
    ConfigError,
    Finding,
    ProbeError,
    Problem,
    quoted,
)
from registry_host.host.locations import RESOLV_CONF
from registry_host.namedtuples import NamedTuple
from registry_host.resolver.others import NETWORK_MANAGER_SERVERS
from registry_host.resolver.owner import RESOLVED_UPLINK
from registry_host.resolver.resolvconf import parse, view
from registry_host.settings.nameservers import address_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from registry_host.host.host import Host
    from registry_host.resolver.use import Use

PROOF_TIMEOUT_S = 10.0
GONE_TIMEOUT_S = 5.0
SETTLING_S = 3.0
POLL_S = 0.1
_RESOLVED = 'systemd-resolved.service'


class _Way(NamedTuple):
    """How one owner is told: commands, which all must end well.

    `is_there` says whether it is there to be told; one that is not reads its files when
    it starts. `by_hand` is the command for a person to do the same. `shown_in` are
    files that show what it uses, the first that there is.
    """

    name: str
    by_hand: str
    commands: Callable[[Host], Iterable[Sequence[str]]]
    is_there: Callable[[Host], bool]
    shown_in: tuple[str, ...] = (RESOLV_CONF,)


def known() -> tuple[str, ...]:
    """Name the DNS managers that can be told."""
    return tuple(_WAYS)


def is_there(host: Host, owner: str) -> bool:
    """Whether a DNS manager is there to be told; else it reads its files at start."""
    return _WAYS[owner].is_there(host)


def title_of(owner: str) -> str:
    return _WAYS[owner].name


def by_hand(owner: str) -> str:
    """The command that has a DNS manager read its files again."""
    return f'sudo {_WAYS[owner].by_hand}'


def tell(
    host: Host,
    owner: str,
    *,
    is_back: bool = False,
    timeout_s: float = PROOF_TIMEOUT_S,
) -> bool:
    """Have an owner read its files; ApplyError with its own reason if it fails.

    `is_back`: they are as they were, and one that has gone since is not told (False).
    """
    way = _WAYS[owner]
    if is_back and not way.is_there(host):
        return False
    deadline = time.monotonic() + timeout_s
    for command in way.commands(host):
        done = host.run(command, timeout_s=max(0.1, deadline - time.monotonic()))
        if not done.is_ok:
            lines = (done.err.strip() or done.out.strip()).splitlines()
            raise ApplyError(
                Problem(
                    code='owner-failed',
                    where=way.name,
                    message=f'{" ".join(command)}: '
                    f'{lines[-1] if lines else f"exit code {done.code}"}',
                    hint=_hint(owner),
                )
            )
    return True


def _hint(owner: str) -> str:
    units = {'resolved': _RESOLVED, 'network-manager': 'NetworkManager.service'}
    if owner in units:
        return f'sudo journalctl -n 20 -u {units[owner]}'
    return f'cat {RESOLV_CONF}'


def use_again(host: Host, use: Use, *, is_told: bool) -> Iterator[Finding]:
    """Check what a DNS manager uses once it is told; ProbeError if others."""
    if not is_told or not use.nameservers:
        yield from _still_used(host, use, GONE_TIMEOUT_S if is_told else 0.0)
        return
    path, shown = _require_in_use(
        host, use.owner, use.nameservers, is_exclusive=use.is_exclusive
    )
    yield Finding(
        check='nameservers-in-use',
        severity='ok',
        message=f'{use.owner} has this host ask {", ".join(shown)}',
    )
    others = shown[len(use.nameservers) :]
    if use.is_exclusive and others:
        yield _not_alone(
            f'{", ".join(others)} is still asked after the managed nameservers, by '
            f'containers and by programs that read {path} themselves'
        )
    domains = _domains_of_links(host) if use.owner == 'resolved' else ()
    if use.is_exclusive and domains:
        yield _not_alone(
            f'names of {", ".join(domains)} are still asked of the nameservers of the '
            'link that has this domain'
        )


def _not_alone(message: str) -> Finding:
    return Finding('dns-not-exclusive', 'warning', message, remedy=('resolvectl',))


def _domains_of_links(host: Host) -> tuple[str, ...]:
    """Find what is more specific than `~.`, and so goes to a link (257, observed)."""
    shown = host.run(['resolvectl', 'domain']).out
    links = re.findall(r'^Link \d+ \(\S+\):(.*)$', shown, re.MULTILINE)
    return tuple(dict.fromkeys(name for names in links for name in names.split()))


def _require_in_use(
    host: Host, owner: str, nameservers: Sequence[str], *, is_exclusive: bool
) -> tuple[str, list[str]]:
    """Wait until an owner shows these nameservers, in front of all others or alone.

    Returns where, and all that it shows; ProbeError if they are not in front.
    """
    wanted = [address_key(text) for text in nameservers]
    # A moment after it was told, dhcpcd shows only the managed ones, or the old ones.
    soon = time.monotonic() + (SETTLING_S if owner == 'dhcpcd' else 0.0)

    def is_right(shown: list[str]) -> bool:
        is_settled = time.monotonic() > soon or len(shown) > len(wanted)
        if is_exclusive and owner != 'resolved':
            return shown == wanted
        return is_settled and shown[: len(wanted)] == wanted

    path, shown = _shown_once(host, owner, is_right)
    if shown[: len(wanted)] == wanted:
        return path, shown
    raise ProbeError(
        Problem(
            code='nameservers-unproven',
            where=path,
            message=f'{_WAYS[owner].name} was told, but has this host ask '
            f'{", ".join(shown) or "nobody"}',
            hint=_hint(owner),
        )
    )


def _still_used(host: Host, use: Use, timeout_s: float) -> Iterator[Finding]:
    """Wait until an owner shows others than those that are gone; tell if it does not.

    For a moment dhcpcd shows none (10.1.0, observed).
    """
    gone = {address_key(text) for text in use.gone}
    path, shown = _shown_once(
        host,
        use.owner,
        lambda shown: bool(shown) and gone.isdisjoint(shown),
        timeout_s=timeout_s,
    )
    left = [text for text in shown if text in gone]
    if left:
        yield Finding(
            check='nameservers-still-in-use',
            severity='warning',
            message=f'{path} still has this host ask {", ".join(left)}, though '
            f'{_WAYS[use.owner].name} is not told of it any more',
            path=path,
            remedy=(f'cat {path}',),
        )


def _shown_once(
    host: Host,
    owner: str,
    is_right: Callable[[list[str]], bool],
    timeout_s: float = PROOF_TIMEOUT_S,
) -> tuple[str, list[str]]:
    """Look until it is right, or time is up; which file was looked at, and the last."""
    deadline = time.monotonic() + timeout_s
    while True:
        path, shown = _shown(host, _WAYS[owner].shown_in)
        if is_right(shown) or time.monotonic() > deadline:
            return path, shown
        time.sleep(POLL_S)


def shown_by(host: Host, owner: str) -> tuple[str, ...]:
    """Say which nameservers a DNS manager has this host ask, as it shows them now."""
    return tuple(_shown(host, _WAYS[owner].shown_in)[1])


def _shown(host: Host, paths: Sequence[str]) -> tuple[str, list[str]]:
    for path in paths:
        try:
            content = host.read(path).content
        except ConfigError:
            continue
        if content is not None:
            found = view(parse(content), 'glibc').nameservers
            return path, [address_key(text) for text in found]
    return paths[-1], []


def require_resolved(host: Host, names: Sequence[str]) -> None:
    """Look names up as this host's programs do; ProbeError if one is not found.

    Another program does it, for the C library of this one may have read the file
    before, and a lookup of its own cannot be cut short.
    """
    deadline = time.monotonic() + PROOF_TIMEOUT_S
    for name in names:
        left_s = max(1.0, deadline - time.monotonic())
        found = host.run(['getent', 'ahosts', name], timeout_s=left_s)
        if not found.is_ok or not found.out.strip():
            raise ProbeError(
                Problem(
                    code='names-unproven',
                    where=RESOLV_CONF,
                    message=f'this host does not resolve {name} with it',
                    hint=f'getent ahosts {quoted(name)}',
                )
            )


# The owners


def _is_unit_there(host: Host) -> bool:
    """Failed is there: it may be the managed file that it did not start with."""
    state = host.run(['systemctl', 'is-active', _RESOLVED]).out.strip()
    return state not in ('inactive', 'unknown', '')


def _restart_resolved(host: Host) -> Iterable[Sequence[str]]:
    """A restart, for a reload ends it there, with SIGHUP (systemd 252, observed).

    The fifth start within ten seconds would fail, but for a clean slate before.
    """
    host.run(['systemctl', 'reset-failed', _RESOLVED])
    return (
        ['systemctl', 'restart', _RESOLVED],
        ['systemctl', 'is-active', '--quiet', _RESOLVED],
    )


def _runs(name: str) -> Callable[[Host], bool]:
    return lambda host: bool(host.processes(name))


def _has(program: str) -> Callable[[Host], bool]:
    return lambda host: host.find_program(program) is not None


def _dhcpcd_commands(host: Host) -> Iterable[Sequence[str]]:
    """One process may serve all interfaces, or each its own.

    Where none has just these options, another would be started; they are in the name of
    its file (dhcpcd 10.1.0, observed).
    """
    if _is_running(host, '/run/dhcpcd/pid'):
        return [['dhcpcd', '-n']]
    names = (
        _PIDFILE.fullmatch(name)
        for name in host.names('/run/dhcpcd')
        if _is_running(host, f'/run/dhcpcd/{name}')
    )
    return [
        ['dhcpcd', *filter(None, [found[2]]), '-n', found[1]]
        for found in names
        if found
    ]


def _is_running(host: Host, pidfile: str) -> bool:
    try:
        text = (host.read(pidfile).content or b'').decode('ascii', 'replace').strip()
    except ConfigError:
        return False
    return text.isdigit() and host.proc_text(text, 'comm').strip() == 'dhcpcd'


_PIDFILE = re.compile(r'(.+?)(-[46])?\.pid')


_WAYS = {
    'resolved': _Way(
        'systemd-resolved',
        f'systemctl restart {_RESOLVED}',
        _restart_resolved,
        _is_unit_there,
        (RESOLVED_UPLINK,),
    ),
    'network-manager': _Way(
        'NetworkManager',
        'nmcli general reload',
        lambda host: (['nmcli', 'general', 'reload'],),
        _runs('NetworkManager'),
        (NETWORK_MANAGER_SERVERS, RESOLV_CONF),
    ),
    'resolvconf': _Way(
        'resolvconf',
        'resolvconf -u',
        lambda host: (['resolvconf', '-u'],),
        _has('resolvconf'),
    ),
    'openresolv': _Way(
        'openresolv',
        'resolvconf -u',
        lambda host: (['resolvconf', '-u'],),
        _has('resolvconf'),
    ),
    'netconfig': _Way(
        'netconfig',
        'netconfig update -f',
        lambda host: (['netconfig', 'update', '-f'],),
        _has('netconfig'),
    ),
    'dhcpcd': _Way('dhcpcd', 'dhcpcd -n', _dhcpcd_commands, _runs('dhcpcd')),
}
