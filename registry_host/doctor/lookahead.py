"""The next start of the engine, as far as it can be known before it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.engine.nextstart import refusals
from registry_host.namedtuples import NamedTuple
from registry_host.services.starting import failure_of, is_explained, next_refusals
from registry_host.services.validating import judge_file

if TYPE_CHECKING:
    from registry_host.engine.find import EngineFacts
    from registry_host.engine.start import Refusal
    from registry_host.host.host import Host
    from registry_host.jsonfile.jsontext import Document


class Ahead(NamedTuple):
    """What is known of a start to come.

    `refusals` are those of the tables. `judged` is why the engine itself refuses the
    file, '' if it does not; None if it was not asked. `failure` is why its last start
    failed, '' if it did not.
    """

    refusals: tuple[Refusal, ...] = ()
    judged: str | None = None
    failure: str = ''

    @property
    def is_explained(self) -> bool:
        """Whether a refusal of the tables is what the engine says, too."""
        return bool(self.judged) and is_explained(self.judged or '', self.refusals)


def look_ahead(host: Host, engine: EngineFacts, document: Document | None) -> Ahead:
    """Look at all that there is to know; nothing is started or written."""
    if not host.is_live or engine.state == 'absent':
        found = refusals(document, engine.version, engine.flags) if document else ()
        return Ahead(found)
    path = engine.config_path
    is_there = document is not None and host.exists(path)
    return Ahead(
        refusals=next_refusals(host, engine, document) if document else (),
        judged=judge_file(host, engine, path) if is_there else None,
        failure=failure_of(host, engine),
    )
