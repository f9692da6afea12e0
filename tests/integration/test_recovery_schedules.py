"""Recovery under any schedule: whatever is cut, lost, doubled, late, pruned or restarted, each
client has in the end what its rooms got since its last snapshot, in order, once."""

from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import now
from ordercast.live.pid import Pids
from tests.harness.application.journal import prune
from tests.harness.application.tabs import (
    ALICE,
    BOB,
    Start,
    Tab,
    WebProcess,
    append,
    published,
)
from tests.harness.processes.process import SECRET

PROCESSES = 2
PEOPLE = (ALICE, BOB)
ROOMS = ("user:1", "user:2", "seller:2", "user:3")

which = st.integers(0, PROCESSES - 1)
steps = st.one_of(
    st.tuples(st.just("append"), st.sampled_from(ROOMS)),
    st.tuples(st.just("hear"), which, st.integers(0, 4)),
    st.tuples(st.just("catch up"), which),
    st.tuples(st.just("emit"), which, st.sampled_from([("hi",), ("hi", "text"), ("hi", {})])),
    st.tuples(st.just("read"), which, st.integers(1, 4)),
    st.tuples(st.just("cut"), which),
    st.tuples(st.just("come back"), which, which),
    st.tuples(st.just("prune"), st.integers(1, 3)),
    st.tuples(st.just("restart"), which),
)


class World:
    """Two people, two processes, and the messages that may reach them or not."""

    def __init__(self, app: Flask, start: Start) -> None:
        self._app = app
        self._start: Callable[[], WebProcess] = lambda: start(ring=4, RECOVERY_MAX_EVENTS=8)
        self.processes = [self._start() for _ in range(PROCESSES)]
        self.begin()

    def begin(self) -> None:
        for process in self.processes:
            process.catch_up()
        self.messages: list[bytes] = []
        self.committed: list[tuple[int, str]] = []
        self.tabs = [Tab(person).connect(self.processes[0]) for person in PEOPLE]

    def step(self, what: str, *choices: object) -> None:
        getattr(self, what.replace(" ", "_"))(*choices)

    def append(self, room: str) -> None:
        append(room)
        new = published()
        self.messages += new
        for message in new:
            self.committed += [(event[0], event[1]) for event in orjson.loads(message)["events"]]

    def hear(self, process: int, back: int) -> None:
        self.processes[process].hear(*self.messages[-1 - back : len(self.messages) - back])

    def catch_up(self, process: int) -> None:
        self.processes[process].catch_up()

    def emit(self, process: int, arguments: tuple[object, ...]) -> None:
        self.processes[process].emit(*arguments)

    def read(self, tab: int, most: int) -> None:
        self.tabs[tab].read(most)

    def cut(self, tab: int) -> None:
        self.tabs[tab].cut()

    def come_back(self, tab: int, process: int) -> None:
        """Also while the old connection seems to be there still."""
        self.tabs[tab].connect(self.processes[process], read=False)

    def prune(self, count: int) -> None:
        prune(now() + timedelta(minutes=1), limit=count)

    def restart(self, process: int) -> None:
        self.processes[process].end()
        for tab in self.tabs:
            if tab.process is self.processes[process]:
                tab.cut()
        self.processes[process] = self._start()

    def settle(self) -> None:
        for process in self.processes:
            process.catch_up()
        for tab in self.tabs:
            tab.read()
            if tab.engine is None or tab.engine.closed:
                tab.connect(self.processes[0])

    def owed(self, tab: Tab) -> list[int]:
        claim = Pids(SECRET).read(tab.pid)
        assert claim is not None
        rooms = tab.identity.rooms
        return [at for at, room in self.committed if at > claim.position and room in rooms]


@pytest.fixture
def world(app: Flask, start: Start) -> World:
    return World(app, start)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schedule=st.lists(steps, max_size=30))
def test_nothing_is_lost_doubled_or_out_of_order(
    world: World, schedule: list[tuple[object, ...]]
) -> None:
    world.begin()
    for what, *choices in schedule:
        world.step(str(what), *choices)
    world.settle()
    for tab in world.tabs:
        assert tab.since_snapshot == world.owed(tab)
        tab.cut()
