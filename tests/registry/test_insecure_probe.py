"""An insecure registry is asked by HTTPS, and then by HTTP, as the engine does."""

from __future__ import annotations

import pytest

from registry_host.engine.route import Route
from registry_host.host.host import Host
from registry_host.host.wire import Answer, ConnectionFailed
from registry_host.registry.insecure_probe import probe_insecure
from registry_host.settings.insecure import InsecureList, check_insecure_registry

HEADER = {'docker-distribution-api-version': 'registry/2.0'}
NOT_TLS = ConnectionFailed('not-tls', 'wrong version number')
REFUSED = ConnectionFailed('refused', 'Connection refused')
TIMEOUT = ConnectionFailed('timeout', 'no answer within 3 s')
NO_NAME = ConnectionFailed('resolve', 'Name or service not known')
BY_PROXY = ConnectionFailed('refused', 'Connection refused', is_of_proxy=True)


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


def test_the_proxy_of_the_engine_is_gone_by_and_named():
    proxy = 'http://u:hunter2@p.lab:1'
    route = Route(insecure=InsecureList(('r.lab:1',)), https_proxy=proxy)
    host, (found,) = probed({'https': BY_PROXY}, 'r.lab:1', route=route)
    assert host.requests[0].proxy == proxy
    assert str(found.problem) == (
        'r.lab:1: could not be reached (Connection refused: the proxy '
        'http://xxxxx:xxxxx@p.lab:1)'
    )


def test_networks_are_not_asked():
    host, found = probed({'https': answer(200)}, '10.0.0.0/8', 'r.lab:1', 'r.lab:2')
    assert [str(each.registry) for each in found] == ['r.lab:1', 'r.lab:2']
    assert len(host.requests) == 2
