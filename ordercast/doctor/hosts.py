"""The hosts behind one balancer reach each other's processes; asked from this host."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import redis

from ordercast.broker import Broker, reason
from ordercast.doctor.finding import Examination, Unhealthy
from ordercast.live.hosts import Address, Hosts
from ordercast.settings import Settings

CONNECT_SECONDS = 1.0
CLOSED = (
    "Let the hosts connect to each other at their ORDERCAST_PRIVATE_ADDRESS, its ports included."
)


def examinations(settings: Settings, broker: Broker) -> Iterator[Examination]:
    if settings.PRIVATE_ADDRESS is not None:
        yield Examination("hosts", lambda: _hosts(broker))


def _hosts(broker: Broker) -> str:
    try:
        addresses = list(Hosts(broker).addresses().values())
    except redis.RedisError as exc:
        raise Unhealthy(reason(exc), "Repair Redis first.") from exc
    for address in addresses:
        if not _answers(address):
            text = f"{address[0]}:{address[1]} is not reached from here"
            raise Unhealthy(text, CLOSED)
    hosts = len({host for host, _ in addresses})
    return f"{len(addresses)} web process(es) at {hosts} address(es), each reached from here"


def _answers(address: Address) -> bool:
    """Whether a web process listens there: it speaks first."""
    with suppress(OSError), socket.create_connection(address, CONNECT_SECONDS) as connection:
        return bool(connection.recv(1))
    return False
