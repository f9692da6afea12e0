"""The marketplace's steps of the background worker."""

from flask import Flask, current_app

from app.config import Settings
from app.extension import cast
from app.orders.expiry import expire_once
from app.pruning import prune_once

EXPIRE_SECONDS = 5.0
PRUNE_SECONDS = 60.0


def init_app(_app: Flask) -> None:
    cast.step(seconds=EXPIRE_SECONDS)(expire_orders)
    cast.step(seconds=PRUNE_SECONDS)(prune_accounts)


def expire_orders() -> bool:
    """Cancel orders that stayed pending for too long."""
    settings: Settings = current_app.config["SETTINGS"]
    return expire_once(settings.PENDING_MINUTES)


def prune_accounts() -> bool:
    """Delete expired idempotency keys, login sessions and login attempts."""
    return prune_once()
