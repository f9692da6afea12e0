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
    hidden: bool  # offered to nobody, and seen by its seller only
    picture_url: str | None  # a path of this service; no token is needed
    seller: Person
    created_at: AwareDatetime
    updated_at: AwareDatetime
