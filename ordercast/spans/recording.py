"""Recording a span at each step of an event. What a sampler has left out is not recorded, and its
context is carried all the same."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from flask import Flask, Response, request
from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ordercast.request_ids import current_request_id
from ordercast.spans.carried import Traced, origin

PROPAGATOR = TraceContextTextMapPropagator()
KEPT = "ordercast.span"  # in the environ: the request's span, and the token of its context
EVENT, COUNT, POSITION = "ordercast.event", "ordercast.events", "ordercast.position"
SERVER_ERROR = 500


class Spans:
    """The spans of one tracer."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def init_app(self, app: Flask) -> None:
        """Record each request, unless an instrumentation of the application's does."""
        app.before_request(self._begin_request)
        app.after_request(_note_answer)
        app.teardown_request(_end_request)

    def origin(self, request_id: Callable[[], str | None], name: str) -> str | None:
        """Record that an event of this name is appended -> what its row keeps of its origin:
        outside of any span, the request's id alone."""
        if not trace.get_current_span().get_span_context().is_valid:
            return request_id()
        span = self._tracer.start_span(f"append {name}", kind=SpanKind.PRODUCER)
        span.set_attribute(EVENT, name)
        span.end()
        return origin(request_id(), _traceparent(span))

    @contextmanager
    def sequenced(self, events: Sequence[Traced], began_ns: int) -> Iterator[list[Traced]]:
        """Record that events got their positions since `began_ns`, by the clock of time.time_ns(),
        and that the block publishes them -> the same events, with what their receivers go on
        from."""
        publishing: dict[str, Span] = {}
        for traceparent, positions in _by_parent(events):
            span = self._child("sequence", traceparent, positions, SpanKind.CONSUMER, began_ns)
            span.end()
            publishing[traceparent] = self._child(
                "publish", _traceparent(span), positions, SpanKind.PRODUCER
            )
        try:
            yield [
                Traced(position, _traceparent(publishing[traceparent]))
                for position, traceparent in events
            ]
        finally:
            for span in publishing.values():
                span.end()

    @contextmanager
    def fanned_out(self, events: Sequence[Traced]) -> Iterator[None]:
        """Record that the block hands events to the clients of this process."""
        spans = [
            self._child("fan-out", traceparent, positions, SpanKind.CONSUMER)
            for traceparent, positions in _by_parent(events)
        ]
        try:
            yield
        finally:
            for span in spans:
                span.end()

    def _child(
        self,
        name: str,
        traceparent: str,
        positions: Sequence[int],
        kind: SpanKind,
        began_ns: int | None = None,
    ) -> Span:
        return self._tracer.start_span(
            name,
            PROPAGATOR.extract({"traceparent": traceparent}, context.Context()),
            kind,
            {COUNT: len(positions), POSITION: positions[0]},
            start_time=began_ns or time.time_ns(),
        )

    def _begin_request(self) -> None:
        if trace.get_current_span().get_span_context().is_valid:
            return
        rule = request.url_rule.rule if request.url_rule else None
        span = self._tracer.start_span(
            f"{request.method} {rule or ''}".rstrip(),
            PROPAGATOR.extract({name: request.headers.get(name, "") for name in PROPAGATOR.fields}),
            SpanKind.SERVER,
            {
                "http.request.method": request.method,
                "http.route": rule or "",
                "ordercast.request_id": current_request_id() or "",
            },
        )
        request.environ[KEPT] = (span, context.attach(trace.set_span_in_context(span)))


def _note_answer(response: Response) -> Response:
    if KEPT in request.environ:
        span, _ = request.environ[KEPT]
        span.set_attribute("http.response.status_code", response.status_code)
        if response.status_code >= SERVER_ERROR:
            span.set_status(StatusCode.ERROR)
    return response


def _end_request(_error: BaseException | None) -> None:
    if KEPT in request.environ:
        span, token = request.environ.pop(KEPT)
        context.detach(token)
        span.end()


def _by_parent(events: Iterable[Traced]) -> Iterable[tuple[str, list[int]]]:
    """(traceparent, positions): what one request appended at once is one span."""
    found: dict[str, list[int]] = {}
    for position, traceparent in events:
        found.setdefault(traceparent, []).append(position)
    return found.items()


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier, trace.set_span_in_context(span, context.Context()))
    return carrier["traceparent"]
