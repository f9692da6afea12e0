"""/api/products: read by every user, written by the owning seller."""

from typing import Any

from flask import Blueprint, Response, current_app

from app.accounts.errors import AccountRequired
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog import queries, service
from app.catalog.errors import OutOfStock, ProductNotFound, StockTooLarge
from app.catalog.models import Product
from app.catalog.wire import ProductView
from app.http.bodies import AdjustStock, CreateProduct, ProductPage, UpdateProduct
from app.http.operation import operation
from app.http.pages import YEAR_SECONDS
from app.http.paging import InvalidCursor, page
from app.once import Once

blueprint = Blueprint("products", __name__, url_prefix="/api/products")


@blueprint.get("")
@operation(
    "Products, newest first.",
    query=ProductPage,
    answer=ProductView,
    many="products",
    errors=(InvalidCursor,),
)
def list_products(caller: Identity, query: ProductPage) -> dict[str, Any]:
    """?sellerId&ids=1,2&limit&cursor -> 200 {products, nextCursor}."""
    offered = queries.products(caller, seller_id=query.seller_id, ids=query.ids)
    products, following = page(
        offered, Product.id, ProductView, cursor=query.cursor, limit=query.limit
    )
    return {"products": products, "nextCursor": following}


@blueprint.post("")
@operation(
    "Offer a product.",
    roles={Role.SELLER},
    body=CreateProduct,
    answer=ProductView,
    status=201,
    errors=(AccountRequired,),
    idempotent=True,
)
def create_product(caller: Identity, body: CreateProduct, once: Once | None) -> dict[str, Any]:
    """{name, priceCents, currency?, stock?, lowStockThreshold?, hidden?} -> 201 product."""
    return service.create_product(caller, **body.model_dump(), once=once)


@blueprint.patch("/<product_id>")
@operation(
    "Change a product.",
    roles={Role.SELLER},
    body=UpdateProduct,
    answer=ProductView,
    errors=(ProductNotFound,),
)
def update_product(caller: Identity, product_id: str, body: UpdateProduct) -> dict[str, Any]:
    """{name?, priceCents?, lowStockThreshold?, hidden?, picture?} -> 200 product | 404."""
    return service.update_product(caller, product_id, body.model_dump(exclude_unset=True))


@blueprint.get("/<product_id>/picture")
@operation(
    "A product's picture.",
    public="an img element sends no token",
    media_type="image/*",
    errors=(ProductNotFound,),
)
def get_picture(product_id: str) -> Response:
    """-> 200, the image | 404."""
    picture = queries.picture(product_id)
    response = current_app.response_class(picture.data, mimetype=picture.content_type)
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@blueprint.post("/<product_id>/stock")
@operation(
    "Change the stock by a delta, or set it.",
    roles={Role.SELLER},
    body=AdjustStock,
    answer=ProductView,
    errors=(ProductNotFound, OutOfStock, StockTooLarge),
    idempotent=True,
)
def adjust_stock(
    caller: Identity, product_id: str, body: AdjustStock, once: Once | None
) -> dict[str, Any]:
    """{delta} or {stock} -> 200 product | 404 | 409 out_of_stock."""
    return service.adjust_stock(caller, product_id, delta=body.delta, stock=body.stock, once=once)
