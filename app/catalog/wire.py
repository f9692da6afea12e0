"""Products as the API shows them."""

from pydantic import AwareDatetime

from app.events import Person
from ordercast import Wire


class ProductView(Wire):
    id: str
    name: str
    price_cents: int
    currency: str
    stock: int
    low_stock_threshold: int  # falling to it sends inventory:low-stock
    seller: Person
    created_at: AwareDatetime
    updated_at: AwareDatetime
