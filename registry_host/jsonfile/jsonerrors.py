"""Why a text is not JSON: the first thing wrong in it, its place, and what to do.

In one module: one pass over a text with all that may be wrong at each place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from registry_host.errors import Problem, advised
from registry_host.jsonfile.jsonvalue import JsonTextError, position

EXCERPT_WIDTH = 72
# Shown in an excerpt as they are; whatever else a line holds might be a secret.
_KNOWN_WORDS = frozenset(
    (
        'true false null registry-mirrors insecure-registries proxies http-proxy '
        'https-proxy no-proxy default httpProxy httpsProxy noProxy auths auth '
        'credsStore credHelpers HttpHeaders debug hosts dns data-root log-driver '
        'log-opts max-size max-file storage-driver features exec-opts live-restore '
        'labels runtimes default-runtime experimental ipv6 iptables bip mtu tls'
    ).split()
)
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")'
    r'|(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])'
    r'|(?P<word>true|false|null)\b'
    r'|(?P<mark>[{}\[\],:])',
    re.ASCII,
)
_SPACE = re.compile(r'[ \t\n\r]*')
_STRING_PART = re.compile(r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_FOREIGN_WORDS = {
    'True': 'true',
    'False': 'false',
    'None': 'null',
    'NaN': 'null',
    'Infinity': 'null',
    'undefined': 'null',
}


def explain(content: bytes, limit_bytes: int, depth_limit: int) -> JsonTextError:
    """Say why these bytes were refused, starting with what is wrong as a whole."""
    if len(content) > limit_bytes:
        return _too_large(limit_bytes)
    if content.startswith(b'\xef\xbb\xbf') or b'\0' in content[:4]:
        return _not_utf8(content, 0)
    try:
        text = content.decode()
    except UnicodeDecodeError as err:
        return _not_utf8(content, err.start)
    return _Diagnosis(text, depth_limit).run()


def _too_large(limit_bytes: int) -> JsonTextError:
    limit = f'{limit_bytes // 1024 // 1024} MiB'
    problem = Problem(
        code='json-size',
        message=f'larger than {limit}, which no config of docker is',
        hint='ls -l FILE',
    )
    return JsonTextError(problem)


def _converted(encoding: str) -> str:
    """The command that converts FILE, which keeps its owner and its mode."""
    convert = f'iconv -f {encoding} -t UTF-8 "$1" >"$1.new"'
    return f'sh -c \'{convert} && cat "$1.new" >"$1" && rm "$1.new"\' - FILE'


def _not_utf8(content: bytes, offset: int) -> JsonTextError:
    """Tell a byte order mark from another encoding from a damaged byte."""
    if content.startswith(b'\xef\xbb\xbf'):
        problem = Problem(
            code='json-bom',
            where='1:1',
            message='begins with a byte order mark, which not every docker reads',
            hint=r"sed -i '1s/^\xEF\xBB\xBF//' FILE",
        )
    elif not content.strip(b'\0 \t\r\n'):
        problem = Problem(
            code='json-encoding',
            where='1:1',
            message='holds nothing but NUL bytes, which a crash or a power cut leaves; '
            'bring it back from a backup, or remove it',
            hint='rm FILE',
        )
    elif content[:2] in (b'\xff\xfe', b'\xfe\xff') or b'\0' in content[:4]:
        problem = Problem(
            code='json-encoding',
            where='1:1',
            message='is UTF-16 or UTF-32, not UTF-8',
            hint=_converted('UTF-16'),
        )
    else:
        text = content[:offset].decode()
        problem = Problem(
            code='json-encoding',
            where=position(text, len(text)),
            message=f'not UTF-8: byte 0x{content[offset]:02x}',
            hint=_converted('ISO-8859-1'),
        )
    return JsonTextError(problem)


@dataclass(slots=True)
class _Scope:
    """An object or array that is open. `wants`: what may come next in it."""

    opening: str
    offset: int
    wants: str
    keys: dict[str, int] = field(default_factory=dict)


class _Diagnosis:
    """A strict reader that keeps no values, only where it stands. Linear."""

    def __init__(self, text: str, depth_limit: int) -> None:
        self.text = text
        self.depth_limit = depth_limit
        self.scopes: list[_Scope] = []
        self.offset = 0
        # Where the last value, and the last comma, ended.
        self.value_end = 0
        self.comma = 0

    def run(self) -> JsonTextError:
        while True:
            found = _SPACE.match(self.text, self.offset)
            self.offset = found.end() if found else self.offset
            if self.offset == len(self.text):
                return self._at_end()
            if self.value_end and not self.scopes:
                return self._error(
                    'json-trailing-data',
                    'something follows the object',
                    'the file must end behind the closing brace: remove what follows',
                )
            problem = self._token()
            if problem is not None:
                return problem

    def _token(self) -> JsonTextError | None:
        found = _TOKEN.match(self.text, self.offset)
        if found is None:
            return self._bad_token()
        kind = found.lastgroup or ''
        if kind == 'mark':
            problem = self._mark(found[0])
        else:
            problem = self._value(kind, found[0])
        if problem is None:
            self.offset = found.end()
            if kind != 'mark':
                self.value_end = self.offset
        return problem

    # What is expected

    def _value(self, kind: str, token: str) -> JsonTextError | None:
        if not self.scopes:
            return self._not_an_object()
        scope = self.scopes[-1]
        if scope.wants in ('key', 'first-key'):
            if kind != 'string':
                return self._error(
                    'json-key', 'a key must be a string in double quotes', 'quote it'
                )
            return self._key(scope, token)
        if scope.wants == 'colon':
            return self._missing_colon()
        if scope.wants == 'comma':
            return self._missing_comma()
        scope.wants = 'comma'
        return None

    def _key(self, scope: _Scope, token: str) -> JsonTextError | None:
        import json

        key = json.loads(token)
        if key in scope.keys:
            first = position(self.text, scope.keys[key])
            shown = f'"{key}"' if re.fullmatch(r'[\w.:/-]{1,64}', key) else 'a key'
            return self._error(
                'json-duplicate-key',
                f'{shown} is given twice, at {first} too; docker takes the last',
                'keep one of them',
            )
        scope.keys[key] = self.offset
        scope.wants = 'colon'
        return None

    def _mark(self, mark: str) -> JsonTextError | None:
        if mark in '{[':
            return self._opening(mark)
        if not self.scopes:
            return self._not_an_object()
        scope = self.scopes[-1]
        if mark in '}]':
            return self._closing(scope, mark)
        if mark == ':':
            if scope.wants != 'colon':
                return self._error('json-colon', 'a colon is out of place', 'remove it')
            scope.wants = 'value'
            return None
        if scope.wants != 'comma':
            return self._error(
                'json-extra-comma', 'a comma with nothing before it', 'remove it'
            )
        scope.wants = 'key' if scope.opening == '{' else 'value'
        self.comma = self.offset
        return None

    def _opening(self, mark: str) -> JsonTextError | None:
        if not self.scopes and mark == '[':
            return self._not_an_object()
        if self.scopes:
            problem = self._value('container', mark)
            if problem is not None:
                return problem
        if len(self.scopes) == self.depth_limit:
            return self._error(
                'json-depth',
                f'nested deeper than {self.depth_limit} levels',
                'no config of docker is: look at what wrote it',
            )
        wants = 'first-key' if mark == '{' else 'first-value'
        self.scopes.append(_Scope(mark, self.offset, wants))
        return None

    def _closing(self, scope: _Scope, mark: str) -> JsonTextError | None:
        due = '}' if scope.opening == '{' else ']'
        if scope.wants in ('key', 'value') and self.comma >= self.value_end > 0:
            return self._trailing_comma(mark)
        if mark != due:
            opened = position(self.text, scope.offset)
            return self._error(
                'json-bracket',
                f'{mark!r} instead of {due!r}, for the {scope.opening!r} at {opened}',
                f'close it with {due!r}',
            )
        if scope.wants == 'colon':
            return self._missing_colon()
        if scope.wants == 'value':
            return self._error(
                'json-missing-value', 'a key without a value', 'give it a value'
            )
        self.scopes.pop()
        self.value_end = self.offset + 1
        return None

    # What is wrong

    def _trailing_comma(self, mark: str) -> JsonTextError:
        line = position(self.text, self.comma).partition(':')[0]
        return self._error(
            'json-trailing-comma',
            f'a comma before {mark!r}',
            f'delete the comma on line {line}',
            self.comma,
        )

    def _missing_comma(self) -> JsonTextError:
        line = position(self.text, self.value_end).partition(':')[0]
        return self._error(
            'json-missing-comma',
            'a comma is missing before this',
            f'put a comma at the end of line {line}'
            if '\n' in self.text[self.value_end : self.offset]
            else 'put a comma between the two',
        )

    def _missing_colon(self) -> JsonTextError:
        return self._error(
            'json-missing-colon',
            'a colon is missing between key and value',
            'write "key": value',
        )

    def _not_an_object(self) -> JsonTextError:
        return self._error(
            'json-not-object',
            'the file must hold an object',
            'begin it with { and end it with }',
        )

    def _at_end(self) -> JsonTextError:
        if not self.scopes:
            return self._error('json-syntax', 'not JSON', 'python3 -m json.tool FILE')
        scope = self.scopes[-1]
        opened = position(self.text, scope.offset)
        due = '}' if scope.opening == '{' else ']'
        return self._error(
            'json-truncated',
            f'ends before the {scope.opening!r} at {opened} is closed',
            f'close it with {due!r}, or bring back the rest of the file',
        )

    def _bad_token(self) -> JsonTextError:
        first = self.text[self.offset]
        if first == '"':
            return self._bad_string()
        if first == '#' or self.text.startswith(('//', '/*'), self.offset):
            return self._error(
                'json-comment', 'JSON has no comments', 'remove the comment'
            )
        if first == "'":
            return self._error(
                'json-quotes', 'single quotes', 'use double quotes: "..."'
            )
        if first.isdigit() or first in '+-.':
            return self._bad_number()
        if first.isalpha() or first in '_$':
            return self._bad_word()
        return self._error(
            'json-character',
            f'unexpected character U+{ord(first):04X}',
            'remove it',
        )

    def _bad_string(self) -> JsonTextError:
        found = _STRING_PART.match(self.text, self.offset + 1)
        end = found.end() if found else self.offset + 1
        stopped = self.text[end : end + 1]
        if stopped in ('', '\n', '\r'):
            return self._error(
                'json-unterminated-string',
                'a string does not end on its line',
                'close it with a double quote',
            )
        if stopped == '\\':
            return self._error(
                'json-escape',
                'a backslash that JSON does not know',
                r'write \\ for a backslash',
                end,
            )
        return self._error(
            'json-control-character',
            f'control character U+{ord(stopped):04X} in a string',
            r'write \t for a tab, \n for a new line',
            end,
        )

    def _bad_number(self) -> JsonTextError:
        if re.compile(r'[+-]?(Infinity|NaN)').match(self.text, self.offset):
            return self._bad_word()
        return self._error(
            'json-number',
            'not a number as JSON writes it',
            'no leading zero, plus or point; text goes in double quotes',
        )

    def _bad_word(self) -> JsonTextError:
        found = re.compile(r'[+-]?([\w$-]+)').match(self.text, self.offset)
        word = found[1] if found else ''
        is_key = self.scopes and self.scopes[-1].wants in ('key', 'first-key')
        if is_key:
            message = 'a key must be in double quotes'
            return self._error('json-unquoted-key', message, 'write "key": value')
        if word in _FOREIGN_WORDS:
            return self._error(
                'json-word', f'{word} is not JSON', f'write {_FOREIGN_WORDS[word]}'
            )
        return self._error(
            'json-word', 'a word without quotes', 'text goes in double quotes'
        )

    def _error(
        self, code: str, message: str, advice: str, offset: int | None = None
    ) -> JsonTextError:
        place = self.offset if offset is None else offset
        if code != 'json-duplicate-key':
            message = f'not JSON: {message}'
        problem = Problem(
            code=code,
            where=position(self.text, place),
            message=advised(message, advice),
            excerpt=excerpt(self.text, place),
        )
        return JsonTextError(problem)


def excerpt(text: str, offset: int) -> str:
    """Show the line of `offset` and a caret below it, masked but for its structure."""
    start = text.rfind('\n', 0, offset) + 1
    end = text.find('\n', offset)
    line = text[start : len(text) if end < 0 else end].rstrip('\r')
    column = offset - start
    left = max(0, column - EXCERPT_WIDTH // 2)
    shown = mask_line(line)[left : left + EXCERPT_WIDTH]
    return f'{shown}\n{" " * (column - left)}^'


def mask_line(line: str) -> str:
    """Mask all that is neither structure nor a well-known word, column by column."""

    def masked(found: re.Match[str]) -> str:
        return found[0] if found[0] in _KNOWN_WORDS else '*' * len(found[0])

    line = line.replace('\t', ' ')
    return re.sub(r'[^\s{}\[\],:"\'#/*]+', masked, line)
