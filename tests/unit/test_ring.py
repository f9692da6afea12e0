"""The ring: the last events in memory, compared with a plain list that never forgets."""

import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.journal import Entry
from ordercast.live.ring import ROOM_BYTES, Past, Ring, cost

ROOMS = ("user:1", "user:2", "seller:1", "control")
COST = cost(Entry(1, "user:1", "test", "{}"))
rooms = st.sampled_from(ROOMS)


def entries(*names: str, first: int = 1) -> list[Entry]:
    return [Entry(first + i, room, "test", "{}") for i, room in enumerate(names)]


def weight(kept: list[Entry]) -> int:
    shared = [room for room, count in Counter(entry.room for entry in kept).items() if count > 1]
    return sum(map(cost, kept)) + len(shared) * ROOM_BYTES


def in_several(*everything: tuple[str, ...]) -> list[Entry]:
    return [
        Entry(position, room, "test", "{}", tuple(further))
        for position, (room, *further) in enumerate(everything, 1)
    ]


def positions(found: list[Entry] | None) -> list[int] | None:
    return None if found is None else [entry.position for entry in found]


@given(
    size=st.integers(COST, 12 * COST + 3 * ROOM_BYTES),
    before=st.lists(rooms, max_size=12),
    added=st.lists(rooms, max_size=30),
    first=st.integers(1, 1000),
    asked=st.sets(rooms, min_size=1),
    after=st.integers(-3, 45),
    more=st.integers(-5, 45),
    limit=st.integers(1, 8),
)
def test_it_answers_as_a_list_of_everything_would_or_not_at_all(
    size: int,
    before: list[str],
    added: list[str],
    first: int,
    asked: set[str],
    after: int,
    more: int,
    limit: int,
) -> None:
    everything = entries(*before, *added, first=first)
    ring = Ring(size, room_shares=0)
    ring.start(everything[: len(before)], following=first + len(before))
    for entry in everything[len(before) :]:
        ring.add(entry)
    after, until = first + after, first + after + more

    found = ring.since(after, until=until, rooms=sorted(asked), limit=limit)

    kept = everything
    while weight(kept) > size:
        kept = kept[1:]
    lowest = kept[0].position if kept else first
    wanted = [one for one in everything if one.room in asked and after < one.position <= until]
    assert found == (None if after + 1 < lowest else wanted[:limit])


def test_an_empty_ring_knows_that_nothing_followed() -> None:
    ring = Ring()
    ring.start([], following=8)
    assert ring.since(7, until=7, rooms=ROOMS, limit=9) == []
    assert ring.since(6, until=7, rooms=ROOMS, limit=9) is None


def test_a_new_start_forgets_everything() -> None:
    ring = Ring()
    ring.start(entries("user:1", "user:1"), following=3)
    ring.start(entries("user:1", first=7), following=8)
    assert ring.since(2, until=9, rooms=ROOMS, limit=9) is None
    assert positions(ring.since(6, until=9, rooms=ROOMS, limit=9)) == [7]


def test_a_room_whose_events_are_all_gone_takes_no_memory() -> None:
    ring = Ring(2 * COST + ROOM_BYTES)
    for entry in entries("user:1", "user:2", "user:2"):
        ring.add(entry)
    assert list(ring._rooms) == ["user:2"]


@pytest.fixture
def eager_threads() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_it_is_read_while_the_follower_adds_to_it(eager_threads: None) -> None:
    """The race: a room grows and is cut while somebody goes through it."""
    ring = Ring(1000 * COST)

    def grow() -> None:
        for entry in entries(*["user:1"] * 20_000):
            ring.add(entry)

    with ThreadPoolExecutor(1) as pool:
        growing = pool.submit(grow)
        while not growing.done():
            found = positions(
                ring.since(ring._lowest + 100, until=10**9, rooms=["user:1"], limit=9999)
            )
            if found:
                assert found == list(range(found[0], found[0] + len(found)))
        growing.result()


def large(position: int, characters: int, letter: str = "x") -> Entry:
    return Entry(position, "user:1", "test", f'"{letter * characters}"')


@pytest.mark.parametrize("letter", ["x", "\u00fc", "\u8336", "\U0001f375"])
def test_it_holds_so_many_bytes_whatever_they_spell(letter: str) -> None:
    ring = Ring(1_000_000, room_shares=0)
    for position in range(1, 200):
        ring.add(large(position, 10_000, letter))
    held = ring.since(ring._lowest - 1, until=200, rooms=["user:1"], limit=999)
    assert held
    memory = sum(sys.getsizeof(entry.data) for entry in held)
    assert 900_000 <= memory <= 1_000_000
    assert held[-1].position == 199


@pytest.mark.parametrize("events_of_each", [1, 2, 3, 1_000, 20_000])
def test_it_takes_no_more_memory_than_it_counts_however_many_rooms_there_are(
    events_of_each: int,
) -> None:
    size = 4_000_000
    tracemalloc.start()
    try:
        ring = Ring(size)
        before, _ = tracemalloc.get_traced_memory()
        for position in range(1, 15_000):
            ring.add(Entry(position, f"user:{position // events_of_each}", "test", "{}" * 20))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    first = f"user:{1 // events_of_each}"
    assert ring.since(0, until=1, rooms=[first], limit=1) is None, "it is full"
    assert after - before < 1.2 * size


def test_a_bulk_of_small_events_leaves_the_others_where_they_are() -> None:
    ring = Ring()
    ring.start([], following=1)
    for entry in entries("user:1", *["user:2"] * 30_000):
        ring.add(entry)
    assert positions(ring.since(0, until=30_001, rooms=["user:1"], limit=9)) == [1]


@pytest.mark.parametrize("further", [(), ("segment:1",)], ids=["one room", "two rooms"])
def test_a_bulk_for_one_room_takes_the_place_of_its_own_events_and_of_no_others(
    further: tuple[str, ...],
) -> None:
    """100,000 notifications take more than the ring has."""
    ring = Ring()
    ring.start([], following=1)
    notification = '{"title":"Sale","message":"%s","type":"info"}' % ("x" * 150)
    for position in range(1, 101_001):
        is_bulk = position > 1_000
        room = "user:bulk" if is_bulk else f"user:{position}"
        ring.add(Entry(position, room, "notification", notification, further if is_bulk else ()))
    for number in range(1, 1_001):
        found = ring.since(0, until=101_000, rooms=[f"user:{number}"], limit=9)
        assert positions(found) == [number]
    for room in ("user:bulk", *further):
        assert ring.since(1_000, until=101_000, rooms=[room], limit=1) is None
        assert positions(ring.since(100_000, until=101_000, rooms=[room], limit=9_999)) == [
            *range(100_001, 101_001)
        ]
    assert ring._bytes <= ring.max_bytes


@given(
    added=st.lists(st.lists(rooms, min_size=1, max_size=3, unique=True).map(tuple), max_size=60),
    size=st.integers(COST, 25 * COST),
    shares=st.integers(1, 8),
    asked=st.sets(rooms, min_size=1),
    after=st.integers(0, 60),
    limit=st.integers(1, 70),
)
def test_it_answers_in_full_or_not_at_all_whichever_rooms_are_large(
    added: list[tuple[str, ...]],
    size: int,
    shares: int,
    asked: set[str],
    after: int,
    limit: int,
) -> None:
    everything = in_several(*added)
    ring = Ring(size, room_shares=shares)
    for entry in everything:
        ring.add(entry)
        assert ring._bytes <= size
    found = ring.since(after, until=99, rooms=sorted(asked), limit=limit)
    wanted = [one for one in everything[after:] if asked & {*one.rooms}]
    assert found in (None, wanted[:limit])
    floors = [kept.floor for kept in ring._rooms.values() if isinstance(kept, Past)]
    if after + 1 >= ring._lowest and after >= max(floors, default=0):
        assert found is not None
    ring.max_bytes = 0
    ring.add(Entry(len(everything) + 1, "user:1", "test", "{}"))
    assert (ring._rooms, ring._bytes, ring._holders, ring._large) == ({}, 0, {}, {})


def test_an_event_that_is_larger_than_the_ring_is_not_kept() -> None:
    ring = Ring(1_000)
    ring.add(large(1, 10))
    ring.add(large(2, 10_000))
    assert ring.since(1, until=2, rooms=["user:1"], limit=9) is None
    assert ring.since(2, until=2, rooms=["user:1"], limit=9) == []
    ring.add(large(3, 10))
    assert positions(ring.since(2, until=3, rooms=["user:1"], limit=9)) == [3]


def test_what_is_too_old_goes_when_something_new_comes() -> None:
    now = 0.0
    ring = Ring(keep_seconds=120, clock=lambda: now)
    for position in range(1, 301):  # one a second
        now = float(position)
        ring.add(large(position, 1))
    assert ring.since(300 - 122, until=300, rooms=["user:1"], limit=999) is None
    assert len(ring.since(300 - 119, until=300, rooms=["user:1"], limit=999) or ()) == 119


@given(
    added=st.lists(st.lists(rooms, min_size=1, max_size=3, unique=True).map(tuple), max_size=30),
    size=st.integers(COST, 12 * COST),
    asked=st.sets(rooms, min_size=1),
    limit=st.integers(1, 8),
)
def test_events_of_several_rooms_are_found_once_and_leave_nothing_behind(
    added: list[tuple[str, ...]], size: int, asked: set[str], limit: int
) -> None:
    everything = in_several(*added)
    ring = Ring(size, room_shares=0)
    for entry in everything:
        ring.add(entry)
    lowest = ring._lowest
    found = ring.since(lowest - 1, until=99, rooms=sorted(asked), limit=limit)
    wanted = [one for one in everything[lowest - 1 :] if asked & {*one.rooms}]
    assert found == wanted[:limit]
    assert set(ring._rooms) == {room for one in everything[lowest - 1 :] for room in one.rooms}
    ring.max_bytes = 0
    ring.add(Entry(len(everything) + 1, "user:1", "test", "{}"))
    assert (ring._rooms, ring._bytes, ring._holders) == ({}, 0, {})
