"""Demo data: a few accounts and products to try the service with. Safe to repeat."""

from ipaddress import ip_address
from typing import Any

from sqlalchemy import exists, select

from app.accounts import passwords, service
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


class DemoRefused(Exception):
    """The demo accounts, whose password is public, do not belong in this database."""

    code = "demo_refused"


def check_place() -> None:
    """Raises DemoRefused when demo accounts would be added beside real ones, or to a database on
    another machine. Passes when all of them exist already: none is added."""
    if len(_people()) == len(PEOPLE):
        return
    if others():
        raise DemoRefused("The database holds accounts that are not the demo's.")
    server: Any = db.session.connection().connection.driver_connection
    if db.engine.dialect.name == "postgresql" and is_elsewhere(server.info.hostaddr):
        raise DemoRefused(f"The database is on another machine, {server.info.host}.")


def is_elsewhere(address: str) -> bool:
    """Whether the server that answered is on another machine. The URL does not tell: it may name
    several hosts, or none. A Unix socket has no address."""
    return bool(address) and not ip_address(address.partition("%")[0]).is_loopback


def others() -> bool:
    """Whether there is an account that is not the demo's."""
    known = [email for email, _, _ in PEOPLE]
    return bool(db.session.scalar(select(exists().where(User.email.not_in(known)))))


def open_accounts() -> list[User]:
    """The demo accounts that still have the public password."""
    return [
        user for user in _people() if passwords.check_password(user.password_hash, PASSWORD).fits
    ]


def make() -> list[User]:
    """Make the missing accounts and products -> the demo accounts."""
    known = {user.email for user in _people()}
    for email, name, role in PEOPLE:
        if email not in known:
            service.register_user(email=email, password=PASSWORD, name=name, role=role)
    sellers = {user.email: user.id for user in _people()}
    with transaction() as session:
        rows = session.execute(select(Product.seller_id, Product.name))
        offered = {(seller_id, name) for seller_id, name in rows}
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
