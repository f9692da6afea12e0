"""The moves of an order, as tables."""

from app.events import Status

NEXT: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.CONFIRMED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.PROCESSING, Status.CANCELLED}),
    Status.PROCESSING: frozenset({Status.SHIPPED, Status.CANCELLED}),
    Status.SHIPPED: frozenset({Status.DELIVERED}),
    Status.DELIVERED: frozenset({Status.REFUNDED}),
    Status.CANCELLED: frozenset(),
    Status.REFUNDED: frozenset(),
}

# What the customer may do alone; everything else is the seller's or an admin's.
CUSTOMER_MOVES = frozenset({(Status.PENDING, Status.CANCELLED)})

# Reaching one of these puts the items back into stock.
RESTOCKS = frozenset({Status.CANCELLED, Status.REFUNDED})
