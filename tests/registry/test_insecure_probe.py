"""An insecure registry is asked by HTTPS, and then by HTTP, as the engine does."""

from __future__ import annotations

import pytest

from registry_host.engine.route import Route
from registry_host.host.host import Host
from registry_host.host.wire import Answer, ConnectionFailed
from registry_host.registry.insecure_probe import ask_insecure, probe_insecure
from registry_host.settings.insecure import (
    InsecureList,
    check_insecure_registry,
    spelled,
)

HEADER = {'docker-distribution-api-version': 'registry/2.0'}
NOT_TLS = ConnectionFailed('not-tls', 'wrong version number')
REFUSED = ConnectionFailed('refused', 'Connection refused')
TIMEOUT = ConnectionFailed('timeout', 'no answer within 3 s')
NO_NAME = ConnectionFailed('resolve', 'Name or service not known')


def answer(status, headers=HEADER, body=b'{}'):
    return Answer(status=status, headers=headers, body=body, url='')


class Asked(Host):
    """A host on which each URL has one outcome."""

    def __init__(self, outcomes):
        super().__init__()
        self.outcomes = outcomes
        self.requests = []

    def http_get(self, request):
        self.requests.append(request)
        outcome = self.outcomes[request.url.partition(':')[0]]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def probed(outcomes, *texts, route=None):
    registries = [check_insecure_registry(text).value for text in texts]
    host = Asked(outcomes)
    found = probe_insecure(
        host, registries, route or Route(insecure=InsecureList(texts))
    )
    return host, found


@pytest.mark.parametrize(
    ('outcomes', 'url'),
    (
        pytest.param({'https': answer(200)}, 'https', id='tls'),
        pytest.param({'https': answer(401)}, 'https', id='demands-a-login'),
        pytest.param({'https': NOT_TLS, 'http': answer(200)}, 'http', id='plain'),
        pytest.param({'https': REFUSED, 'http': answer(401)}, 'http', id='plain-login'),
    ),
)
def test_a_registry_is_found(outcomes, url):
    host, (found,) = probed(outcomes, 'r.lab:5002')
    assert (found.url, found.problem) == (f'{url}://r.lab:5002/v2/', None)
    assert not any(request.is_verified for request in host.requests)


WITHOUT_PORT = '; without a port it stands for ports 443 and 80 alone'


@pytest.mark.parametrize(
    ('outcomes', 'text', 'message', 'asked'),
    (
        pytest.param(
            {'https': REFUSED, 'http': REFUSED},
            'r.lab:5002',
            'r.lab:5002: could not be reached (Connection refused)',
            2,
            id='refused',
        ),
        pytest.param(
            {'https': REFUSED, 'http': REFUSED},
            'r.lab',
            f'r.lab: could not be reached (Connection refused){WITHOUT_PORT}',
            2,
            id='no-port',
        ),
        pytest.param(
            {'https': TIMEOUT},
            'r.lab:1',
            'r.lab:1: could not be reached (no answer within 3 s)',
            1,
            id='silent',
        ),
        pytest.param(
            {'https': NO_NAME},
            'r.lab:1',
            'r.lab:1: could not be reached (Name or service not known)',
            1,
            id='no-such-name',
        ),
        pytest.param(
            {'https': answer(200, {}, b'<html>')},
            'r.lab:1',
            'r.lab:1: answers 200 at https://r.lab:1/v2/, and not as a registry does',
            1,
            id='a-login-page',
        ),
        pytest.param(
            {'https': answer(404)},
            'r.lab:1',
            'r.lab:1: answers 404 at https://r.lab:1/v2/, and not as a registry does',
            1,
            id='another-status',
        ),
    ),
)
def test_what_is_wrong_is_told(outcomes, text, message, asked):
    host, (found,) = probed(outcomes, text)
    assert (str(found.problem), len(host.requests)) == (message, asked)


PROXY = 'http://u:hunter2@p.lab:1'
SHOWN = 'http://xxxxx:xxxxx@p.lab:1'
ASKED = f'the proxy {SHOWN}, which the engine asks for it, '
AROUND = 'sudo registry-host configure --no-proxy r.lab --proxy-for engine'
LOOK = 'registry-host registry check http://r.lab:1'
BY_PROXY = ConnectionFailed('refused', 'Connection refused', is_of_proxy=True)
CONNECT = ConnectionFailed('proxy', 'it answers 503 No', is_of_proxy=True)
LISTED = InsecureList(('r.lab:1', 'r.lab'))
DIRECT = Route(insecure=LISTED, https_proxy=PROXY)
THROUGH = Route(insecure=LISTED, https_proxy=PROXY, http_proxy=PROXY)


@pytest.mark.parametrize('failure', (BY_PROXY, CONNECT))
def test_a_registry_is_found_by_http_past_a_proxy_that_refuses(failure):
    """As graphdrivers do: observed, 20.10.24, 26.1.5 and 28.5.2."""
    outcomes = {'https': failure, 'http': answer(200)}
    host, (found,) = probed(outcomes, 'r.lab:1', route=THROUGH)
    assert (found.url, found.problem) == ('http://r.lab:1/v2/', None)
    assert [request.proxy for request in host.requests] == [PROXY, PROXY]


@pytest.mark.parametrize(
    ('route', 'outcomes', 'message', 'hint'),
    (
        pytest.param(
            THROUGH,
            {'https': BY_PROXY, 'http': BY_PROXY},
            f'{ASKED}could not be reached or refused (Connection refused)',
            AROUND,
            id='dead',
        ),
        pytest.param(
            THROUGH,
            {'https': CONNECT, 'http': answer(503, {})},
            f'the proxy {SHOWN} answers 503 for it',
            AROUND,
            id='refuses-both',
        ),
        pytest.param(
            THROUGH,
            {'https': CONNECT, 'http': answer(407, {})},
            f'{ASKED}demands a login or does not take this one',
            AROUND,
            id='login',
        ),
        pytest.param(
            DIRECT,
            {'https': CONNECT, 'http': REFUSED},
            'by HTTP: could not be reached (Connection refused); by HTTPS: '
            f'{ASKED}could not be reached or refused (it answers 503 No)',
            f'{LOOK}\n{AROUND}',
            id='no-proxy-for-http',
        ),
        pytest.param(
            THROUGH,
            {'https': TIMEOUT},
            f'could not be reached (no answer within 3 s), by way of the proxy {SHOWN}',
            AROUND,
            id='silent-behind-it',
        ),
        pytest.param(
            DIRECT,
            {'https': answer(503, {})},
            'answers 503 at https://r.lab:1/v2/, and not as a registry does',
            AROUND,
            id='the-registry-in-a-tunnel',
        ),
        pytest.param(
            DIRECT,
            {'https': NOT_TLS, 'http': answer(503, {})},
            'answers 503 at http://r.lab:1/v2/, and not as a registry does',
            LOOK,
            id='the-registry-without-a-proxy',
        ),
    ),
)
def test_whose_fault_it_is_on_the_way_through_a_proxy(route, outcomes, message, hint):
    _, (found,) = probed(outcomes, 'r.lab:1', route=route)
    assert (str(found.problem), found.problem.hint) == (f'r.lab:1: {message}', hint)


STORE_26 = Route(is_containerd_store=True, version=(26, 1, 5), insecure=LISTED)
STORE_28 = Route(is_containerd_store=True, version=(28, 5, 2), insecure=LISTED)
CLOSED = ConnectionFailed('closed', 'Connection reset by peer')


@pytest.mark.parametrize(
    ('text', 'route', 'failure', 'goes_on'),
    (
        pytest.param('r.lab:1', Route(), CLOSED, True, id='graphdriver-closed'),
        pytest.param('r.lab:1', STORE_26, NOT_TLS, True, id='26-plain'),
        pytest.param('r.lab', STORE_26, REFUSED, False, id='26-refused'),
        pytest.param('r.lab:1', STORE_28, NOT_TLS, True, id='28-plain'),
        pytest.param('r.lab', STORE_28, REFUSED, True, id='28-refused'),
        pytest.param('r.lab:1', STORE_28, REFUSED, False, id='28-refused-at-a-port'),
        pytest.param('r.lab:1', STORE_28, BY_PROXY, False, id='28-dead-proxy'),
        pytest.param('r.lab', STORE_28, CLOSED, False, id='28-closed'),
        pytest.param('r.lab', STORE_28, CONNECT, False, id='28-connect-refused'),
    ),
)
def test_http_is_tried_after_the_failures_after_which_the_engine_tries_it(
    text, route, failure, goes_on
):
    """Pulls of each engine and store, observed."""
    _, (found,) = probed({'https': failure, 'http': answer(200)}, text, route=route)
    assert (found.problem is None) is goes_on


def test_an_entry_is_asked_unverified_though_it_covers_no_such_port():
    host = Asked({'https': answer(200)})
    ask_insecure(host, spelled('r.lab:01'), Route(insecure=InsecureList(('r.lab:01',))))
    assert [request.is_verified for request in host.requests] == [False]


def test_a_registry_that_is_named_in_other_letters_is_asked_as_it_is_named():
    host = Asked({'https': answer(200)})
    registry = spelled('R.Lab:1')
    found = ask_insecure(host, registry, Route(insecure=InsecureList(('R.Lab:1',))))
    assert found.url == 'https://R.Lab:1/v2/'
    assert not host.requests[0].is_verified


def test_networks_are_not_asked():
    host, found = probed({'https': answer(200)}, '10.0.0.0/8', 'r.lab:1', 'r.lab:2')
    assert [str(each.registry) for each in found] == ['r.lab:1', 'r.lab:2']
    assert len(host.requests) == 2
