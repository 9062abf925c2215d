"""What the host is seen to hold: users, files, processes, ended programs."""

from __future__ import annotations

from registry_host.namedtuples import NamedTuple


class User(NamedTuple):
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str


class FileState(NamedTuple):
    """What is known of a file. `content` is None where there is no file.

    `path` is the name inside the root, `realpath` what is opened: links followed, the
    root in front. `link` is the text of `path` itself where that is a link. `xattrs`
    None stands for those that the folder gives to a new file. `user` is whose
    privileges read and write it; None is our own. `folder_mode` is given to
    `missing_folders`, the parents that are not there yet, outermost first. Its repr()
    shows no content, which may hold secrets.
    """

    path: str
    realpath: str
    content: bytes | None
    mode: int
    uid: int
    gid: int
    user: User | None = None
    folder_mode: int = 0o755
    link: str | None = None
    xattrs: tuple[tuple[str, bytes], ...] | None = None
    missing_folders: tuple[str, ...] = ()

    def __repr__(self) -> str:
        size = 'absent' if self.content is None else f'{len(self.content)} bytes'
        return f'FileState({self.path!r}, {size}, mode={self.mode:04o})'

    def is_same_file(self, other: FileState) -> bool:
        """Whether content, owner and rights are those that a reader would see."""
        if self.content is None or other.content is None:
            return self.content is other.content
        return (self.content, self.mode, self.uid, self.gid, self.realpath) == (
            other.content,
            other.mode,
            other.uid,
            other.gid,
            other.realpath,
        )


class Completed(NamedTuple):
    """How a program ended. `code` is None where it could not be started."""

    code: int | None
    out: str
    err: str

    @property
    def is_ok(self) -> bool:
        return self.code == 0


class Lookup(NamedTuple):
    """What a nameserver said. `failure` is '' when it gave addresses.

    `is_answered`: there is a nameserver that answers, whatever it says.
    """

    name: str
    nameserver: str
    addresses: tuple[str, ...] = ()
    failure: str = ''
    is_answered: bool = False
    elapsed_ms: int = 0


class Process(NamedTuple):
    pid: int
    argv: tuple[str, ...]
    uid: int
    name: str = ''


class Look(NamedTuple):
    """What decides who may use a file or folder; not its content."""

    mode: int
    uid: int
    gid: int
    is_folder: bool
    has_acl: bool = False
