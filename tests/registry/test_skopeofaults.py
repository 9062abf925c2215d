"""Why a copy failed, by what skopeo 1.9.3 really said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_host.engine.clientlogins import StoredLogin
from registry_host.errors import Problem
from registry_host.host.host import Host
from registry_host.host.records import Completed
from registry_host.registry.entrance import Server
from registry_host.registry.skopeo import Job
from registry_host.registry.skopeofaults import is_passing, problem_of, shortened
from registry_host.registry.ways import Way, place_of_url
from registry_host.settings.references import Reference

DATA = Path(__file__).parents[1] / 'data/skopeo/1.9.3.json'
CASES = json.loads(DATA.read_text(encoding='utf-8'))['cases']
HUB, HERE = 'hub.lab:5001', 'r.lab:5002'
IMAGE = f'{HUB}/team/app:1'
LOGGED_IN = StoredLogin('lab', 'hunter2')
LOGIN = 'does not let this login do that'
LIMIT = 'limits the rate of requests'
FULL = 'its storage may be full, and its log says why'


def job(path='team/app', login=LOGGED_IN):
    def server(domain):
        return Server(Host(), Way(), place_of_url(f'http://{domain}'), None, login)

    source, target = Reference(HUB, path, '1'), Reference(HERE, path, '1')
    return Job(source, f'sha256:{"a" * 64}', target, server(HUB), server(HERE), True)


# Code, where, how the message begins, and the hint.
TOLD = {
    'destination-cache': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'destination-read-only': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-login': ('copy-login', HUB, LOGIN, f'docker login {HUB}'),
    'source-wrong-login': ('copy-login', HUB, LOGIN, f'docker login {HUB}'),
    'destination-login': ('copy-login', HERE, LOGIN, f'docker login {HERE}'),
    'source-unknown-digest': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-unknown-name': (
        'copy-failed',
        f'{HUB}/team/typo:1',
        'skopeo could not copy it',
        '',
    ),
    'source-refused': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'destination-refused': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-not-tls': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'destination-not-tls': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-403': ('copy-login', HUB, LOGIN, f'docker login {HUB}'),
    'destination-403': ('copy-login', HERE, LOGIN, f'docker login {HERE}'),
    'source-500': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'destination-500': (
        'copy-destination-fails',
        HERE,
        f'fails at uploads (500 (Internal Server Error)): {FULL}',
        '',
    ),
    'source-503': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'destination-503': (
        'copy-destination-fails',
        HERE,
        f'fails at uploads (503 (Service Unavailable)): {FULL}',
        '',
    ),
    'destination-404': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-empty': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-html': ('copy-failed', IMAGE, 'skopeo could not copy it', ''),
    'source-hostile': ('copy-login', HUB, LOGIN, f'docker login {HUB}'),
    'source-429': ('copy-limited', HUB, LIMIT, ''),
    'destination-429': ('copy-limited', HERE, LIMIT, ''),
    'source-429-bare': ('copy-limited', HUB, LIMIT, ''),
}


def seen(name):
    case = CASES[name]
    done = Completed(code=case['code'], out='', err=case['said'])
    return problem_of(done, job('team/typo' if 'unknown-name' in name else 'team/app'))


def test_all_that_was_recorded_is_read():
    assert set(CASES) == set(TOLD)
    assert {case['code'] for case in CASES.values()} == {1}


@pytest.mark.parametrize('name', TOLD)
def test_recorded(name):
    problem = seen(name)
    code, where, start, hint = TOLD[name]
    assert (problem.code, problem.where, problem.hint) == (code, where, hint)
    assert problem.message.startswith(start)
    assert 'level=' not in problem.message or name == 'source-hostile'
    assert 'docker://' not in problem.message
    assert 'hunter2' not in problem.message
    assert problem.message.isprintable()
    assert '\\n' not in problem.message


def test_the_words_of_skopeo_stand_in_the_message():
    digest = 'sha256:e6ad0fd75ebdc1b1a162d357bf4156f382f57105fbe54be15420fcf9f31466b1'
    assert seen('destination-429').message == (
        'limits the rate of requests (copying image 1/2 from manifest list: trying to '
        f'reuse blob {digest} at destination: failed to read from destination '
        'repository team/app: 429 (Too Many Requests))'
    )
    assert seen('source-refused').message == (
        'skopeo could not copy it (pinging container registry hub.lab:5001: Get '
        '"http://hub.lab:5001/v2/": dial tcp hub.lab:5001: connect: connection refused)'
    )
    assert seen('destination-read-only').message.endswith(
        f'in {HERE}: StatusCode: 405, Method not allowed)'
    )
    assert seen('destination-404').message.endswith('StatusCode: 404)')


def test_a_manifest_with_layers_that_are_elsewhere():
    """skopeo 1.9.3 and docker-registry 2.8.2, of a foreign layer with a URL."""
    said = (
        'time="x" level=fatal msg="writing manifest: uploading manifest 1 to r.lab:5002'
        '/win: received unexpected HTTP status: 500 Internal Server Error"'
    )
    assert problem_of(Completed(code=1, out='', err=said), job()) == Problem(
        'copy-destination-fails',
        'fails at the manifest (500 Internal Server Error): its storage may be full, '
        'or it may refuse layers with URLs (Windows images), and its log says why',
        HERE,
    )


def test_an_upload_that_fails_at_the_end():
    said = (
        'time="x" level=fatal msg="copying image 1/2 from manifest list: writing blob: '
        'uploading layer chunked: received unexpected HTTP status: 500 Internal Server '
        'Error"'
    )
    problem = problem_of(Completed(code=1, out='', err=said), job())
    assert problem == Problem(
        'copy-destination-fails',
        f'fails at uploads (500 Internal Server Error): {FULL}',
        HERE,
    )


@pytest.mark.parametrize(
    'why',
    (
        'received unexpected HTTP status: 500 Internal Server Error',
        'blob upload invalid',
        'readfrom tcp 10.0.0.2:5->10.0.0.1:6: write tcp 10.0.0.2:5->10.0.0.1:6: write: '
        'broken pipe',
        'write tcp 10.0.0.2:5->10.0.0.1:6: write: connection reset by peer',
    ),
)
def test_what_decides_may_stand_behind_many_words(why):
    """As the address of an upload, with its state (1.9.3, 1.18)."""
    said = f'level=fatal msg="writing blob: Patch http://{HERE}/{"x" * 2000}: {why}"'
    done = Completed(code=1, out='', err=said)
    problem = problem_of(done, job())
    assert (problem.code, problem.where) == ('copy-destination-fails', HERE)
    assert problem.message.startswith('fails at uploads (')
    assert is_passing(done) is (why != 'blob upload invalid')
    other = said.replace(why, 'something else')
    problem = problem_of(Completed(code=1, out='', err=other), job())
    assert problem.code == 'copy-failed'
    assert len(problem.message) < 600


def test_a_manifest_that_is_not_taken_may_be_the_next_time():
    """As docker-registry 2.8.2 answered 400 where two copied one image at once."""
    kind = 'application/vnd.docker.distribution.manifest.list.v2+json'
    words = f'Manifest list must be converted to type "{kind}" to be written to '
    words += 'destination, but we cannot modify it: "Instructed to preserve digests"'
    said = words.replace('"', r'\"')
    done = Completed(code=1, out='', err=f'time="x" level=fatal msg="{said}"')
    assert is_passing(done)
    message = f'does not take the manifest as it is ({words})'
    assert problem_of(done, job()) == Problem('copy-refused', message, HERE)


def test_a_refusal_where_there_is_no_login_speaks_of_none():
    said = 'level=fatal msg="reading manifest 1: unauthorized: x"'
    problem = problem_of(Completed(code=1, out='', err=said), job(login=None))
    message = 'does not let anyone without a login do that (reading manifest 1: '
    message += 'unauthorized: x)'
    assert problem == Problem('copy-login', message, HUB, f'docker login {HUB}')


def test_skopeo_was_ended():
    problem = problem_of(Completed(code=None, out='', err='no data for 180 s'), job())
    message = 'skopeo did not finish (no data for 180 s)'
    assert problem == Problem('copy-failed', message, IMAGE)


@pytest.mark.parametrize(
    ('code', 'said', 'message'),
    (
        (-9, '', 'skopeo ended without a message (signal 9)'),
        (-9, 'Getting image\n', 'skopeo could not copy it (Getting image)'),
        (7, ' \n', 'skopeo ended without a message (exit 7)'),
        (2, 'panic: x\n\n', 'skopeo could not copy it (panic: x)'),
    ),
)
def test_skopeo_that_says_nothing_of_use(code, said, message):
    problem = problem_of(Completed(code=code, out='', err=said), job())
    assert problem == Problem('copy-failed', message, IMAGE)


@pytest.mark.parametrize(
    ('words', 'short'),
    (
        (
            f'initializing source docker://{HUB}/a@sha256:{"a" * 64}: reading: x',
            'reading: x',
        ),
        (
            'uploading to http://r.lab/v2/a/blobs/uploads/1?_state=abc: EOF',
            'uploading to http://r.lab/v2/a/blobs/uploads/1: EOF',
        ),
        ('at https://me:hunter2@r.lab/v2/: x', 'at https://xxxxx:xxxxx@r.lab/v2/: x'),
        (
            f'at https://r.lab/a@sha256:{"a" * 64}: x',
            f'at https://r.lab/a@sha256:{"a" * 64}: x',
        ),
    ),
)
def test_addresses_are_left_out_and_secrets_masked(words, short):
    assert shortened(words) == short
