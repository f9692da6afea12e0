"""Expiry: orders that stay pending too long are cancelled, and return their stock."""

import logging
from datetime import timedelta

from app.orders import service

logger = logging.getLogger(__name__)


def expire_once(pending_minutes: float) -> bool:
    """Cancel a batch of orders that stayed pending too long. Returns whether there may be more."""
    if not pending_minutes:
        return False
    seen = service.cancel_expired(timedelta(minutes=pending_minutes))
    if seen:
        logger.info("expired orders cancelled", extra={"count": seen})
    return seen == service.EXPIRY_BATCH
