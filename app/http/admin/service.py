"""/api/admin/service and /api/admin/connections: how it runs, and for whom."""

from typing import Any

from flask import Blueprint

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.http.bodies import ConnectionsPage
from app.http.operation import operation
from app.http.paging import InvalidCursor
from app.operations import queries
from app.operations.wire import ConnectionView, ServiceView
from ordercast import LedgerUnavailable

blueprint = Blueprint("admin_service", __name__, url_prefix="/api/admin")


@blueprint.get("/service")
@operation("Processes, workers, and what waits for them.", roles={Role.ADMIN}, answer=ServiceView)
def get_service(caller: Identity) -> dict[str, Any]:
    """-> 200 {status, checks, head, processes, workers, ...}; what does not answer is null."""
    return queries.service()


@blueprint.get("/connections")
@operation(
    "Open connections of all processes, the oldest first.",
    roles={Role.ADMIN},
    query=ConnectionsPage,
    answer=ConnectionView,
    many="connections",
    counted=True,
    errors=(InvalidCursor, LedgerUnavailable),
)
def list_connections(caller: Identity, query: ConnectionsPage) -> dict[str, Any]:
    """?user&address&limit&cursor -> 200 {connections, total, nextCursor} | 503; `user`: an id or
    an e-mail address."""
    try:
        return queries.connections(
            user=query.user or None,
            address=query.address or None,
            after=query.cursor,
            limit=query.limit,
        )
    except ValueError as exc:
        raise InvalidCursor from exc
