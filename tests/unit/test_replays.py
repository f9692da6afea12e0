"""What a client missed follows its CONNECT in pieces, whatever else the client does meanwhile."""

from typing import Any

import gevent
import pytest

from ordercast import Identity
from ordercast.journal import Entry
from ordercast.live.connecting import Anybody
from ordercast.live.connections import Connection
from ordercast.live.member import NAMESPACE, Member
from ordercast.live.missed import PIECE_BYTES, Missed, Reader
from ordercast.live.outcome import Outcome, Unrecoverable
from ordercast.live.owed import Span
from ordercast.live.ring import Ring
from ordercast.transport import ConnectRequest, Limits
from ordercast.transport.packets import Packet
from tests.harness.application.alone import Alone
from tests.harness.application.hub import turn_until

EVENTS = 3  # each a piece of its own


class Returning(Anybody):
    """A client that comes back to `/`, where it missed some events."""

    def __init__(self) -> None:
        ring, journal = Ring(), None
        data = '"' + "x" * PIECE_BYTES + '"'
        entries = [Entry(position, "user:7", "test", data) for position in range(1, EVENTS + 1)]
        ring.start(entries, following=EVENTS + 1)
        self._reader = Reader(journal, ring)  # type: ignore[arg-type]  # all is in the ring

    def identify(self, member: Member, request: ConnectRequest) -> None:
        if request.namespace != NAMESPACE:
            return
        missed = Missed(
            self._reader, [Span(0, EVENTS, ["user:7"])], until=EVENTS, journal_name="journal"
        )
        connection = Connection(member.sid, Identity("7"), member.session, missed=missed)
        member.identified(connection)


@pytest.mark.parametrize("letter", ["x", "\u00fc", "\u8336", "\U0001f375"])
def test_what_was_missed_is_measured_in_bytes_whatever_it_spells(letter: str) -> None:
    ring, journal = Ring(), None
    data = f'"{letter * 100}"'
    ring.start([Entry(1, "user:7", "test", data)], following=2)
    reader = Reader(journal, ring)  # type: ignore[arg-type]  # all is in the ring
    spans, size = [Span(0, 1, ["user:7"])], len(data.encode())
    missed = Missed(reader, spans, until=1, journal_name="journal", max_bytes=size)
    assert [entry.data for entry in missed.next_piece()] == [data]
    with pytest.raises(Unrecoverable, match=Outcome.TOO_LARGE):
        Missed(reader, spans, until=1, journal_name="journal", max_bytes=size - 1)


def polled(session: Any) -> list[Packet]:
    poll = gevent.spawn(session.poll)
    turn_until(poll.ready, "a poll is answered")
    packets: list[Packet] = poll.get()
    return packets


def test_a_replay_goes_on_when_its_client_connects_to_another_namespace() -> None:
    alone = Alone()
    clients = Returning()
    server = alone.server(
        lambda _namespace: clients,
        limits=Limits(ping_interval=0, max_backlog_bytes=1000),
        async_mode="gevent",
    )
    engine = server.eio

    def greet(sid: str, *_: Any) -> None:
        server.emit("hello", to=sid, namespace="/shop")

    server.on("connect", lambda *_: None)
    server.on("connect", greet, namespace="/shop")
    session = engine.registry.open("session", "")
    engine.registry.admit(session)
    server.environ["session"] = {}
    session.receive("40")
    session.receive("40/shop,")
    turn_until(lambda: session.incoming.is_idle, "it is connected to both")

    offsets: list[str] = []
    while len(offsets) < EVENTS:
        texts = [str(packet.data) for packet in polled(session)]
        offsets += [text.split('"')[-2] for text in texts if text.startswith('42["test"')]
    assert offsets == ["1", "2", "3"]
