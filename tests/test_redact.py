from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import load

from registry_host.redact import (
    MANY,
    conceal,
    learn_text,
    redact,
    redact_command,
    redact_input,
    repeatable,
)
from registry_host.settings.insecure import check_insecure_registry
from registry_host.settings.mirrors import check_mirror
from registry_host.settings.proxies import check_proxy
from registry_host.settings.references import check_reference

MASKED = load('mask_credentials')['cases']
SECRET = 'S3cr3t'


@pytest.mark.parametrize('case', MASKED, ids=lambda case: case['input'])
def test_masks_as_the_engine_does(case):
    assert redact_input(case['input']) == case['masked']
    assert redact(case['input']) == case['masked']


@pytest.mark.parametrize(
    ('text', 'expected'),
    (
        pytest.param('no secret', 'no secret', id='plain'),
        pytest.param('mail a@b.example', 'mail a@b.example', id='address'),
        pytest.param('u:p@h:1', 'xxxxx:xxxxx@h:1', id='no-scheme'),
        pytest.param(
            '"http://u:p,w/x@h", "http://m:5000"',
            '"http://xxxxx:xxxxx@h", "http://m:5000"',
            id='in-a-list',
        ),
        pytest.param(
            r'"http://u:a\"b@h"', '"http://xxxxx:xxxxx@h"', id='escaped-quote'
        ),
        pytest.param('h:5000/i@sha256:00', 'h:5000/i@sha256:00', id='digest-stays'),
    ),
)
def test_redact(text, expected):
    assert redact(text) == expected


# All that a URL could be broken by, around and inside of the secret.
noise = st.text(alphabet='abc:/@?#%[]" \\\n\'{}.,0', max_size=6)
schemes = st.sampled_from(['http://', 'https://', 'ftp://', 'http:/', '//', ''])


@settings(max_examples=400, derandomize=True, deadline=None)
@given(scheme=schemes, user=noise, before=noise, after=noise, host=noise)
def test_no_checker_ever_shows_a_password(scheme, user, before, after, host):
    text = f'{scheme}{user}:{before}{SECRET}{after}@{host}h:99999/v2'
    for checked in (
        check_mirror(text),
        check_insecure_registry(text),
        check_proxy(text, 'http-proxy'),
        check_reference(text),
    ):
        assert SECRET not in repr(checked)
        assert SECRET not in str(checked.value)
        for problem in checked.errors + checked.warnings:
            assert SECRET not in f'{problem} {problem.hint} {problem!r}'


def test_linear_in_the_length():
    text = 'http://u:' * 50_000 + '@'
    started = time.perf_counter()
    redact(text)
    # Quadratic would take minutes; this is no measure of speed.
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ('arguments', 'shown'),
    (
        pytest.param(
            ('configure', '--http-proxy', f'http://u:{SECRET}@p:1'),
            'registry-host configure --http-proxy http://xxxxx:xxxxx@p:1',
            id='value-apart',
        ),
        pytest.param(
            ('configure', f'--http-proxy=u:{SECRET}@p:1'),
            'registry-host configure --http-proxy=xxxxx:xxxxx@p:1',
            id='value-joined-without-a-scheme',
        ),
        pytest.param(
            ('configure', '--http-proxy', f'http://u:{SECRET} "@/x@p'),
            'registry-host configure --http-proxy http://xxxxx:xxxxx@p',
            id='odd-password',
        ),
        pytest.param(
            ('undo', '--root', '/a b'), "registry-host undo --root '/a b'", id='quoted'
        ),
        pytest.param(
            ('configure', '--user', 'a@corp'),
            'registry-host configure --user a@corp',
            id='user-at-a-domain',
        ),
    ),
)
def test_command_line(arguments, shown):
    assert redact_command(arguments) == shown


@pytest.mark.parametrize(
    'text',
    (
        'mirror = "http://u:Zw4lf-xy@p"',
        "proxies = ['http://a:1', 'http://u:Zw4lf-xy@p', 'x@y']",
        '{"http-proxy": "http://u:Zw4lf-xy@p", "mail": "x@y"}',
    ),
)
def test_secrets_of_a_file_are_known_wherever_they_stand_in_it(text):
    learn_text(text)
    assert conceal('a Zw4lf-xy b') == 'a xxxxx b'


def test_a_password_with_a_blank_is_known():
    learn_text('{"a": "http://u:Zw4lf dr31@p", "b": "http://h"}')
    assert conceal('a Zw4lf dr31 b') == 'a xxxxx b'


@pytest.mark.parametrize('end', ('', '@'))
def test_learning_from_one_long_line_is_linear(end):
    """A pattern with two unbounded ends took 16 s for 600 kB."""
    urls = ', '.join(f"'http://h{number}'" for number in range(60_000))
    started = time.process_time()
    learn_text(f"a = '@', b = [{urls}] {end}")
    assert time.process_time() - started < 5


def test_many_secrets_are_concealed_as_few_are():
    secrets = [f'Qj{number:03}-{"y" * (number % 7)}' for number in range(3 * MANY)]
    learn_text('\n'.join(f'http://u:{secret}@h' for secret in secrets))
    for secret in secrets:
        assert conceal(f'a{secret}b, {secret}') == 'axxxxxb, xxxxx'
    assert conceal('Qj000x and nothing else') == 'Qj000x and nothing else'


@pytest.mark.parametrize(
    ('arguments', 'line'),
    (
        (
            ['configure', '--mirror', 'http://m'],
            'sudo registry-host configure --mirror http://m',
        ),
        (['--root', '/a b', 'undo'], "registry-host --root '/a b' undo"),
        (['--root=/a', 'undo'], 'registry-host --root=/a undo'),
        (['configure', '--http-proxy', 'http://u:hunter2@p'], ''),
        (['configure', '-f', '-'], ''),
        (['configure', '--settings=-'], ''),
        (['configure', '-f-'], ''),
        (['image', 'copy', '--from-file=-', '--to', 'r:1'], ''),
        (['image', 'copy', '--from-file', '/dev/fd/63', '--to', 'r:1'], ''),
        (['image', 'copy', '--from-file=/dev/stdin', '--to', 'r:1'], ''),
        (
            ['image', 'copy', '--from-file=-x', '--to', 'r:1'],
            'registry-host image copy --from-file=-x --to r:1',
        ),
        (['unconfigure', 'mirrors', '--', 'x'], ''),
    ),
)
def test_a_command_that_can_be_run_once_more(arguments, line):
    assert repeatable(arguments) == line
