"""Packets that wait for one client, and how many bytes they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordercast.transport.packets import Packet


class Backlog:
    __slots__ = ("packets", "size")

    def __init__(self, packets: Iterable[Packet] = ()) -> None:
        """`packets` do not count for the limit."""
        self.packets = list(packets)
        self.size = 0  # bytes, of the packets that count

    def __iter__(self) -> Iterator[Packet]:
        return iter(self.packets)

    def __len__(self) -> int:
        return len(self.packets)

    def take(self, most: int) -> list[Packet]:
        """The oldest packets, up to `most` bytes: at least one, and none without its
        attachments."""
        count, size = 0, 0
        for packet in self.packets:
            size += len(packet)
            if count and size > most and isinstance(packet.data, str):
                break
            count += 1
        taken, self.packets = self.packets[:count], self.packets[count:]
        self.size -= sum(map(len, taken))
        return taken

    def add(self, packet: Packet, *, limit: int) -> bool:
        """False when more than `limit` bytes wait; 0 is no limit. A packet that waits alone is
        always within it: no client could ever take a larger one."""
        self.packets.append(packet)
        self.size += len(packet)
        return not limit or self.size <= limit or len(self.packets) == 1
