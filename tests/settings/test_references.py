"""References of images, held against what three engines made of them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recorded import load

from registry_host.settings.references import Reference, check_reference

FOLDER = Path(__file__).parents[1] / 'data/references'
CASES = [
    json.loads(path.read_text(encoding='utf-8'))
    for path in sorted(FOLDER.glob('*.json'))
    if path.name != 'seen.json'
]
SEEN = load('references/seen')
HEX = 'a1' * 32
# What the cases of the field say in words, or in part.
HINTS = {
    'guide-typo': 'elasticsearch/elasticsearch:latest',
    'scheme-docker': 'quay.io/team/app:1',
    'scheme-https': 'registry.example.internal/team/app:1',
}


def codes(checked):
    return [problem.code for problem in checked.warnings]


def short(text):
    return ascii(text if len(text) <= 60 else f'{text[:50]}…{len(text)}')


# The cases of the field


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['name'])
def test_field(case):
    expect = case['expect']
    checked = check_reference(case['input'])
    assert set(expect) <= {
        *('docker', 'valid', 'domain', 'path', 'tag', 'digest', 'canonical'),
        *('familiar', 'skopeo_1.9.3', 'hint', 'hint_contains', 'note'),
    }
    assert (checked.value is not None) is expect['valid']
    assert ('image-engine' in codes(checked)) is (
        expect['valid'] and set(expect['docker'].values()) != {'valid'}
    )
    if checked.value is None:
        (problem,) = checked.errors
        assert problem.code == 'image-name'
        assert problem.message.startswith(f'{case["input"]!r} is not an image name: ')
        if case['name'] in HINTS:
            assert problem.hint == HINTS[case['name']]
        return
    assert checked.value == Reference(
        expect['domain'],
        expect['path'],
        expect.get('tag', ''),
        expect.get('digest', ''),
    )
    assert str(checked.value) == expect['canonical']
    assert checked.value.familiar == expect.get('familiar', case['input'])
    assert ('image-reserved' in codes(checked)) is ('note' in expect)
    assert ('image-registry' in codes(checked)) is ('hint' in expect)


def test_all_cases_of_the_field_are_there():
    assert len(CASES) == 45
    assert {case['name'] for case in CASES} >= set(HINTS)


# What the engines were seen to do


def engines_of(case, verdict):
    return {
        engine
        for each in case['seen']
        if each['verdict'].startswith(verdict)
        for engine in each['engines']
    }


@pytest.mark.parametrize('case', SEEN['cases'], ids=lambda case: short(case['input']))
def test_what_an_engine_takes_is_taken(case):
    checked = check_reference(case['input'])
    valid, refused = engines_of(case, 'valid'), engines_of(case, 'refused: ')
    assert valid | refused == set(SEEN['engines']) == {'20.10.24', '26.1.5', '28.5.2'}
    assert (checked.value is not None) is bool(valid)
    told = [p.message for p in checked.warnings if p.code == 'image-engine']
    assert len(told) == bool(valid and refused)
    for engine in SEEN['engines']:
        series = engine.rpartition('.')[0]
        is_named = any(
            series in message.partition('refused by ')[2][:25] for message in told
        )
        assert is_named is bool(valid and engine in refused)


@pytest.mark.parametrize(
    'case',
    [case for case in SEEN['cases'] if engines_of(case, 'valid')],
    ids=lambda case: short(case['input']),
)
def test_it_is_read_as_an_engine_reads_it(case):
    """By the name that it shows, and by the registry that it asks for a pull."""
    checked = check_reference(case['input'])
    reference = checked.value
    full = reference._replace(tag=reference.tag or 'latest')
    familiar = {full.familiar}
    read = reference
    if 'image-hub-path' in codes(checked):
        # The engine is sent the familiar name, and reads that; the newest shows it.
        read = check_reference(reference.familiar).value
        familiar.add(read._replace(tag=full.tag).familiar)
    hub = 'registry-1.docker.io'
    for seen in case['seen']:
        assert seen.get('shows', full.familiar) in familiar
        if 'asks' in seen:
            assert seen['asks'] == (hub if read.is_of_hub else read.domain)
        if 'pull' in seen:
            told = {'image-reserved', 'image-host', 'image-engine'}
            assert told & set(codes(checked)), seen['pull']


# Errors


@pytest.mark.parametrize(
    ('text', 'reason', 'hint'),
    (
        ('', 'it is empty', ''),
        ('x:y:z', 'it has more than one tag', 'x/y:z'),
        (
            'elasticsearch:elasticsearch:latest',
            'it has more than one tag',
            'elasticsearch/elasticsearch:latest',
        ),
        ('nginx:1.27:latest', 'it has more than one tag', ''),
        (
            'registry.lab:5000:team/app',
            'the port of the registry is not a number',
            'registry.lab:5000/team/app',
        ),
        (
            'docker://quay.io/team/app:1',
            'an image name has no scheme',
            'quay.io/team/app:1',
        ),
        (
            'https://r.lab:5000/v2/team/app/manifests/1',
            'an image name has no scheme',
            'r.lab:5000/team/app:1',
        ),
        (
            f'https://r.lab/v2/team/app/manifests/sha256:{HEX}',
            'an image name has no scheme',
            f'r.lab/team/app@sha256:{HEX}',
        ),
        (
            'https://hub.docker.com/r/grafana/loki/tags',
            'an image name has no scheme',
            'grafana/loki',
        ),
        (
            'https://hub.docker.com/_/nginx',
            'an image name has no scheme',
            'nginx',
        ),
        ('Nginx', 'the path has capital letters', 'nginx'),
        ('Team/App:V1', 'the path has capital letters', 'team/app:V1'),
        ('R.lab/Team/App:V1', 'the path has capital letters', 'R.lab/team/app:V1'),
        ('team/my app', 'it holds a space', ''),
        (' nginx ', 'it holds a space', 'nginx'),
        ('nginx\n', 'it holds the character U+000A', 'nginx'),
        ('a\0b', 'it holds the character U+0000', ''),
        ('a\udcffb', 'it holds the byte 0xFF, which is not UTF-8', ''),
        ('appé', "it holds 'é' (U+00E9), and only ASCII characters are allowed", ''),
        ('app:', 'the tag is empty', 'app'),
        ('app:' + 'x' * 129, 'the tag has 129 characters, and 128 are allowed', ''),
        ('app:-1', "the tag begins with '-'", ''),
        ('app:1+2', "the tag holds '+'", ''),
        ('a/b:c/d', "the tag holds '/'", ''),
        ('r.lab//app', 'a part of the path is empty', 'r.lab/app'),
        ('/app', 'it begins with a slash', 'app'),
        ('app/:1', 'a part of the path is empty', ''),
        ('r.lab/' + 'a' * 256, 'the path has 256 characters, and 255 are allowed', ''),
        (
            'docker.io/' + 'a' * 248,
            'the path has 248 characters, and 247 are allowed',
            '',
        ),
        ('r.lab//app?x', "the path holds '?'", ''),
        ('app/', 'it ends with a slash', 'app'),
        ('r.lab:/app', 'the port of the registry is missing', 'r.lab/app'),
        ('r.lab:x/app', 'the port of the registry is not a number', ''),
        ('r.lab./app', 'the host of the registry ends in a dot', 'r.lab/app'),
        ('r_1.lab:5000/app', 'the host of the registry has an underscore', ''),
        ('fd00::1/app', 'an IPv6 address must stand in brackets', ''),
        (
            '[fe80::1%eth0]/app',
            'only an IPv6 address without a zone stands in brackets',
            '',
        ),
        (
            '-r.lab/app',
            'the host of the registry is not a valid host name',
            '',
        ),
        ('a.-b', "a separator is one '.', one or two '_', or hyphens", ''),
        ('a___b', "a separator is one '.', one or two '_', or hyphens", ''),
        ('team/-app', "'-app' does not begin and end with a letter or a digit", ''),
        ('a$b', "the path holds '$'", ''),
        ('a' * 256, 'the path has 256 characters, and 247 are allowed', ''),
        (HEX, '64 hexadecimal digits are the ID of an image', ''),
        ('app@latest', 'what follows the @ is not a digest', ''),
        (f'app@{HEX}', 'what follows the @ is not a digest', f'app@sha256:{HEX}'),
        (f'app:sha256:{HEX}', 'it has more than one tag', f'app@sha256:{HEX}'),
        (f'@sha256:{HEX}', 'the name is missing', ''),
        (
            'app@sha256:a1a1',
            'a sha256 digest has 64 hexadecimal digits, not 4',
            '',
        ),
        (
            f'app@sha256:{HEX.upper()}',
            'the digest has capital letters',
            f'app@sha256:{HEX}',
        ),
        (
            f'app@SHA256:{HEX}',
            'the digest algorithm has capital letters',
            f'app@sha256:{HEX}',
        ),
        (
            f'app@sha256:{"g" * 64}',
            'the digest has a character that is not a hexadecimal digit',
            '',
        ),
        ('app@md5:' + 'a' * 32, "Docker does not know the digest algorithm 'md5'", ''),
    ),
    ids=short,
)
def test_refused(text, reason, hint):
    checked = check_reference(text)
    assert (checked.value, checked.warnings) == (None, ())
    (problem,) = checked.errors
    assert problem.code == 'image-name'
    assert problem.hint == hint
    assert problem.message.rpartition(' is not an image name: ')[2] == reason


def test_a_long_text_is_cut():
    (problem,) = check_reference('a/' + 'B' * 1000).errors
    assert len(problem.message) < 300
    assert problem.hint == ''
    assert check_reference('B' * 1000 + '@').errors[0].hint == ''


# Secrets


@pytest.mark.parametrize(
    ('text', 'hint'),
    (
        ('https://joe:S3cr3t@r.lab/team/app:1', 'r.lab/team/app:1'),
        ('https://joe:S3cr3t/@x@r.lab/team/app:1', 'r.lab/team/app:1'),
        ('https://S3cr3t@r.lab/app', 'r.lab/app'),
        ('joe:S3cr3t@r.lab:5000/app', 'r.lab:5000/app'),
        (f'https://joe:S3cr3t@r.lab/app@sha256:{HEX}', f'r.lab/app@sha256:{HEX}'),
        (f'joe:S3cr3t@r.lab/app@sha256:{HEX}', f'r.lab/app@sha256:{HEX}'),
        ('docker://joe:S3cr3t@r.lab/Team/App', 'r.lab/team/app'),
        ('https://r.lab/app:1?token=S3cr3t', 'r.lab/app:1'),
        ('joe:S3cr3t@r.lab', ''),
        ('http:/joe:S3cr3t@sha256:1', 'sha256:1'),
        ('//joe:S3cr3t@sha256:1', ''),
        ('S3cr3t@r.lab/app', ''),
        ('joe:S3cr3t@sha256.lab:1/app', 'sha256.lab:1/app'),
    ),
)
def test_a_secret_is_not_shown(text, hint):
    checked = check_reference(text)
    (problem,) = checked.errors
    assert 'S3cr3t' not in f'{checked.input} {problem!r}'
    assert problem.hint == hint


# Warnings


@pytest.mark.parametrize(
    ('text', 'warnings'),
    (
        ('nginx:1.27', []),
        (
            'registry.example.internal:5000',
            [
                (
                    'image-registry',
                    "'registry.example.internal:5000' is a registry, not an image: "
                    'Docker reads it as docker.io/library/registry.example.internal '
                    'with the tag 5000',
                )
            ],
        ),
        (
            'localhost:5000',
            [
                (
                    'image-registry',
                    "'localhost:5000' is a registry, not an image: Docker reads it as "
                    'docker.io/library/localhost with the tag 5000',
                )
            ],
        ),
        ('registry:2', []),
        (
            'scratch',
            [
                (
                    'image-reserved',
                    "'scratch' cannot be pulled: scratch is a reserved name",
                )
            ],
        ),
        (
            'sha256:1',
            [
                (
                    'image-reserved',
                    "'sha256:1' cannot be tagged: sha256 is a digest algorithm",
                )
            ],
        ),
        ('team/scratch', []),
        (
            '[::1]:5000/app',
            [
                (
                    'image-engine',
                    "'[::1]:5000/app' is refused by Docker 20.10, which takes no IPv6 "
                    'address as a registry',
                )
            ],
        ),
        (
            'Team/app',
            [
                (
                    'image-engine',
                    "'Team/app' is refused by Docker 20.10; newer Docker reads Team "
                    'as a registry',
                )
            ],
        ),
        (
            'docker.io/foo.bar/app',
            [
                (
                    'image-hub-path',
                    "docker pull drops docker.io from 'docker.io/foo.bar/app', and "
                    'pulls foo.bar/app',
                )
            ],
        ),
        (
            'my_host.lab/app',
            [
                (
                    'image-host',
                    "Docker finds no registry in 'my_host.lab/app', as a host name "
                    'has no underscore: the image can be neither pulled nor pushed',
                )
            ],
        ),
        (
            f'{HEX}:1',
            [
                (
                    'image-engine',
                    f"'{HEX}:1' is refused by Docker 20.10 and 26.1, which take the "
                    'name for an image ID',
                )
            ],
        ),
    ),
    ids=short,
)
def test_warned_of(text, warnings):
    checked = check_reference(text)
    assert checked.errors == ()
    assert [(p.code, p.message) for p in checked.warnings] == warnings


def test_long_with_its_registry():
    (problem,) = check_reference('r.lab/' + 'a' * 250).warnings
    assert problem.message.endswith(
        'is refused by Docker 20.10, which allows registry and path 255 characters in '
        'all'
    )
    assert check_reference('r.lab/' + 'a' * 249).warnings == ()


def test_a_host_with_an_underscore_has_no_registry():
    reference = check_reference('my_host.lab/app').value
    assert reference == Reference('', 'my_host.lab/app')
    assert str(reference) == 'my_host.lab/app:latest'
    assert reference.is_of_hub is False


def test_tag_and_digest_stay():
    reference = check_reference(f'nginx:1@sha256:{HEX}').value
    assert reference.is_of_hub
    assert reference.repository == 'docker.io/library/nginx'
    assert str(reference) == f'docker.io/library/nginx:1@sha256:{HEX}'
    assert reference.familiar == f'nginx:1@sha256:{HEX}'


# All texts

labels = st.text(alphabet='aB0.-_', max_size=5)
parts = st.one_of(
    labels,
    st.sampled_from(
        [
            *('docker.io', 'index.docker.io', 'localhost', 'library', '[::1]'),
            *(HEX, f'@sha256:{HEX}', '/', '//', ':', ':5000', ':1', '@', '://', 'é'),
            *('sha256', ' ', '\n', '\udcff', '%', 'http', 'v2', 'manifests'),
        ]
    ),
)
texts = st.one_of(st.text(max_size=30), st.lists(parts, max_size=7).map(''.join))


@settings(max_examples=1000, derandomize=True, deadline=None)
@given(text=texts)
@example(text='docker.io/docker.io/x')
@example(text='my_host.lab/app')
@example(text='docker.io/library/a/b')
def test_written_out_it_is_the_same(text):
    checked = check_reference(text)
    if checked.value is None:
        (problem,) = checked.errors
        assert not problem.hint or check_reference(problem.hint).value is not None
        return
    again = check_reference(str(checked.value)).value
    tag = checked.value.tag or ('' if checked.value.digest else 'latest')
    assert again == checked.value._replace(tag=tag)
    assert str(again) == str(checked.value)


@pytest.mark.parametrize(
    'unit',
    (
        *('a', 'A', '-', 'a-', 'a.', 'a_', '.', '/', 'a/', ':', 'a:', '@', 'a@', '['),
        *('a:/', '[:', 'sha256:', '://', 'é', '\0', ' ', 'a.b/', '/manifests/'),
        f'@sha256:{HEX}',
    ),
)
@pytest.mark.parametrize('start', ('', 'https://r.lab/v2/'))
@pytest.mark.parametrize('end', ('', '!', '/a:1', f'@sha256:{HEX}'))
def test_linear_in_the_length(start, unit, end):
    started = time.process_time()
    check_reference(start + unit * (100_000 // len(unit)) + end)
    # Quadratic would take many seconds; this is no measure of speed.
    assert time.process_time() - started < 1
