"""The connect path's steps for clients without an identity, in `/`: the team's connect handler
alone decides. They are recovered as others are."""

from collections.abc import Callable
from typing import Any

from ordercast.endings import ServiceEnding
from ordercast.live import counting
from ordercast.live.connections import NOBODY, Connection, Connections
from ordercast.live.member import Member
from ordercast.live.recovery import Recovery
from ordercast.live.sockets import Sockets
from ordercast.transport import ConnectRequest


class Anonymous:
    """`has_journal` returns whether this process follows the journal: without it clients are let
    in, and get no pid."""

    def __init__(
        self,
        connections: Connections,
        recovery: Recovery,
        sockets: Sockets,
        *,
        has_journal: Callable[[], bool],
    ) -> None:
        self._connections = connections
        self._recovery = recovery
        self._sockets = sockets
        self._has_journal = has_journal

    def identify(self, member: Member, request: ConnectRequest) -> None:
        if self._has_journal():
            connection = Connection(member.sid, NOBODY, member.session)
            member.identified(connection)
            self._connections.add(connection)

    def admit(self, member: Member, request: ConnectRequest) -> None:
        pass

    def enter_rooms(self, member: Member, request: ConnectRequest) -> None:
        if member.connection is None:
            member.begin_backlog()
        else:
            self._recovery.begin(member, member.connection)

    def confirm(self, member: Member, request: ConnectRequest) -> dict[str, Any]:
        connection = member.connection
        if connection is None:
            return {}
        self._recovery.settle(member, connection, request)
        older = self._connections.register_pid(connection)
        if older is not None:
            self._sockets.close_transport(older.sid, ServiceEnding.REPLACED)
        return {"pid": connection.pid}

    def connected(self, member: Member) -> None:
        if member.connection is not None:
            counting.connected(member.session)

    def forget(self, member: Member) -> None:
        self._connections.remove(member.sid)
