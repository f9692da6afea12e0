"""/api/orders."""

from typing import Any

from flask import Blueprint

from app import events
from app.accounts.errors import AccountRequired
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog.errors import OutOfStock
from app.http.bodies import ChangeStatus, OrderPage, PlaceOrder
from app.http.operation import operation
from app.http.paging import InvalidCursor, page
from app.once import Once
from app.orders import errors, queries, service
from app.orders.models import Order
from app.orders.timeline import Timeline

blueprint = Blueprint("orders", __name__, url_prefix="/api/orders")


@blueprint.post("")
@operation(
    "Place an order with one seller.",
    roles={Role.CUSTOMER},
    body=PlaceOrder,
    answer=events.Order,
    status=201,
    errors=(
        OutOfStock,
        errors.UnknownProduct,
        errors.SeveralSellers,
        errors.SeveralCurrencies,
        errors.OrderTooLarge,
        AccountRequired,
    ),
    idempotent=True,
)
def place_order(caller: Identity, body: PlaceOrder, once: Once | None) -> dict[str, Any]:
    """{items: [{productId, quantity}]} -> 201 order | 409 out_of_stock | 422."""
    return service.place_order(caller, body.quantities(), once=once)


@blueprint.get("")
@operation(
    "My orders, bought or sold, newest first.",
    query=OrderPage,
    answer=events.Order,
    many="orders",
    errors=(InvalidCursor,),
)
def list_orders(caller: Identity, query: OrderPage) -> dict[str, Any]:
    """?status,...&placedFrom&placedBefore&q&limit&cursor -> 200 {orders, nextCursor}."""
    mine = queries.orders(
        caller,
        statuses=query.status,
        placed_from=query.placed_from,
        placed_before=query.placed_before,
        words=query.q.split(),
    )
    orders, following = page(mine, Order.id, events.Order, cursor=query.cursor, limit=query.limit)
    return {"orders": orders, "nextCursor": following}


@blueprint.get("/<order_id>")
@operation("One order.", answer=events.Order, errors=(errors.OrderNotFound,))
def get_order(caller: Identity, order_id: str) -> dict[str, Any]:
    """-> 200 order | 404, also for another user's."""
    return queries.order(caller, order_id)


@blueprint.get("/<order_id>/timeline")
@operation(
    "What happened to an order: when, and by whom.",
    answer=Timeline,
    errors=(errors.OrderNotFound,),
)
def get_timeline(caller: Identity, order_id: str) -> dict[str, Any]:
    """-> 200 {moves: [{version, status, at, by: {kind, id, name} | null}]} | 404."""
    return queries.timeline(caller, order_id)


@blueprint.patch("/<order_id>/status")
@operation(
    "Move an order to another status.",
    body=ChangeStatus,
    answer=events.Order,
    errors=(
        errors.OrderNotFound,
        errors.MoveForbidden,
        errors.InvalidTransition,
        errors.VersionConflict,
    ),
)
def change_status(caller: Identity, order_id: str, body: ChangeStatus) -> dict[str, Any]:
    """{status, version?} -> 200 order | 403 | 404 | 409 invalid_transition or version_conflict."""
    return service.change_status(caller, order_id, body.status, version=body.version)
