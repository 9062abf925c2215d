"""The users of a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_host.host.filedoor import Files
from registry_host.host.records import User

if TYPE_CHECKING:
    from collections.abc import Iterator


class Users(Files):
    """Users, from passwd and what nsswitch adds."""

    def users(self) -> Iterator[User]:
        state = self.read('/etc/passwd')
        for line in (state.content or b'').decode('utf-8', 'replace').splitlines():
            fields = line.split(':')
            if len(fields) == 7 and fields[2].isdigit() and fields[3].isdigit():
                yield User(
                    name=fields[0],
                    uid=int(fields[2]),
                    gid=int(fields[3]),
                    home=fields[5],
                )

    def find_user(
        self, *, name: str | None = None, uid: int | None = None
    ) -> User | None:
        """Find a user by name or uid, in passwd and, live, in what nsswitch adds."""
        if not self.is_live:
            known = (u for u in self.users() if u.name == name or u.uid == uid)
            return next(known, None)
        import pwd

        try:
            found = pwd.getpwnam(name) if name is not None else pwd.getpwuid(uid or 0)
        except KeyError:
            return None
        return User(
            name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid, home=found.pw_dir
        )

    def group_ids(self, name: str) -> tuple[int, ...]:
        """The groups of group(5) that a user is a member of."""
        state = self.read('/etc/group')
        lines = (state.content or b'').decode('utf-8', 'replace').splitlines()
        fields = (line.split(':') for line in lines)
        return tuple(
            int(each[2])
            for each in fields
            if len(each) == 4 and each[2].isdigit() and name in each[3].split(',')
        )

    def invoker_name(self) -> str:
        """Name the user who runs this: the one behind sudo, else that of the uid."""
        if name := self.environ.get('SUDO_USER', ''):
            return name
        user = Users().find_user(uid=self.uid)
        return user.name if user else str(self.uid)
