"""How events reach the clients of one process, put together: the journal's, emits of handlers and
of the queue, and revocations."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from ordercast.broker import Broker
from ordercast.captures import Captures
from ordercast.emits import Durable, Emitter
from ordercast.journal import Journal
from ordercast.live.bookkeeper import Bookkeeper
from ordercast.live.census import Counter
from ordercast.live.connections import Connections
from ordercast.live.delivery import Delivery, Sending
from ordercast.live.dismissal import Dismissal
from ordercast.live.durable import DurableManager
from ordercast.live.follower import Follower
from ordercast.live.sockets import Sockets
from ordercast.live.stock import SENDING as STOCK_SENDING
from ordercast.live.subscription import Subscription
from ordercast.revocation import RevocationStore
from ordercast.roll import Answering, Kind
from ordercast.settings import Settings
from ordercast.transport import send_all, send_piece


class Distribution:
    """`options`: of the Socket.IO server; `is_ours`: on this library's transport, not on
    python-engineio's. `start_task` runs a function in the background. `start` begins to listen to
    other processes; called at the first session."""

    def __init__(
        self,
        app: Flask,
        options: dict[str, Any],
        *,
        settings: Settings,
        broker: Broker,
        captures: Captures,
        journal: Journal,
        durable: Durable,
        emitter: Emitter,
        revocations: RevocationStore,
        start_task: Callable[..., object],
        start: Callable[[], None],
        is_ours: bool,
    ) -> None:
        self._broker = broker
        self.start_task = start_task
        self.connections = Connections()
        self.revocations = revocations.memory
        self.delivery = Delivery(
            Sending(send_all, send_piece) if is_ours else STOCK_SENDING,
            packet_class=options["serializer"],
            max_backlog_bytes=settings.MAX_BACKLOG_BYTES,
            has_journal=lambda: self.follower.ready.is_set(),
        )
        self.manager = DurableManager(
            broker,
            self.delivery,
            captures,
            start=start,
            durable=durable,
            emitter=emitter,
            is_on=lambda: bool(captures) or not app.testing,
        )
        self.bookkeeper = Bookkeeper(
            broker,
            self.manager,
            self.connections,
            journal.clock,
            reached=lambda: self.follower.reached(),
            seconds=settings.LEDGER_SECONDS,
        )
        self.sockets = Sockets(
            self.manager,
            self.delivery,
            self.connections,
            self.revocations,
            leaving=self.bookkeeper.left,
            start_task=start_task,
            keeps_transports=is_ours,
        )
        self.follower = Follower(journal, self.sockets)
        self.dismissal = Dismissal(self.connections, self.revocations, self.sockets.close_hit_by)
        revocations.subscribe(self.dismissal.on_revoked)

    def subscription(self) -> Subscription:
        """The channels of Redis, each with the receiver of its messages."""
        rules = self.revocations.rules
        census = Counter(self._broker, self.connections, rules=rules, start=self.start_task)
        roll = Answering(
            self._broker, Kind.WEB, clients=self.connections.count, start=self.start_task
        )
        receivers: dict[str, Callable[[bytes], None]] = {
            self._broker.queue_channel: self.manager.receive,
            self._broker.journal_channel: self.follower.receive,
            self._broker.census_channel: census.receive,
            self._broker.roll_channel: roll.receive,
        }
        return Subscription(
            self._broker,
            receivers,
            on_subscribed=self.follower.read_soon,
            after_messages=self.follower.tell,
        )
