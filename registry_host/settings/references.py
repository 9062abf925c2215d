"""STUB until the helper's module arrives."""

from __future__ import annotations

import re

from registry_host.errors import Problem
from registry_host.namedtuples import NamedTuple
from registry_host.settings.checking import Checked

_RE = re.compile(
    r'(?P<name>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?'
)


class Reference(NamedTuple):
    domain: str
    path: str
    tag: str = ''
    digest: str = ''

    @property
    def is_of_hub(self) -> bool:
        return self.domain == 'docker.io'

    def __str__(self) -> str:
        tag = self.tag or ('' if self.digest else 'latest')
        return (
            f'{self.domain}/{self.path}'
            + (f':{tag}' if tag else '')
            + (f'@{self.digest}' if self.digest else '')
        )


def check_reference(text: str) -> Checked[Reference]:
    first, slash, rest = text.partition('/')
    if slash and ('.' in first or ':' in first or first == 'localhost'):
        domain, name = first, rest
    else:
        domain, name = 'docker.io', text
    if domain == 'docker.io' and '/' not in name:
        name = f'library/{name}'
    m = _RE.fullmatch(name)
    if not m:
        return Checked(
            input=text,
            kind='image',
            value=None,
            errors=(Problem('image-name', f'{text!r} is not an image name'),),
        )
    return Checked(
        input=text,
        kind='image',
        value=Reference(domain, m['name'], m['tag'] or '', m['digest'] or ''),
    )
