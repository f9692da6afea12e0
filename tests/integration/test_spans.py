"""Spans of OpenTelemetry: from a request to the fan-out of the event that it appended."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Response
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from sqlalchemy import select

from ordercast.events import Event
from ordercast.journal.tables import EVENTS
from tests.harness.application.tabs import Tab
from tests.harness.application.team import ALICE, BOB, TeamProcess
from tests.harness.processes.process import ROOT, environment
from tests.harness.servers.redis import RedisServer

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
STEPS = ["POST /move", "append parcel:moved", "sequence", "publish", "fan-out"]
Spans = Callable[[], dict[str, list[ReadableSpan]]]


class Moved(Event):
    event = "parcel:moved"

    id: str


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


@pytest.fixture
def process(
    database_url: str, redis_server: RedisServer, provider: TracerProvider
) -> Iterator[TeamProcess]:
    process = TeamProcess(database_url, redis_server, tracer_provider=provider)
    _add_views(process)
    yield process
    process.end()


def _add_views(process: TeamProcess) -> None:
    def move() -> str:
        with process.database.begin() as connection:
            process.cast.append(connection, "parcel:moved", {"id": "7"}, to="depot")
        return "moved"

    def move_several() -> str:
        with process.database.begin() as connection:
            process.cast.append_all(connection, [(Moved(id=id), "depot") for id in "789"])
        return "moved"

    def fail() -> Response:
        return Response(status=503)

    def outer() -> str:
        post(process, "/move")
        return "moved"

    process.app.add_url_rule("/outer", view_func=outer, methods=["POST"])
    process.app.add_url_rule("/move", view_func=move, methods=["POST"])
    process.app.add_url_rule("/several", view_func=move_several, methods=["POST"])
    process.app.add_url_rule("/fail", view_func=fail)


def recorded(exporter: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    spans: dict[str, list[ReadableSpan]] = {}
    for span in exporter.get_finished_spans():
        spans.setdefault(span.name, []).append(span)
    return spans


def names(tab: Tab) -> list[str]:
    """Of the events that the client got."""
    tab.read()
    return [name for name, _ in tab.got]


def post(process: TeamProcess, path: str, **headers: str) -> None:
    answer = process.app.test_client().post(path, headers=headers)
    assert answer.status_code == 200


def kept(process: TeamProcess) -> str | None:
    """What the row of the latest event keeps of its origin."""
    query = select(EVENTS.c.request_id).order_by(EVENTS.c.id.desc()).limit(1)
    with process.database.connect() as connection:
        return connection.scalar(query)


def test_a_request_is_one_trace_up_to_the_processes_that_have_a_receiver(
    process: TeamProcess,
    database_url: str,
    redis_server: RedisServer,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
) -> None:
    """The second process has no receiver."""
    second = TeamProcess(database_url, redis_server, tracer_provider=provider)
    tab = Tab(ALICE).connect(process, rooms=["depot"])
    Tab(BOB).connect(second, rooms=["elsewhere"])
    post(process, "/move", traceparent=TRACEPARENT)
    messages = process.sequence()
    process.hear(*messages)
    second.hear(*messages)
    second.end()
    assert names(tab) == ["parcel:moved"]
    spans = recorded(exporter)
    assert sorted(spans) == sorted(STEPS)
    parent_id = int(PARENT_ID, 16)
    for step in STEPS:
        [span] = spans[step]
        assert span.context.trace_id == int(TRACE_ID, 16)
        assert span.parent is not None
        assert span.parent.span_id == parent_id
        parent_id = span.context.span_id
    assert spans["POST /move"][0].attributes is not None
    assert spans["POST /move"][0].attributes["http.response.status_code"] == 200


def test_what_is_appended_at_once_is_one_span_of_each_step(
    process: TeamProcess, exporter: InMemorySpanExporter
) -> None:
    Tab(ALICE).connect(process, rooms=["depot"])
    post(process, "/several")
    post(process, "/move")
    process.hear(*process.sequence())
    spans = recorded(exporter)
    counts = [span.attributes and span.attributes["ordercast.events"] for span in spans["fan-out"]]
    assert counts == [3, 1]
    assert len({span.context.trace_id for span in spans["sequence"]}) == 2


def test_the_id_of_the_request_stays_what_it_was(
    process: TeamProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """Also the longest, and one that looks like a path."""
    for id in ("scan-991", "a/b", "x" * 128):
        post(process, "/move", **{"X-Request-ID": id})
        assert (kept(process) or "").startswith(f"{id}/00-")
        with caplog.at_level(logging.INFO):
            process.sequence()
        assert caplog.records[-1].__dict__["requests"] == [id]
        [row] = process.service.journal.latest_rows(["depot"], limit=1)
        assert row.request_id == id


def test_a_trace_that_is_not_sampled_is_carried_and_not_recorded(
    database_url: str, redis_server: RedisServer, exporter: InMemorySpanExporter
) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    process = TeamProcess(database_url, redis_server, tracer_provider=provider)
    _add_views(process)
    tab = Tab(ALICE).connect(process, rooms=["depot"])
    post(process, "/move", traceparent=TRACEPARENT)
    assert f"/00-{TRACE_ID}-" in (kept(process) or "")
    process.hear(*process.sequence())
    process.end()
    assert names(tab) == ["parcel:moved"]
    assert recorded(exporter) == {}


def test_a_span_of_the_teams_own_comes_before_and_no_request_is_recorded_twice(
    process: TeamProcess, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    with provider.get_tracer("team").start_as_current_span("of the team") as own:
        post(process, "/move")
    spans = recorded(exporter)
    assert sorted(spans) == ["append parcel:moved", "of the team"]
    [appended] = spans["append parcel:moved"]
    assert appended.parent is not None
    assert appended.parent.span_id == own.get_span_context().span_id
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_request_within_a_request_ends_neither_its_span_nor_its_trace(
    process: TeamProcess, exporter: InMemorySpanExporter
) -> None:
    post(process, "/outer", traceparent=TRACEPARENT, tracestate="vendor=1")
    spans = [span for found in recorded(exporter).values() for span in found]
    assert [span.name for span in spans] == ["append parcel:moved", "POST /outer"]
    assert {span.context.trace_id for span in spans} == {int(TRACE_ID, 16)}
    assert spans[-1].context.trace_state.get("vendor") == "1"


def test_a_failure_is_marked_and_what_is_appended_outside_of_any_span_is_not_recorded(
    process: TeamProcess, exporter: InMemorySpanExporter
) -> None:
    assert process.app.test_client().get("/fail").status_code == 503
    process.happen("depot")
    [failed] = recorded(exporter)["GET /fail"]
    assert not failed.status.is_ok
    assert list(recorded(exporter)) == ["GET /fail"]
    assert kept(process) is None


def test_a_process_without_a_provider_takes_messages_with_traces(
    process: TeamProcess, database_url: str, redis_server: RedisServer
) -> None:
    plain = TeamProcess(database_url, redis_server)
    assert plain.service.journal.spans is None
    tab = Tab(ALICE).connect(plain, rooms=["depot"])
    post(process, "/move")
    plain.hear(*process.sequence())
    plain.end()
    assert names(tab) == ["parcel:moved"]


def test_the_provider_of_the_process_counts_if_there_is_one_and_none_is_loaded() -> None:
    """In a process of its own: a provider is set once."""
    script = """
import sys
from ordercast.spans import configured
assert configured() is None
assert not any(name.startswith("opentelemetry") for name in sys.modules)
from opentelemetry import trace
assert configured() is None
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
assert configured() is not None
"""
    env = environment(PYTHONPATH=str(Path(sys.prefix, "otel")))
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, check=True, timeout=60)
