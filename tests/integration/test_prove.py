"""`flask ordercast prove` hurts nobody without consent, no process but the one that answered, and
leaves none frozen."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from ordercast import roll
from ordercast.broker import Broker
from ordercast.proof.endpoint import Endpoint
from ordercast.proof.processes import NotSignalled, frozen, kill
from ordercast.roll import Kind, Process
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

NOWHERE = "http://127.0.0.1:9"
FREEZING = """
import sys
from ordercast.proof.processes import frozen
from ordercast.roll import Kind, Process, started
pid = int(sys.argv[1])
with frozen(Process(Kind.WORKER, "", pid, started(pid))):
    print("frozen", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def as_answered(process: subprocess.Popen[bytes]) -> Process:
    return Process(Kind.WORKER, roll.this_host(), process.pid, roll.started(process.pid))


def state(process: subprocess.Popen[bytes]) -> str:
    """`S` for one that sleeps, `T` for one that is stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_frozen_process_goes_on_after_the_block_also_when_that_raises(
    victim: subprocess.Popen[bytes],
) -> None:
    def fail() -> None:
        with frozen(as_answered(victim)):
            wait_until(lambda: state(victim) == "T", "it is frozen")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    wait_until(lambda: state(victim) == "S", "it goes on")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_frozen_process_goes_on_when_the_command_is_killed(
    victim: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    command = [sys.executable, "-c", FREEZING, str(victim.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as freezing:
        assert freezing.stdout is not None
        assert freezing.stdout.readline() == b"frozen\n"
        wait_until(lambda: state(victim) == "T", "it is frozen")
        freezing.send_signal(number)
        freezing.wait()
    wait_until(lambda: state(victim) == "S", "it goes on")


def test_another_process_that_has_the_pid_now_is_not_hit(victim: subprocess.Popen[bytes]) -> None:
    ended = replace(as_answered(victim), started=1)
    with pytest.raises(NotSignalled, match="another process has its pid"):
        kill(ended)
    with pytest.raises(NotSignalled), frozen(ended):
        raise AssertionError("it was frozen")
    assert victim.poll() is None
    wait_until(lambda: state(victim) == "S", "it waits, and is not frozen")


def test_a_process_of_another_program_is_not_hit() -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        with pytest.raises(NotSignalled, match="does not run the Python"):
            kill(as_answered(other))
        assert other.poll() is None
        other.kill()


def test_a_process_that_answered_is_killed(victim: subprocess.Popen[bytes]) -> None:
    kill(as_answered(victim))
    assert victim.wait() == -signal.SIGKILL


def test_a_process_answers_a_roll_call_with_its_pid_and_clients(redis_server: RedisServer) -> None:
    broker = Broker(redis_server.url, "roll-call-test")
    assert roll.call(broker) == []
    found: list[Process] = []
    asking = threading.Thread(target=lambda: found.extend(roll.call(broker)))
    web = roll.Answering(
        broker, Kind.WEB, clients=lambda: 7, start=lambda answer, *given: answer(*given)
    )
    with broker.connect() as client, client.pubsub() as pubsub:
        pubsub.subscribe(broker.roll_channel)
        pubsub.get_message(timeout=DEADLINE_SECONDS)
        asking.start()
        question = pubsub.get_message(timeout=DEADLINE_SECONDS)
        assert question is not None
        web.receive(question["data"])
    asking.join()
    pid = os.getpid()
    assert found == [Process(Kind.WEB, roll.this_host(), pid, roll.started(pid), 7)]


def test_without_consent_nothing_begins(app: Flask) -> None:
    done = app.test_cli_runner().invoke(
        args=["ordercast", "prove", "--staging", NOWHERE, "--faults"], input="n\n"
    )
    assert done.exit_code == 1
    assert "Kill and freeze them?" in done.output
    assert "Aborted" in done.output


@pytest.mark.parametrize("url", ["staging.example.org", "ftp://staging.example.org", "http://"])
def test_what_is_no_url_is_refused(app: Flask, url: str) -> None:
    done = app.test_cli_runner().invoke(args=["ordercast", "prove", "--staging", url])
    assert done.exit_code == 2
    assert "is no URL of a service" in done.output


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("garbage\n", "a user is refused: "),
        ('{"token": "garbage"}\n', "a user is refused: "),
        ('{"token"\n', "a line is no JSON object: "),
        ("\n\n", "the file has no line"),
    ],
)
def test_users_who_cannot_connect_are_told(app: Flask, lines: str, told: str) -> None:
    done = app.test_cli_runner().invoke(
        args=["ordercast", "prove", "--staging", NOWHERE, "--auth", "-"], input=lines
    )
    assert done.exit_code == 1
    assert done.output.startswith(f"nobody_connects: {told}")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:8000", Endpoint("127.0.0.1", 8000, False, "/socket.io/")),
        ("https://staging.example.org", Endpoint("staging.example.org", 443, True, "/socket.io/")),
        ("https://[::1]:8443/shop/", Endpoint("::1", 8443, True, "/shop/socket.io/")),
    ],
)
def test_the_path_of_socket_io_is_below_that_of_the_url(url: str, endpoint: Endpoint) -> None:
    assert Endpoint.of(url, "socket.io") == endpoint
