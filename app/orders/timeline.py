"""The timeline of an order: what happened to it, when, and by whom."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.db import row_id
from app.events import Moment, Status
from app.orders.models import Order, OrderMove
from app.orders.movers import MoverKind
from ordercast import Wire


class By(Wire):
    kind: MoverKind
    id: str | None  # of the user; null: `expiry`, which is none
    name: str | None  # null: also a user without an account here


class Move(Wire):
    version: int  # of the order, from 1, its placing
    status: Status
    at: Moment
    by: By | None  # null: moved before moves were kept


class Timeline(Wire):
    moves: list[Move]  # the earliest first


def timeline_of(session: Session, order: Order) -> list[Move]:
    """From its placing to its present status. What was moved before moves were kept, or by a
    process of the release before, is missing but for the latest of it."""
    placed = By(kind=MoverKind.CUSTOMER, id=str(order.user.id), name=order.user.name)
    moves = [Move(version=1, status=Status.PENDING, at=order.created_at, by=placed)]
    kept = session.scalars(
        select(OrderMove)
        .where(OrderMove.order_id == order.id, OrderMove.version <= order.version)
        .order_by(OrderMove.version)
    ).all()
    names = _names(session, kept)
    moves += [
        Move(
            version=move.version,
            status=Status(move.status),
            at=move.created_at,
            by=_by(move, names),
        )
        for move in kept
    ]
    if moves[-1].version < order.version:
        status = Status(order.status)
        moves.append(Move(version=order.version, status=status, at=order.updated_at, by=None))
    return moves


def _by(move: OrderMove, names: Mapping[str | None, str]) -> By | None:
    if move.mover is None:
        return None
    return By(kind=MoverKind(move.mover), id=move.user_id, name=names.get(move.user_id))


def _names(session: Session, moves: Sequence[OrderMove]) -> dict[str | None, str]:
    """{user id: name} of those with an account."""
    ids = {row_id(move.user_id) for move in moves if move.user_id} - {None}
    if not ids:
        return {}
    found = session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {str(user_id): name for user_id, name in found}
