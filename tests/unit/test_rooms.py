"""Rooms, compared with python-socketio's own manager, operation by operation."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from socketio import Manager

from ordercast.live.rooms import RoomManager

NAMESPACES = ("/", "/other")
ENGINES = tuple(f"engine-{number}" for number in range(4))
ROOMS = ("red", "green", "blue")

namespaces = some.sampled_from(NAMESPACES)
engines = some.sampled_from(ENGINES)
rooms = some.sampled_from(ROOMS)


class Rooms(RuleBasedStateMachine):
    """What a server may do to its manager, in any order. Two things are left out, which the stock
    one does and nothing needs: leaving a room that is one's own sid, and a room that is entered
    by nobody who is there."""

    def __init__(self) -> None:
        super().__init__()
        self.sid = ""
        server = SimpleNamespace(
            eio=SimpleNamespace(generate_id=lambda: self.sid, sockets={}),
            packet_class=SimpleNamespace(json=None),
        )
        self.made = 0
        self.ours, self.stock = RoomManager(), Manager()
        for manager in (self.ours, self.stock):
            manager.set_server(server)

    def there(self) -> list[tuple[str, str]]:
        """Everybody's sid and namespace."""
        return [
            (sid, namespace)
            for namespace in NAMESPACES
            for sid, _ in self.stock.get_participants(namespace, None)
        ]

    def both(self, call: str, *arguments: Any) -> Any:
        """Do it on both -> what both gave. They fail together, with the same error."""
        outcomes = []
        for manager in (self.ours, self.stock):
            try:
                outcomes.append(getattr(manager, call)(*arguments))
            except ValueError as exc:
                outcomes.append(str(exc))
        assert outcomes[0] == outcomes[1], (call, arguments)
        return outcomes[0]

    @rule(engine=engines, namespace=namespaces)
    def a_client_asks(self, engine: str, namespace: str) -> None:
        self.made += 1
        self.sid = f"sid-{self.made}"
        self.both("pre_connect", engine, namespace)

    @precondition(lambda self: self.there())
    @rule(data=some.data(), what=some.sampled_from(["connect", "basic_disconnect"]))
    def it_is_let_in_or_sent_away(self, data: Any, what: str) -> None:
        sid, namespace = data.draw(some.sampled_from(self.there()))
        if what == "connect" and not self.stock.is_pre_connected(sid, namespace):
            return  # which would be a second client there
        self.both(what, sid, namespace)

    @precondition(lambda self: self.there())
    @rule(data=some.data())
    def it_is_about_to_leave(self, data: Any) -> None:
        sid, namespace = data.draw(some.sampled_from(self.there()))
        if self.stock.is_connected(sid, namespace):  # as the server asks first
            self.both("pre_disconnect", sid, namespace)

    @precondition(lambda self: self.there())
    @rule(data=some.data(), room=rooms)
    def it_enters(self, data: Any, room: str) -> None:
        sid, namespace = data.draw(some.sampled_from(self.there()))
        self.both("basic_enter_room", sid, namespace, room)

    @precondition(lambda self: self.there())
    @rule(data=some.data())
    def it_tries_to_enter_the_room_of_somebody(self, data: Any) -> None:
        sid, namespace = data.draw(some.sampled_from(self.there()))
        other, _ = data.draw(
            some.sampled_from([one for one in self.there() if one[1] == namespace])
        )
        self.both("basic_enter_room", sid, namespace, other)

    @precondition(lambda self: self.there())
    @rule(data=some.data(), room=rooms)
    def it_leaves_a_room(self, data: Any, room: str) -> None:
        sid, namespace = data.draw(some.sampled_from(self.there()))
        self.both("basic_leave_room", sid, namespace, room)

    @rule(room=rooms, namespace=namespaces)
    def a_room_is_closed(self, room: str, namespace: str) -> None:
        self.both("basic_close_room", room, namespace)

    @precondition(lambda self: self.there())
    @rule(data=some.data())
    def the_room_of_somebody_is_not_closed(self, data: Any) -> None:
        sid, namespace = data.draw(some.sampled_from(self.there()))
        assert self.both("basic_close_room", sid, namespace) == "cannot close a sid room"

    @rule(namespace=namespaces, room=rooms)
    def nobody_leaves(self, namespace: str, room: str) -> None:
        self.both("basic_leave_room", "nobody", namespace, room)
        self.both("basic_disconnect", "nobody", namespace)

    @invariant()
    def they_know_the_same_clients(self) -> None:
        for sid, namespace in [*self.there(), ("nobody", "/"), ("nobody", "/nowhere")]:
            self.both("is_connected", sid, namespace)
            self.both("eio_sid_from_sid", sid, namespace)
            assert {*self.ours.get_rooms(sid, namespace)} == {*self.stock.get_rooms(sid, namespace)}
        for namespace in (*NAMESPACES, "/nowhere"):
            for engine in ENGINES:
                self.both("sid_from_eio_sid", engine, namespace)

    @invariant()
    def they_reach_the_same_clients(self) -> None:
        sids = [sid for sid, _ in self.there()]
        for namespace in (*NAMESPACES, "/nowhere"):
            for room in (None, *ROOMS, *sids, ["red", "green"], ("blue", *sids), ["nobody"]):
                ours = list(self.ours.get_participants(namespace, room))
                assert len(ours) == len(set(ours))
                assert sorted(ours) == sorted(self.stock.get_participants(namespace, room))
                if isinstance(room, str):
                    assert self.ours.is_anyone_in(namespace, room) is bool(ours)

    @invariant()
    def a_namespace_lasts_as_long_as_its_clients(self) -> None:
        assert {*self.ours.get_namespaces()} == {namespace for _, namespace in self.there()}


TestRooms = Rooms.TestCase
TestRooms.settings = settings(max_examples=30, deadline=None)


def test_who_is_not_there_enters_nothing() -> None:
    manager = RoomManager()
    with pytest.raises(ValueError, match="not connected"):
        manager.basic_enter_room("nobody", "/", "red")
    assert not manager.is_anyone_in("/", "red")


def test_a_room_may_change_while_it_is_gone_through() -> None:
    manager = RoomManager()
    sids = iter(["a", "b", "c"])
    manager.set_server(
        SimpleNamespace(
            eio=SimpleNamespace(generate_id=lambda: next(sids), sockets={}),
            packet_class=SimpleNamespace(json=None),
        )
    )
    for engine in ENGINES[:3]:
        manager.basic_enter_room(str(manager.pre_connect(engine, "/")), "/", "red")
    seen = []
    for sid, _ in manager.get_participants("/", "red"):
        seen.append(sid)
        manager.basic_disconnect(sid, "/")
    assert sorted(seen) == ["a", "b", "c"]
    assert manager.get_namespaces() == []
