"""/api/admin/audit."""

from typing import Any

from flask import Blueprint
from pydantic import AwareDatetime
from sqlalchemy import select

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.audit import Action, AuditEntry
from app.http.bodies import Page
from app.http.operation import operation
from app.http.paging import InvalidCursor, page
from ordercast import Wire

blueprint = Blueprint("admin_audit", __name__, url_prefix="/api/admin/audit")


class AuditView(Wire):
    id: str
    created_at: AwareDatetime
    user_id: str | None  # null: a command on the server
    action: Action
    target: str
    detail: str | None
    request_id: str | None


@blueprint.get("")
@operation(
    "What administrators did, the latest first.",
    roles={Role.ADMIN},
    query=Page,
    answer=AuditView,
    many="entries",
    errors=(InvalidCursor,),
)
def list_entries(caller: Identity, query: Page) -> dict[str, Any]:
    """?limit&cursor -> 200 {entries, nextCursor}."""
    entries, following = page(
        select(AuditEntry), AuditEntry.id, AuditView, cursor=query.cursor, limit=query.limit
    )
    return {"entries": entries, "nextCursor": following}
