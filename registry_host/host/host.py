"""The one door to files, programs, users and the network; all of it below one root."""

from __future__ import annotations

from registry_host.host.argumentdoor import Arguments
from registry_host.host.connections import Connections
from registry_host.host.following import Following
from registry_host.host.programs import Programs
from registry_host.host.statedoor import State
from registry_host.host.userdoor import Users


class Host(Users, State, Arguments, Programs, Following, Connections):
    """All that can be seen of a host, and done to it.

    Subclass it to make one operation fail in a test.
    """
