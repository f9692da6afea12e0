"""The identity of the client whose Socket.IO handler runs."""

from flask import has_request_context, request

from ordercast.identity import Identity
from ordercast.live.connections import NOBODY
from ordercast.live.member import NAMESPACE
from ordercast.live.rooms import RoomManager


def current_identity(manager: RoomManager) -> Identity | None:
    """None without identities. In another namespace than `/`, the identity that the same transport
    has there. Raises RuntimeError outside of connect, event and disconnect handlers."""
    sid = getattr(request, "sid", None) if has_request_context() else None
    if sid is None:
        raise RuntimeError(
            "cast.identity is the identity of the client whose Socket.IO handler runs:"
            " connect, event or disconnect; none runs here"
        )
    member = manager.member(sid, getattr(request, "namespace", None) or NAMESPACE)
    if member is not None and member.connection is None:
        member = manager.member(manager.sid_from_eio_sid(member.eio_sid, NAMESPACE), NAMESPACE)
    if member is None or member.connection is None or member.connection.identity is NOBODY:
        return None
    return member.connection.identity
