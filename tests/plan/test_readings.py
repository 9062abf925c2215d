"""Two readings of a service's configs, and what follows from them."""

from __future__ import annotations

import pytest

from registry_host.levels import Activation
from registry_host.plan.readings import (
    Comparison,
    Need,
    Reading,
    Seen,
    Started,
    disagreeing,
)

NONE, RELOAD, RESTART = Activation.NONE, Activation.RELOAD, Activation.RESTART
A, B, C = ('a',), ('b',), ('c',)
# A service that shows its list and its proxy, with the password masked, not its dns.
PASSWORD, OTHER, MASKED = ('p:1@x',), ('p:2@x',), ('p:*@x',)


def reading(proxy=(), dns=(), mirrors=()):
    """An area that is empty is one that no config names."""
    values = {'proxy': proxy, 'mirrors': mirrors}
    return Reading(
        at_start={'proxy': proxy, 'dns': dns},
        at_reload={'mirrors': mirrors},
        silent=frozenset(area for area, texts in values.items() if not texts),
    )


def shows(found):
    values = {**found.at_start, **found.at_reload}
    return {
        area: tuple(text[:2] + '*@x' if '@' in text else text for text in texts)
        for area, texts in values.items()
        if area != 'dns' and area not in found.silent
    }


def live(proxy=(), mirrors=()):
    return {'proxy': proxy, 'mirrors': mirrors}


def compared(before, after, shown, started=None, identity='1'):
    state = 'running' if shown is not None else 'stopped'
    return Comparison(before, after, Seen(state, identity, shown), started, shows)


ALL = ('proxy', 'dns', 'mirrors')


@pytest.mark.parametrize(
    ('before', 'after', 'shown', 'named', 'level'),
    (
        pytest.param(reading(), reading(), live(), ALL, NONE, id='nothing'),
        pytest.param(
            reading(), reading(mirrors=A), live(), (), RELOAD, id='list-changes'
        ),
        pytest.param(
            reading(mirrors=A), reading(), live(mirrors=A), (), RELOAD, id='list-goes'
        ),
        pytest.param(
            reading(mirrors=A),
            reading(mirrors=A),
            live(mirrors=B),
            ('mirrors',),
            RELOAD,
            id='list-drifted-and-asked-for',
        ),
        pytest.param(
            reading(mirrors=A),
            reading(mirrors=A),
            live(mirrors=B),
            ('proxy',),
            NONE,
            id='list-drifted-and-not-asked-for',
        ),
        pytest.param(
            reading(),
            reading(),
            live(mirrors=B),
            ('mirrors',),
            NONE,
            id='of-what-no-config-names-nothing-is-known',
        ),
        pytest.param(
            reading(), reading(proxy=A), live(), (), RESTART, id='proxy-comes'
        ),
        pytest.param(
            reading(), reading(proxy=A), live(A), (), NONE, id='proxy-is-in-use-already'
        ),
        pytest.param(
            reading(proxy=A), reading(), live(A), (), RESTART, id='proxy-goes'
        ),
        pytest.param(
            reading(proxy=A), reading(), live(), (), NONE, id='proxy-never-was-in-use'
        ),
        pytest.param(
            reading(proxy=A),
            reading(proxy=B),
            live(B),
            (),
            NONE,
            id='back-to-what-is-in-use',
        ),
        pytest.param(
            reading(proxy=A), reading(proxy=B), live(C), (), RESTART, id='neither'
        ),
        pytest.param(
            reading(proxy=PASSWORD),
            reading(proxy=OTHER),
            live(MASKED),
            (),
            RESTART,
            id='password-changes',
        ),
        pytest.param(
            reading(proxy=A),
            reading(proxy=A),
            live(B),
            ('proxy',),
            RESTART,
            id='proxy-drifted-and-asked-for',
        ),
        pytest.param(
            reading(proxy=A),
            reading(proxy=A, mirrors=A),
            live(B),
            ('mirrors',),
            RELOAD,
            id='what-others-left-undone',
        ),
        pytest.param(
            reading(), reading(dns=A), live(), (), RESTART, id='what-is-never-shown'
        ),
        pytest.param(
            reading(dns=A),
            reading(dns=A),
            live(),
            ('dns',),
            NONE,
            id='never-shown-and-believed',
        ),
        pytest.param(
            reading(), reading(proxy=A), None, (), RESTART, id='one-that-does-not-run'
        ),
        pytest.param(
            reading(mirrors=A),
            reading(mirrors=A),
            None,
            ALL,
            NONE,
            id='one-that-does-not-run-and-nothing-changes',
        ),
    ),
)
def test_level(before, after, shown, named, level):
    assert compared(before, after, shown).level(named) is level


PUT_OFF = Started('s', '1', {'dns': A})


@pytest.mark.parametrize(
    ('before', 'after', 'identity', 'due'),
    (
        pytest.param(
            reading(dns=B), reading(dns=B), '1', {'dns': A}, id='known-to-any-run'
        ),
        pytest.param(reading(dns=B), reading(dns=A), '1', {}, id='taken-back'),
        pytest.param(
            reading(dns=B), reading(dns=C), '1', {'dns': A}, id='the-first-is-kept'
        ),
        pytest.param(reading(dns=B), reading(dns=B), '2', {}, id='another-instance'),
        pytest.param(reading(dns=B), reading(dns=B), '', {}, id='no-instance-known'),
        pytest.param(
            reading(dns=B), reading(dns=C), '2', {'dns': B}, id='put-off-anew'
        ),
    ),
)
def test_a_restart_that_was_put_off(before, after, identity, due):
    found = compared(before, after, live(), PUT_OFF, identity)
    assert found.due(()) == due
    assert (found.level(()) is RESTART) == bool(due)


def test_what_was_noted_is_exact_where_a_password_is_masked():
    started = Started('s', '1', {'proxy': OTHER})
    shown = live(MASKED)
    back = compared(reading(PASSWORD), reading(OTHER), shown, started)
    assert back.level(('proxy',)) is NONE
    same = compared(reading(PASSWORD), reading(PASSWORD), shown, started)
    assert same.due(()) == {'proxy': OTHER}


@pytest.mark.parametrize(
    ('before', 'shown', 'base'),
    (
        pytest.param(reading(A, B), live(A), {'proxy': A, 'dns': B}, id='its-configs'),
        pytest.param(reading(A, B), live(C), {'proxy': C, 'dns': B}, id='visibly-not'),
        pytest.param(reading(A, B), None, {'proxy': A, 'dns': B}, id='nothing-shown'),
    ),
)
def test_base(before, shown, base):
    assert compared(before, before, shown).base == base


@pytest.mark.parametrize(
    ('asked', 'started', 'is_hidden'),
    (
        pytest.param(('dns',), None, True, id='never-shown'),
        pytest.param(('proxy', 'mirrors'), None, False, id='shown'),
        pytest.param((), None, False, id='not-asked-for'),
        pytest.param(('dns',), PUT_OFF, False, id='noted'),
    ),
)
def test_hidden(asked, started, is_hidden):
    found = compared(reading(dns=A), reading(dns=A), live(), started)
    assert found.is_hidden(asked) is is_hidden


def test_what_a_service_must_show_depends_on_how_far_it_is_activated():
    need = Need('s', Seen('running'), base={'proxy': A}, want=live(B, C))
    assert need.wanted(RESTART) == {'proxy': B, 'mirrors': C}
    assert need.wanted(RELOAD) == {'mirrors': C}


@pytest.mark.parametrize(
    ('want', 'shown', 'areas'),
    (
        ({'mirrors': A}, live(mirrors=A), ()),
        ({'mirrors': A}, live(mirrors=B), ('mirrors',)),
        ({'mirrors': ()}, live(), ()),
        ({'mirrors': A}, None, ('mirrors',)),
        ({}, None, ()),
    ),
)
def test_disagreeing(want, shown, areas):
    assert disagreeing(want, shown) == areas


def test_unseen_is_what_is_due_and_never_shown():
    need = Need('s', Seen('running', '1', live()), due={'proxy': A, 'dns': B})
    assert need.unseen == ('dns',)
    assert need._replace(seen=Seen('stopped')).unseen == ('proxy', 'dns')


def test_a_run_that_came_to_nothing_remembers_what_was_needed_alone():
    need = Need(
        's', Seen('running', '1', live()), needed=RESTART, done=RELOAD, base={'a': A}
    )
    assert need.bare == Need('s', Seen('unknown'), needed=RESTART)


BEFORE = Seen('running', '1', live(A, B))
WANT = {'proxy': A, 'mirrors': C}
NOT_ALL = 'it is not seen to use all, and only, what its files say'


@pytest.mark.parametrize(
    ('need', 'how', 'why', 'proofs'),
    (
        pytest.param(
            Need('s', BEFORE, want=WANT, base={'proxy': A}),
            RELOAD,
            '',
            [('ok', 'shows mirrors, proxy as its files say')],
            id='reload',
        ),
        pytest.param(
            Need('s', BEFORE, want={'proxy': B, 'mirrors': C}, base={'proxy': A}),
            RELOAD,
            '--restart never',
            [
                ('ok', 'shows mirrors as its files say'),
                ('skipped', '--restart never'),
            ],
            id='put-off',
        ),
        pytest.param(
            Need('s', BEFORE, want=WANT, due={'dns': ()}, is_hidden=True),
            RESTART,
            '',
            [
                (
                    'ok',
                    'shows mirrors, proxy as its files say, and has read dns at its '
                    'start',
                )
            ],
            id='a-start-proves-what-is-never-shown',
        ),
        pytest.param(
            Need('s', BEFORE, want={'proxy': A}, is_hidden=True),
            NONE,
            '',
            [('ok', 'shows proxy as its files say'), ('skipped', NOT_ALL)],
            id='hidden',
        ),
        pytest.param(
            Need('s', BEFORE),
            NONE,
            '',
            [('ok', 'its files name nothing that it shows')],
            id='nothing',
        ),
        pytest.param(
            Need('s', BEFORE, want={'mirrors': C}, needed=RESTART),
            NONE,
            'a restart would stop web',
            [('skipped', 'a restart would stop web')],
            id='not-touched',
        ),
        pytest.param(
            Need('s', Seen('running')),
            NONE,
            '',
            [('skipped', 'it does not show what it uses')],
            id='shows-nothing',
        ),
        pytest.param(
            Need('s', Seen('stopped'), want=WANT),
            NONE,
            '',
            [('skipped', 'it does not run, and reads its files when it starts')],
            id='stopped',
        ),
    ),
)
def test_what_is_seen_live_is_a_proof(need, how, why, proofs):
    found = list(need.proofs(how, why))
    assert {(proof.level, proof.what) for proof in found} == {('live', 's')}
    assert [(proof.outcome, proof.detail) for proof in found] == proofs
