"""The connect path of one process, put together: for clients with an identity, and without."""

from collections.abc import Callable

from flask import Flask

from ordercast.database import Database
from ordercast.identity import MayJoin
from ordercast.joined import JoinedRooms
from ordercast.journal import Journal
from ordercast.live.anonymous import Anonymous
from ordercast.live.background import Background
from ordercast.live.connecting import ANYBODY, Clients, ConnectPath
from ordercast.live.distribution import Distribution
from ordercast.live.identified import Identified, Identify
from ordercast.live.joining import Joining
from ordercast.live.lifetime import Lifetime
from ordercast.live.member import NAMESPACE
from ordercast.live.pid import Pids, signing_key
from ordercast.live.recovery import Recovery
from ordercast.live.replay import Replay
from ordercast.settings import Settings
from ordercast.transport import Timers


class Entrance:
    """`is_identified` returns whether clients of `/` need an identity, which `identify` finds
    out."""

    def __init__(
        self,
        app: Flask,
        distribution: Distribution,
        background: Background,
        *,
        settings: Settings,
        database: Database,
        journal: Journal,
        timers: Timers | None,
        identify: Identify,
        is_identified: Callable[[], bool],
        may_join: Callable[[], MayJoin | None],
    ) -> None:
        self._is_identified = is_identified
        manager, follower = distribution.manager, distribution.follower
        connections, revocations = distribution.connections, distribution.revocations
        pids = Pids(lambda: signing_key(settings.JWT_SECRET_KEY, app))
        self.joining = Joining(JoinedRooms(database), manager, follower, pids)
        recovery = Recovery(
            manager, follower, journal, self.joining, pids, may_join=may_join, settings=settings
        )
        self.lifetime = Lifetime(
            manager,
            connections,
            revocations,
            identify=identify,
            grace=settings.TOKEN_GRACE,
            timers=timers,
        )
        self._identified = Identified(
            connections,
            revocations,
            recovery,
            distribution.sockets,
            identify=identify,
            ready=background.wait_until_ready,
            watch=self.lifetime.watch,
            max_per_user=settings.MAX_CONNECTIONS_PER_USER,
        )
        self._anonymous = Anonymous(
            connections, recovery, distribution.sockets, has_journal=background.has_journal
        )
        replay = Replay(distribution.delivery, distribution.start_task)
        self.path = ConnectPath(app, manager, replay, self._clients)

    def _clients(self, namespace: str) -> Clients:
        """Decided at each connect: `@cast.identify` may come after this object was made."""
        if namespace != NAMESPACE:
            return ANYBODY
        return self._identified if self._is_identified() else self._anonymous
