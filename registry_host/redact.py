"""Takes user names and passwords out of any text before it is shown."""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What the engine itself shows in their place (moby MaskCredentials), so that a masked
# proxy compares with the one of /info.
MASKED_USER_INFO = 'xxxxx:xxxxx'
_SCHEME_END = re.compile(r':(?:\\?/){2}')
# Between white space or double quotes; an escaped quote belongs to the text.
_CHUNK = re.compile(r'(?:\\.|[^\s"\\])+')
_PLAIN = re.compile(r'[^\s"\'<>]+')


def redact(text: str) -> str:
    """Mask the user info of every URL in a text, be it well formed or not.

    Rather too much than too little: all between '://' and the last '@' of a word goes.
    Linear in the length of the text.
    """
    if '@' not in text:
        return text
    return _CHUNK.sub(_redact_chunk, text)


def _redact_chunk(found: re.Match[str]) -> str:
    chunk = found[0]
    at = chunk.rfind('@')
    if at < 0:
        return chunk
    # JSON may write a slash as \/, as PHP's json_encode does.
    scheme = _SCHEME_END.search(chunk)
    if scheme and scheme.end() <= at:
        return chunk[: scheme.end()] + MASKED_USER_INFO + chunk[at:]
    before = chunk[:at]
    if ':' in before and '/' not in before:
        return MASKED_USER_INFO + chunk[at:]
    return chunk


def redact_input(text: str) -> str:
    """Mask one input that is meant as one URL: all before its last '@', whatever it is.

    A password may hold spaces, quotes or slashes, and then no rule for words holds.
    """
    at = text.rfind('@')
    if at < 0:
        return text
    scheme = re.match(r'[A-Za-z][A-Za-z0-9+.-]*://', text)
    lead = scheme[0] if scheme and scheme.end() <= at else ''
    return lead + MASKED_USER_INFO + text[at:]


def redact_command(arguments: Sequence[str]) -> str:
    """Show a command line of registry-host without secrets, ready for a shell."""
    import shlex

    return shlex.join(['registry-host', *redact_words(arguments)])


def repeatable(arguments: Sequence[str]) -> str:
    """Give a command line of registry-host that a person may run once more.

    '' where that cannot be: it has a secret, which is not shown, reads settings from
    standard input, or takes no more flags. With sudo in front, unless it needs no
    root.
    """
    words = list(arguments)
    is_shown = redact_words(words) == words
    if not is_shown or '--' in words or any(map(_READ_ONCE.fullmatch, words)):
        return ''
    has_root = any(re.match('--root(=|$)', word) for word in words)
    is_for_all = has_root or words[:1] == ['image']
    return ('' if is_for_all else 'sudo ') + redact_command(words)


# What was read from here is gone: standard input, and a pipe, as <(COMMAND) is one.
_READ_ONCE = re.compile('(--[a-z-]+=|-f)?(-|/dev/(stdin|fd/.*)|/proc/self/fd/.*)')

# Flags whose values are URLs: before an @ there is nothing but user and password.
_URL_FLAGS = frozenset(
    ('--http-proxy', '--https-proxy', '--mirror', '--registry-mirror', '--no-proxy')
)
# A password with a blank, unquoted, is cut in two by the shell.
_CUT_URL = r'((?:--[\w-]+=)?[A-Za-z][A-Za-z0-9+.-]*://)[^/@]*:[^@]*'
_DIGEST = r'[^@]*[^@:/]@sha(?:256|512):[0-9a-f]{32,}'


def redact_words(arguments: Sequence[str]) -> list[str]:
    """Mask user info in each word of a command line, wherever it was put.

    Rather too much than too little; but a user's name at a domain, and an image by its
    digest, are no secrets.
    """
    shown: list[str] = []
    end = -1  # Up to which word a password goes that the shell has cut.
    for index, word in enumerate(arguments):
        flag, equals, value = word.partition('=')
        is_flag = word.startswith('--') and bool(equals)
        before = arguments[index - 1] if index else ''
        lead = f'{flag}=' if is_flag else ''
        value = value if is_flag else word
        if index < end:
            shown.append(MASKED_USER_INFO)
        elif index == end:
            shown.append(MASKED_USER_INFO + value[value.rfind('@') :])
        elif '://' in word and (cut := re.fullmatch(_CUT_URL, word)):
            end = _end_of_cut(arguments, index)
            shown.append(cut[1] + MASKED_USER_INFO if end > 0 else word)
        elif (flag if is_flag else before) in _URL_FLAGS or ':' in value:
            is_image = '://' not in value and re.fullmatch(_DIGEST, value)
            shown.append(word if is_image else lead + redact_input(value))
        else:
            shown.append(word)
    return shown


def _end_of_cut(arguments: Sequence[str], start: int) -> int:
    """Find the word in which a password ends that began in another; -1 if none."""
    for index in range(start + 1, len(arguments)):
        if arguments[index].startswith('--'):
            return -1
        if '@' in arguments[index]:
            return index
    return -1


# What is known to be secret, as a last resort: messages redact where they are made.

SECRET_LENGTH = 6
# From here on, secrets are not looked for one by one.
MANY = 50
_CONCEALED = 'xxxxx'
_words: dict[str, str] = {}
_secrets: set[str] = set()


def learn_arguments(arguments: Sequence[str]) -> None:
    """Remember the words of a command line that hold secrets, for `conceal`."""
    for raw, masked in zip(arguments, redact_words(arguments), strict=True):
        if raw == masked:
            continue
        for whole, part in ((raw, masked), (raw[raw.find('=') + 1 :], None)):
            shown = redact_input(whole) if part is None else part
            if shown == whole and part is None:
                continue
            _words[whole] = shown
            _words[repr(whole)[1:-1]] = shown
        learn(raw.partition('=')[2] if raw.startswith('--') else raw)


def learn(text: str) -> None:
    """Remember the password, or token, in the user info of a text that is one URL."""
    user_info = re.sub(r'^[A-Za-z][A-Za-z0-9+.-]*://', '', text.rpartition('@')[0])
    user, _, password = user_info.partition(':')
    learn_secret(password or user)


def learn_secret(secret: str) -> None:
    """Remember a password, or token, in each form in which it may be shown."""
    if len(secret) < SECRET_LENGTH or set(secret) <= {'x', ':'}:
        return
    import json

    for each in (secret, _percent_decoded(secret)):
        encoded = ''.join(map(_percent_encoded, os.fsencode(each)))
        forms = (each, encoded, json.dumps(each)[1:-1], repr(each)[1:-1])
        _secrets.update(form for form in forms if len(form) >= SECRET_LENGTH)


def _percent_encoded(byte: int) -> str:
    character = chr(byte)
    is_plain = byte < 128 and (character.isalnum() or character in '-_.~')
    return character if is_plain else f'%{byte:02X}'


def _percent_decoded(text: str) -> str:
    plain = re.sub(
        rb'%([0-9A-Fa-f]{2})', lambda c: bytes.fromhex(c[1].decode()), os.fsencode(text)
    )
    return plain.decode('utf-8', 'replace')


def learn_text(text: str) -> None:
    """Remember the secrets of every URL in a file that a person wrote.

    Linear in the length of the text: each word, and all between two double quotes, for
    a password may hold a blank, is taken from its first '://' to its last '@'.
    """
    if '@' not in text:
        return
    for string in re.findall(r'[^"\n]+', text):
        for part in (string, *_PLAIN.findall(string)):
            at = part.rfind('@')
            scheme = part.find('://', 0, max(at, 0))
            if scheme >= 0:
                learn(f'x{part[scheme : at + 1]}')


def conceal(text: str) -> str:
    """Take out of a text what is known to be secret, the longest secret first."""
    for raw in sorted(_words, key=len, reverse=True):
        text = text.replace(raw, _words[raw])
    if len(_secrets) > MANY:
        return _conceal_many(text)
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _CONCEALED)
    return text


def _conceal_many(text: str) -> str:
    """The same in one pass: a file of settings may hold thousands of secrets."""
    by_start = _secrets_by_start(len(_secrets))
    shown: list[str] = []
    index = done = 0
    while index < len(text):
        candidates = by_start.get(text[index : index + SECRET_LENGTH], ())
        found = next((each for each in candidates if text.startswith(each, index)), '')
        if found:
            shown += (text[done:index], _CONCEALED)
            done = index + len(found)
        index += len(found) or 1
    return ''.join((*shown, text[done:]))


@functools.lru_cache(maxsize=1)
def _secrets_by_start(count: int) -> dict[str, list[str]]:
    """Map how secrets begin to those secrets, the longest first; `count` is of all."""
    found: dict[str, list[str]] = {}
    for secret in sorted(_secrets, key=len, reverse=True):
        found.setdefault(secret[:SECRET_LENGTH], []).append(secret)
    return found
