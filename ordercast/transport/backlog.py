"""Packets that wait for one client, and how many bytes they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordercast.transport.packets import Packet


class Backlog:
    __slots__ = ("_bytes", "_packets")

    def __init__(self, packets: Iterable[Packet] = ()) -> None:
        """`packets` do not count for the limit."""
        self._packets = list(packets)
        self._bytes = 0  # of the packets that count

    def __iter__(self) -> Iterator[Packet]:
        return iter(self._packets)

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def size(self) -> int:
        """The bytes of the packets that count for the limit."""
        return self._bytes

    @property
    def last(self) -> Packet:
        """The newest packet, of at least one."""
        return self._packets[-1]

    def pop(self, max_bytes: int) -> list[Packet]:
        """The oldest packets, up to `max_bytes`: at least one, and none without its
        attachments."""
        count, size = 0, 0
        for packet in self._packets:
            size += len(packet)
            if count and size > max_bytes and isinstance(packet.data, str):
                break
            count += 1
        taken, self._packets = self._packets[:count], self._packets[count:]
        self._bytes -= sum(map(len, taken))
        return taken

    def add(self, packet: Packet, *, limit: int) -> bool:
        """Append a packet -> False when more than `limit` bytes wait; 0 is no limit. A packet that
        waits alone is always within the limit: no client could ever get a larger one."""
        self._packets.append(packet)
        self._bytes += len(packet)
        return not limit or self._bytes <= limit or len(self._packets) == 1

    def replace(self, change: Callable[[Packet], Packet]) -> None:
        """Put another packet in the place of each, of about the same size."""
        self._packets = [change(packet) for packet in self._packets]

    def add_uncounted(self, packets: Iterable[Packet]) -> None:
        """Append packets that do not count for the limit."""
        self._packets.extend(packets)
