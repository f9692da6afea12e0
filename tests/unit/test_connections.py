"""Who has a pid: of two connections of one client the older one goes."""

from ordercast.identity import Identity
from ordercast.live.connections import Connection, Connections

ALICE = Identity("7", expires_at=2**31)


def connection(sid: str, *, since: float) -> Connection:
    return Connection(sid, ALICE, None, pid="pid", since=since)


def registered(*made: Connection) -> Connections:
    connections = Connections()
    for one in made:
        connections.add(one)
    return connections


def test_the_predecessor_is_named_once_and_its_late_end_takes_nothing_along() -> None:
    old, new, newest = (connection(sid, since=i) for i, sid in enumerate(["old", "new", "newest"]))
    connections = registered(old, new, newest)
    assert connections.register_pid(old) is None
    assert connections.register_pid(new) is old
    assert connections.remove("old") is old
    assert connections.register_pid(newest) is new


def test_one_that_its_successor_overtook_goes_itself() -> None:
    """The race: the older connect looks up what was missed for longer than the younger one."""
    old, new = connection("old", since=1), connection("new", since=2)
    connections = registered(old, new)
    assert connections.register_pid(new) is None
    assert connections.register_pid(old) is old
    assert connections.remove("old") is old
    newest = connection("newest", since=3)
    connections.add(newest)
    assert connections.register_pid(newest) is new


def test_a_name_ends_with_its_connection() -> None:
    one = connection("one", since=1)
    connections = registered(one)
    connections.register_pid(one)
    connections.remove("one")
    assert connections.register_pid(connection("two", since=2)) is None
    assert connections.remove("one") is None
