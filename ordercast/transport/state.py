"""The state of an Engine.IO session, and its moves."""

from enum import Enum


class SessionState(Enum):
    """
       ┌───────────────── open ─────────────────┐
       │                                        ▼
    POLLING ─probe─▶ PROBING ─may_move▶ PROBED ─move▶ WEBSOCKET
     │   ▲            │   │              │   │           │
     │   └────────────┴───│────stay──────┘   │           │
     │                    │                  │           │
     └──────── end ───────┴──────────────────┘          end
                ▼                                        ▼
             ENDING ── the end is fetched, or its time is up ──▶ CLOSED
    """

    POLLING = "polling"
    PROBING = "probing"  # the client asks on a WebSocket whether it may upgrade, and polls
    PROBED = "probed"  # the client was told that it may: it polls no more
    WEBSOCKET = "websocket"
    ENDING = "ending"  # over; something waits for a last poll, or for the end of the upgrade
    CLOSED = "closed"
