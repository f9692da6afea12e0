"""Spans of OpenTelemetry, from a request to the fan-out of its events: the extra `otel`.

carried.py     the trace context of an event, on its row and in the message to the web processes
recording.py   the spans, each at its step; the only module that loads OpenTelemetry

    request ─ append ┄ row ┄ sequence ─ publish ┄ Redis ┄ fan-out, in each process with a receiver
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ordercast.spans.recording import Spans

API = "opentelemetry.trace"


def configured(provider: Any = None) -> "Spans | None":
    """The spans of this tracer provider, or of the process's own; None without any: nothing is
    asked again for an event. Whatever sets a provider has loaded the API."""
    api = sys.modules.get(API)
    if provider is None and api is not None:
        provider = api.get_tracer_provider()
        if isinstance(provider, api.ProxyTracerProvider | api.NoOpTracerProvider):
            return None
    if provider is None:
        return None
    from ordercast.spans.recording import Spans

    return Spans(provider.get_tracer("ordercast"))
