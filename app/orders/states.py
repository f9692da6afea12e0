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

# Moves that the customer may make; all others are the seller's or an admin's.
CUSTOMER_MOVES = frozenset({(Status.PENDING, Status.CANCELLED)})

# Statuses whose entry puts the items back into stock.
RESTOCKS = frozenset({Status.CANCELLED, Status.REFUNDED})
