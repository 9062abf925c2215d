"""Texts that are no references of images: why not, and what was meant. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_host.redact import redact_input
from registry_host.settings.checking import is_address

if TYPE_CHECKING:
    from collections.abc import Callable

# Of opencontainers/go-digest v1.0.0, in hexadecimal digits.
DIGITS = {'sha256': 64, 'sha384': 96, 'sha512': 128}
TAG_LIMIT = 128
PATH_LIMIT = 255
HUB = 'docker.io'
HUBS = (HUB, 'index.docker.io')
OFFICIAL = 'library/'
_HINT_LIMIT = 512
_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*://|(?:https?|docker):/', re.IGNORECASE)
_FORM = 'the form is [HOST[:PORT]/]PATH[:TAG][@DIGEST]'
# Behind an @, and not a host: nothing in front of it is a password.
_DIGEST_LIKE = re.compile('[^@]*@(?i:sha|md|blake)[0-9]+(?:-[0-9]+)?:[0-9A-Za-z]*')
_DIGEST_END = re.compile('@sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$')


def shown(text: str) -> str:
    """Mask what may be secret in a URL: user, password, query. A digest stays."""
    if _SCHEME.match(text):
        masked, question_mark, query = redact_input(text).partition('?')
        return masked + question_mark + ('…' if query else '')
    is_digest = '//' not in text and _DIGEST_LIKE.fullmatch(text)
    return text if is_digest else redact_input(text)


def why_not(text: str) -> str:
    """Say what is wrong with a text that no engine takes, without its secrets."""
    if not text:
        return 'it is empty'
    if _SCHEME.match(text):
        return 'an image name has no scheme'
    if shown(text) != text:
        return 'what follows the @ is not a digest'
    odd = next((each for each in text if not ' ' < each < '\x7f'), '')
    if odd:
        return _odd_reason(odd)
    if re.fullmatch('[0-9a-f]{64}', text):
        return '64 hexadecimal digits are the ID of an image'
    name, at, digest = text.partition('@')
    return (at and _digest_reason(digest)) or _name_reason(name) or _FORM


def _odd_reason(odd: str) -> str:
    if odd == ' ':
        return 'it holds a space'
    if 0xDC80 <= ord(odd) <= 0xDCFF:  # PEP 383
        return f'it holds the byte 0x{ord(odd) - 0xDC00:02X}, which is not UTF-8'
    code = f'U+{ord(odd):04X}'
    if odd.isprintable():
        return f'it holds {odd!r} ({code}), and only ASCII characters are allowed'
    return f'it holds the character {code}'


def _digest_reason(digest: str) -> str:
    algorithm, colon, hexadecimal = digest.partition(':')
    digits = DIGITS.get(algorithm)
    if not colon or '@' in digest:
        return 'what follows the @ is not a digest'
    if digits is None:
        if algorithm.lower() in DIGITS:
            return 'the digest algorithm has capital letters'
        return f'Docker does not know the digest algorithm {cut(algorithm, 60)!r}'
    if len(hexadecimal) != digits:
        found = len(hexadecimal)
        return f'a {algorithm} digest has {digits} hexadecimal digits, not {found}'
    if re.fullmatch('[0-9A-Fa-f]+', hexadecimal):
        return '' if hexadecimal.islower() else 'the digest has capital letters'
    return 'the digest has a character that is not a hexadecimal digit'


def _name_reason(name: str) -> str:
    if not name:
        return 'the name is missing'
    for is_wrong, reason in (
        (name.startswith('/'), 'it begins with a slash'),
        (name.endswith('/'), 'it ends with a slash'),
    ):
        if is_wrong:
            return reason
    first, slash, rest = name.partition('/')
    has_host = bool(slash) and bool(re.search('[.:]', first))
    if has_host:
        reason = _host_reason(first)
        if reason:
            return reason
    path, colon, tag = (rest if has_host else name).partition(':')
    # Docker counts the library/ that it puts in front.
    is_official = '/' not in path and (not slash or first in HUBS)
    reason = _path_reason(path, PATH_LIMIT - len(OFFICIAL) * is_official)
    return (_tag_reason(tag) if colon else '') or reason


def _host_reason(text: str) -> str:
    if is_address(text) and ':' in text:
        return 'an IPv6 address must stand in brackets'
    if '[' in text or ']' in text:
        found = re.fullmatch(r'\[[0-9A-Fa-f:]+\](:[0-9]+)?', text)
        return '' if found else 'only an IPv6 address without a zone stands in brackets'
    host, colon, port = text.partition(':')
    if colon and not re.fullmatch('[0-9]+', port):
        given = 'missing' if not port else 'not a number'
        return f'the port of the registry is {given}'
    if host.endswith('.'):
        return 'the host of the registry ends in a dot'
    if '_' in host:
        return 'the host of the registry has an underscore'
    for label in host.split('.'):
        if not re.fullmatch('[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?', label):
            return 'the host of the registry is not a valid host name'
    return ''


def _tag_reason(tag: str) -> str:
    if not tag:
        return 'the tag is empty'
    if ':' in tag:
        return 'it has more than one tag'
    if len(tag) > TAG_LIMIT:
        return f'the tag has {len(tag)} characters, and {TAG_LIMIT} are allowed'
    if tag[0] in '.-':
        return f'the tag begins with {tag[0]!r}'
    odd = re.search('[^A-Za-z0-9_.-]', tag)
    return f'the tag holds {odd[0]!r}' if odd else ''


def _path_reason(path: str, limit: int) -> str:
    if not path:
        return 'the name is missing'
    if path != path.lower():
        return 'the path has capital letters'
    odd = re.search('[^a-z0-9._/-]', path)
    if odd:
        return f'the path holds {odd[0]!r}'
    for part in path.split('/'):
        if not part:
            return 'a part of the path is empty'
        if not (part[0].isalnum() and part[-1].isalnum()):
            return f'{cut(part, 60)!r} does not begin and end with a letter or a digit'
    mixed = re.search(r'[._-]{2,}', re.sub('-+', '-', path.replace('__', '_')))
    mixed = mixed or re.search('_{3,}', path)
    if mixed:
        return "a separator is one '.', one or two '_', or hyphens"
    if len(path) > limit:
        return f'the path has {len(path)} characters, and {limit} are allowed'
    return ''


def cut(text: str, limit: int = 200) -> str:
    """Shorten what may be of any length, before it goes into a message."""
    return text if len(text) <= limit else text[:limit] + '…'


def meant_by(text: str, is_reference: Callable[[str], bool]) -> str:
    """Give the reference that was most likely meant; '' if none is likely.

    Corrections add up until there is a reference. No part of a user
    name or password is in it.
    """
    meant = text
    for correct in _CORRECTIONS:
        meant = correct(meant)
        if meant != text and len(meant) <= _HINT_LIMIT and is_reference(meant):
            return meant
    return ''


def _stripped(text: str) -> str:
    return text.strip(' \t\r\n\ufeff"\'')


def _without_scheme(text: str) -> str:
    scheme = _SCHEME.match(text)
    digest = _DIGEST_END.search(text)
    rest = text[scheme.end() if scheme else 0 : digest.start() if digest else None]
    before, at, after = rest.rpartition('@')
    if at and (scheme or (':' in before and '/' in after)):
        rest = after
    if scheme:
        rest = _of_page(re.split('[?#]', rest.lstrip('/'), maxsplit=1)[0])
    return rest + (digest[0] if digest else '')


def _of_page(text: str) -> str:
    """Read the address of a manifest, or of a page of Docker Hub."""
    found = re.fullmatch('([^/]+)/v2/(.+)/manifests/([^/]+)', text)
    if found:
        return f'{found[1]}/{found[2]}{"@" if ":" in found[3] else ":"}{found[3]}'
    page = re.fullmatch('hub.docker.com/(?:_|r)/([^/]+(?:/[^/]+)?)(?:/tags)?/?', text)
    return page[1] if page else text


def _with_single_slashes(text: str) -> str:
    return re.sub('/+', '/', text).strip('/')


def _with_digest(text: str) -> str:
    text = re.sub('[@:](sha(?:256|384|512):)', r'@\1', text, flags=re.IGNORECASE)
    name, at, digest = text.partition('@')
    digest = digest.lower()
    if re.fullmatch('[0-9a-f]{64}', digest):
        digest = f'sha256:{digest}'
    return name + at + digest


def _without_empty_ends(text: str) -> str:
    """Leave out a tag or port that is not there, and the dot behind a host."""
    host, slash, rest = text.partition('/')
    if slash:
        host = re.sub(r'\.(?=:|$)', '', host).rstrip(':')
    return host + slash + rest.rstrip(':') if slash else text.rstrip(':')


def _with_slash(text: str) -> str:
    """Put a slash where a colon was typed for one."""
    found = re.match('([^/:@]+):([^/:@]+):(?=[^/:]+)', text)
    if not found:
        return text
    one, two = found[1], found[2]
    is_host = '.' in one or one == 'localhost' or len(two) > 3
    if two.isdigit() and is_host:
        return f'{one}:{two}/{text[found.end() :]}'
    if two[0].isalpha() and '/' not in text:
        return f'{one}/{two}:{text[found.end() :]}'
    return text


def _in_lower_case(text: str) -> str:
    name, at, digest = text.partition('@')
    first, slash, rest = name.partition('/')
    has_host = bool(slash) and bool(re.search('[.:]', first))
    path, colon, tag = (rest if has_host else name).partition(':')
    lead = first + slash if has_host else ''
    return lead + path.lower() + colon + tag + at + digest


_CORRECTIONS = (
    _stripped,
    _without_scheme,
    _with_single_slashes,
    _with_digest,
    _without_empty_ends,
    _with_slash,
    _in_lower_case,
)
