"""Telling Redis, each second, how far this process has come in the journal.

Sequencers remember it too; a web process still knows when Redis was emptied and every worker was
restarted.
"""

import logging
import time

import redis

from ordercast.broker import reason
from ordercast.journal import Marks
from ordercast.live.follower import Follower

logger = logging.getLogger(__name__)
MARK_SECONDS = 1.0


def keep_marked(follower: Follower, marks: Marks) -> None:
    """Tell Redis, for ever; a background task."""
    while True:
        journal, position = follower.reached()
        if journal:
            marks.note(journal, position)
            try:
                marks.share(journal)
            except redis.RedisError as exc:
                logger.debug("the journal's mark was not written", extra={"error": reason(exc)})
        time.sleep(MARK_SECONDS)
