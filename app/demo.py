"""Demo data: a few people and products to try the service with. Safe to make again."""

from sqlalchemy import select

from app.accounts import service
from app.accounts.guessing import DEMO_PASSWORD
from app.accounts.models import Role, User
from app.catalog.models import Product
from app.db import db, transaction

PASSWORD = DEMO_PASSWORD

PEOPLE = (
    ("alice@example.com", "Alice", Role.CUSTOMER),
    ("charlie@example.com", "Charlie", Role.CUSTOMER),
    ("bob@example.com", "Bob's Teas", Role.SELLER),
    ("dora@example.com", "Dora's Pots", Role.SELLER),
    ("admin@example.com", "Admin", Role.ADMIN),
)
PRODUCTS = (  # seller, name, price in cents, stock, low-stock threshold
    ("bob@example.com", "Assam, 250 g", 890, 6, 5),
    ("bob@example.com", "Sencha, 100 g", 1250, 40, 5),
    ("bob@example.com", "Earl Grey, 20 bags", 450, 120, 10),
    ("dora@example.com", "Teapot, cast iron", 5900, 12, 3),
    ("dora@example.com", "Cup, celadon", 1800, 60, 10),
)


def make() -> list[User]:
    """Make what is missing -> the demo accounts."""
    known = {user.email for user in _people()}
    for email, name, role in PEOPLE:
        if email not in known:
            service.register_user(email=email, password=PASSWORD, name=name, role=role)
    sellers = {user.email: user.id for user in _people()}
    with transaction() as session:
        offered = set(session.execute(select(Product.seller_id, Product.name)).tuples())
        for email, name, price_cents, stock, threshold in PRODUCTS:
            if (sellers[email], name) not in offered:
                session.add(
                    Product(
                        seller_id=sellers[email],
                        name=name,
                        price_cents=price_cents,
                        currency="EUR",
                        stock=stock,
                        low_stock_threshold=threshold,
                    )
                )
    return _people()


def _people() -> list[User]:
    emails = [email for email, _, _ in PEOPLE]
    return list(db.session.scalars(select(User).where(User.email.in_(emails)).order_by(User.id)))
