"""Logins of a config.json, as docker/cli 20.10.24, 26.1.5 and 28.5.2 find them."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from registry_host.engine.clientlogins import (
    StoredLogin,
    helper_in,
    key_of,
    login_in,
    login_of_helper,
)
from registry_host.jsonfile import jsontext
from registry_host.redact import conceal

LAB = 'registry.lab:5002'
HUB = 'https://index.docker.io/v1/'


def packed(text):
    return b64encode(text.encode()).decode()


def document(**members):
    return jsontext.read(json.dumps(members).encode())


ONE = {'auth': packed('lab:Tr4in:9')}
FOUND = StoredLogin('lab', 'Tr4in:9')


@pytest.mark.parametrize(
    ('auths', 'key', 'found'),
    (
        pytest.param({LAB: ONE}, LAB, FOUND, id='by-host-and-port'),
        pytest.param({f'https://{LAB}/v1/': ONE}, LAB, FOUND, id='by-a-url'),
        pytest.param({f'http://{LAB}': ONE}, LAB, FOUND, id='by-a-plain-url'),
        pytest.param(
            {f'https://{LAB}': {'auth': packed('old:one')}, LAB: ONE},
            LAB,
            FOUND,
            id='its-own-key-first',
        ),
        pytest.param({HUB: ONE}, HUB, FOUND, id='hub'),
        pytest.param({'registry.lab': ONE}, LAB, None, id='another-port'),
        pytest.param({LAB: {}}, LAB, None, id='left-behind-by-a-helper'),
        pytest.param({LAB: None}, LAB, None, id='null'),
        pytest.param({LAB: {'auth': '*'}}, LAB, None, id='no-base64'),
        pytest.param({LAB: {'auth': packed('lab')}}, LAB, None, id='no-colon'),
        pytest.param({LAB: {'auth': packed('lab:')}}, LAB, None, id='no-password'),
        pytest.param({LAB: {'auth': packed(':pw')}}, LAB, None, id='no-user'),
        pytest.param({LAB: {'auth': '/w=='}}, LAB, None, id='no-utf-8'),
        pytest.param({LAB: {'auth': 1}}, LAB, None, id='a-number'),
        pytest.param([LAB], LAB, None, id='a-list'),
        pytest.param(
            {LAB: {'auth': packed('lab:pw') + '\n'}},
            LAB,
            StoredLogin('lab', 'pw'),
            id='line-end',
        ),
        pytest.param(
            {LAB: {'auth': packed('lab:pw\0\0')}},
            LAB,
            StoredLogin('lab', 'pw'),
            id='padded',
        ),
        pytest.param(
            {LAB: {'username': 'lab', 'password': 'pw'}},
            LAB,
            StoredLogin('lab', 'pw'),
            id='in-plain-text',
        ),
        pytest.param(
            {LAB: {'auth': packed('0000:'), 'identitytoken': 'r3fr'}},
            LAB,
            StoredLogin('0000', 'r3fr', True),
            id='identity-token',
        ),
        pytest.param(
            {LAB: {'identityToken': 'r3fr'}},
            LAB,
            StoredLogin('', 'r3fr', True),
            id='identity-token-alone',
        ),
        pytest.param(
            {LAB: {'identitytoken': '\ud800'}}, LAB, None, id='half-a-character'
        ),
    ),
)
def test_the_login_of_the_file_itself(auths, key, found):
    assert login_in(document(auths=auths), key) == found


def test_members_are_found_whatever_their_case():
    assert login_in(document(Auths={LAB: {'Auth': ONE['auth']}}), LAB) == FOUND
    assert helper_in(document(CREDSSTORE='pass'), LAB) == 'pass'


@pytest.mark.parametrize(
    ('members', 'name'),
    (
        ({}, ''),
        ({'credsStore': 'pass'}, 'pass'),
        ({'credsStore': 'pass', 'credHelpers': {LAB: 'ecr'}}, 'ecr'),
        ({'credsStore': 'pass', 'credHelpers': {'registry.lab': 'ecr'}}, 'pass'),
        ({'credsStore': 'pass', 'credHelpers': {LAB: ''}}, ''),
        ({'credsStore': 'pass', 'credHelpers': {LAB: None}}, ''),
        ({'credsStore': 1, 'credHelpers': ['ecr']}, ''),
    ),
)
def test_the_helper(members, name):
    assert helper_in(document(**members), LAB) == name


def test_the_hub_has_a_name_of_its_own():
    names = ('docker.io', 'index.docker.io', LAB)
    assert [key_of(name) for name in names] == [HUB, HUB, LAB]


@pytest.mark.parametrize(
    ('answer', 'found'),
    (
        ({'Username': 'lab', 'Secret': 'pw'}, StoredLogin('lab', 'pw')),
        ({'username': 'lab', 'secret': 'pw'}, StoredLogin('lab', 'pw')),
        ({'Username': '<token>', 'Secret': 'r'}, StoredLogin('<token>', 'r', True)),
        ({'Username': '', 'Secret': ''}, None),
        ({'Username': 'lab', 'Secret': ''}, None),
    ),
)
def test_what_a_helper_answers(answer, found):
    assert login_of_helper(f'\n{json.dumps(answer)}\nmore') == found


@pytest.mark.parametrize(
    'answer',
    (
        '',
        'hunter2',
        '"hunter2"',
        '[]',
        '{}',
        '{"Username": "lab"}',
        '{"Username": "lab", "Secret": 1}',
        '{"Username": "lab", "Secret": "hunter2\\ud800"}',
        '[' * 100_000,
    ),
)
def test_what_is_no_answer_of_a_helper(answer):
    with pytest.raises(ValueError, match=r'no |half') as caught:
        login_of_helper(answer)
    assert 'hunter2' not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_no_login_can_be_shown():
    login = login_in(document(auths={LAB: {'auth': packed('lab:Tr4in s&t')}}), LAB)
    assert (repr(login), f'{login}') == ("StoredLogin('lab')",) * 2
    raw = json.dumps(login), packed('lab:Tr4in s&t'), 'Tr4in%20s%26t'
    assert [conceal(text) for text in raw] == [
        '["lab", "xxxxx", false]',
        'xxxxx',
        'xxxxx',
    ]
