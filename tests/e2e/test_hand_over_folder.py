"""The folder in which the processes of a host meet, and what removes it."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.harness.clients import loopback
from tests.harness.clients.raw import RawPolling, raw_polling
from tests.harness.processes.service import Service
from tests.harness.processes.workers import EchoServer, frozen, workers
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

POSTS = 4  # each on a connection of its own


def sockets(master: int) -> list[Path]:
    """Those in which the processes are reached."""
    every = [psutil.Process(pid).net_connections(kind="unix") for pid in workers(master)]
    paths = {one.laddr for ones in every for one in ones if "handover" in one.laddr}
    return sorted(map(Path, paths))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EchoServer]:
    server = EchoServer(tmp_path, count=2)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.process.output()


@pytest.fixture
def session(server: EchoServer) -> Iterator[RawPolling]:
    with raw_polling(server.url) as session:
        yield session


@pytest.fixture
def elsewhere(server: EchoServer, session: RawPolling) -> Iterator[list[HTTPConnection]]:
    """Connections of the process that does not have the session."""
    with ExitStack() as stack:
        with frozen(server.owner(session.opened["sid"])):  # the kernel gives them to the other one
            connections = [stack.enter_context(closing(connect(server))) for _ in range(POSTS)]
            for connection in connections:
                connection.request("GET", "/nothing")
                connection.getresponse().read()
        yield connections


def connect(server: EchoServer) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)


def post_all(
    server: EchoServer, session: RawPolling, elsewhere: Sequence[HTTPConnection] = ()
) -> set[int]:
    """Post into the session on new connections, and on these -> the statuses."""
    path = f"/socket.io/?EIO=4&transport=polling&sid={session.opened['sid']}"
    statuses = set()
    with ExitStack() as stack:
        new = [stack.enter_context(closing(connect(server))) for _ in range(POSTS)]
        for connection in (*elsewhere, *new):
            connection.request("POST", path, "6")
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
    return statuses


def remove_all(folder: Path) -> None:
    shutil.rmtree(folder)


def remove_the_sockets(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("remove", [remove_all, remove_the_sockets])
def test_a_cleaner_of_temporary_files_breaks_no_session(
    server: EchoServer,
    session: RawPolling,
    elsewhere: list[HTTPConnection],
    remove: Callable[[Path], None],
) -> None:
    before = sockets(server.process.pid)
    folder = before[0].parent
    assert len(before) == 2

    remove(folder)

    wait_until(lambda: all(path.is_socket() for path in before), "the sockets are there again")
    assert post_all(server, session, elsewhere) == {200}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in before} == {0o600}
    wait_until(lambda: "hand-over mended" in server.process.output(), "it is in the log")


def test_requests_between_the_removal_and_the_mending_wait(
    server: EchoServer, session: RawPolling, elsewhere: list[HTTPConnection]
) -> None:
    shutil.rmtree(sockets(server.process.pid)[0].parent)

    assert post_all(server, session, elsewhere) == {200}


def test_a_process_that_begins_where_the_folder_was_removed_makes_it_again(
    tmp_path: Path,
) -> None:
    server = EchoServer(tmp_path, count=1)
    folder = sockets(server.process.pid)[0].parent
    [before] = workers(server.process.pid)

    os.kill(before, signal.SIGSTOP)  # it cannot make the folder again any more
    shutil.rmtree(folder)
    os.kill(before, signal.SIGKILL)

    wait_until(lambda: workers(server.process.pid) not in ([], [before]), "another has begun")
    with raw_polling(server.url) as session:
        assert post_all(server, session) == {200}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert server.stop() == 0
    assert "Traceback" not in server.process.output()


def test_a_process_begins_also_where_the_folder_is_somebody_else_s(tmp_path: Path) -> None:
    server = EchoServer(tmp_path, count=1)
    folder = sockets(server.process.pid)[0].parent
    [before] = workers(server.process.pid)

    os.kill(before, signal.SIGSTOP)
    shutil.rmtree(folder)
    with ExitStack() as stack:
        folder.symlink_to(tmp_path)
        stack.callback(folder.unlink)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: "hand-over broken" in server.process.output(), "it is in the log")
        with raw_polling(server.url) as session:
            assert post_all(server, session) == {200}
    wait_until(lambda: "hand-over mended" in server.process.output(), "it is in the log")
    assert server.stop() == 0
    assert "Traceback" not in server.process.output()


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    server: EchoServer, session: RawPolling, elsewhere: list[HTTPConnection], tmp_path: Path
) -> None:
    folder = sockets(server.process.pid)[0].parent
    target = tmp_path / "target"
    target.mkdir(mode=0o700)

    shutil.rmtree(folder)
    folder.symlink_to(target)
    wait_until(lambda: "hand-over broken" in server.process.output(), "it is in the log")

    assert list(target.iterdir()) == []
    folder.unlink()
    wait_until(lambda: len(list(folder.glob("*"))) == 2, "both are there again")
    assert post_all(server, session, elsewhere) == {200}


def test_readiness_says_that_the_hand_over_is_broken_until_it_is_mended(
    own_service: Callable[..., Service], tmp_path: Path
) -> None:
    service = own_service(WEB_CONCURRENCY="2")
    assert service.web is not None
    folder = sockets(service.web.pid)[0].parent

    def readiness() -> tuple[int, str, str]:
        answer = loopback.get(f"{service.url}/readyz", timeout=DEADLINE_SECONDS)
        body = answer.json()
        return answer.status_code, body["status"], body["handover"]

    wait_until(lambda: readiness() == (200, "ok", "ok"), "all is well")
    with ExitStack() as stack:
        shutil.rmtree(folder)
        folder.symlink_to(tmp_path)
        stack.callback(folder.unlink)
        wait_until(lambda: readiness() == (200, "degraded", "unavailable"), "it is said")
        doctor = service.flask("doctor")
        [said] = [line for line in doctor.stdout.splitlines() if line.startswith("WARN  web: ")]
        assert "handover unavailable" in said
        assert "status degraded" in said
    wait_until(lambda: readiness() == (200, "ok", "ok"), "all is well again")


def test_a_long_path_of_temporary_files_is_no_obstacle(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    server = EchoServer(tmp_path, count=2, TMPDIR=str(long))
    with raw_polling(server.url) as session:
        assert post_all(server, session) == {200}
    assert server.stop() == 0
