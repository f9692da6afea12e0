"""/api/admin/users."""

import secrets
from typing import Any

from flask import Blueprint
from pydantic import ValidationError

from app.accounts import administration, issuers, queries
from app.accounts.administration import Person
from app.accounts.details import NewPassword
from app.accounts.errors import AccountNotFound, LocalAccountsOff, OwnAccount, TooBusy
from app.accounts.models import Role, User
from app.accounts.tokens import Identity
from app.accounts.wire import AdministeredUserView, EndedSessionsView, NewPasswordView
from app.http.bodies import ChangePassword, ChangeRole, SearchPage
from app.http.errors import ValidationFailed
from app.http.operation import operation
from app.http.paging import InvalidCursor, page
from ordercast import complaints_of

blueprint = Blueprint("admin_users", __name__, url_prefix="/api/admin/users")
ADMIN = {Role.ADMIN}
MADE_BYTES = 12  # of a password


@blueprint.get("")
@operation(
    "Accounts, newest first.",
    roles=ADMIN,
    query=SearchPage,
    answer=AdministeredUserView,
    many="users",
    errors=(InvalidCursor,),
)
def list_users(caller: Identity, query: SearchPage) -> dict[str, Any]:
    """?q&limit&cursor -> 200 {users, nextCursor}; `q`: part of the address or the name, or an
    id."""
    users, following = page(
        queries.users(query.q),
        User.id,
        AdministeredUserView,
        cursor=query.cursor,
        limit=query.limit,
    )
    return {"users": users, "nextCursor": following}


@blueprint.post("/<path:user_id>/disable")
@operation(
    "Keep a user out: no login, refresh or token, and the connections are closed.",
    roles=ADMIN,
    answer=EndedSessionsView,
    errors=(AccountNotFound, OwnAccount),
)
def disable(caller: Identity, user_id: str) -> dict[str, Any]:
    """-> 200 {sessionsEnded} | 404 | 409 own_account."""
    ended = administration.disable(_known(user_id), by=caller.user_id)
    return EndedSessionsView(sessions_ended=ended).wire()


@blueprint.post("/<path:user_id>/enable")
@operation("Let a disabled user in again.", roles=ADMIN, status=204, errors=(AccountNotFound,))
def enable(caller: Identity, user_id: str) -> None:
    """-> 204, also for a user who is not disabled | 404."""
    administration.enable(_known(user_id), by=caller.user_id)


@blueprint.put("/<path:user_id>/role")
@operation(
    "Give an account another role; its clients refresh their tokens at once.",
    roles=ADMIN,
    body=ChangeRole,
    status=204,
    errors=(LocalAccountsOff, AccountNotFound, OwnAccount),
)
def change_role(caller: Identity, user_id: str, body: ChangeRole) -> None:
    """{role} -> 204 | 403 | 404 | 409 own_account."""
    issuers.require_local_accounts()
    administration.change_role(_account(user_id), body.role, by=caller.user_id)


@blueprint.put("/<path:user_id>/password")
@operation(
    "Give an account another password, and end its login sessions.",
    roles=ADMIN,
    body=ChangePassword,
    answer=NewPasswordView,
    errors=(LocalAccountsOff, AccountNotFound, TooBusy),
)
def change_password(caller: Identity, user_id: str, body: ChangePassword) -> dict[str, Any]:
    """{password?} -> 200 {password, sessionsEnded} | 403 | 404 | 422 | 503. Without a password one
    is made, and the answer has it."""
    issuers.require_local_accounts()
    account = _account(user_id)
    made = None if body.password else secrets.token_urlsafe(MADE_BYTES)
    password = _acceptable(account, body.password or made or "")
    ended = administration.change_password(account, password, by=caller.user_id)
    return NewPasswordView(password=made, sessions_ended=ended).wire()


@blueprint.post("/<path:user_id>/revoke")
@operation(
    "Refuse every token that a user was issued until now, and close the user's connections.",
    roles=ADMIN,
    answer=EndedSessionsView,
    errors=(AccountNotFound,),
)
def revoke(caller: Identity, user_id: str) -> dict[str, Any]:
    """-> 200 {sessionsEnded} | 404."""
    ended = administration.revoke(_person(user_id), by=caller.user_id)
    return EndedSessionsView(sessions_ended=ended).wire()


@blueprint.post("/<path:user_id>/disconnect")
@operation(
    "Close the connections that a user has now; the tokens stay good.",
    roles=ADMIN,
    status=204,
    errors=(AccountNotFound,),
)
def disconnect(caller: Identity, user_id: str) -> None:
    """-> 204 | 404."""
    administration.disconnect(_person(user_id), by=caller.user_id)


def _person(user_id: str) -> Person:
    """Anybody whom a token can name: connecting needs no account here. Raises AccountNotFound."""
    person = administration.find(user_id)
    if person is None:
        raise AccountNotFound
    return person


def _account(user_id: str) -> Person:
    person = _person(user_id)
    if person.email is None:
        raise AccountNotFound
    return person


def _known(user_id: str) -> Person:
    """An account, or a user of another issuer, who needs none here. Raises AccountNotFound."""
    return _account(user_id) if issuers.has_local_accounts() else _person(user_id)


def _acceptable(account: Person, password: str) -> str:
    try:
        return NewPassword(email=account.email or "", password=password).password
    except ValidationError as exc:
        raise ValidationFailed("The request is not valid.", complaints_of(exc)) from None
