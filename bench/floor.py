"""The floor: the CPU time of a send in a loop that does nothing else."""

import os
import resource
import select
import socket
import time
from contextlib import ExitStack

CONNECTIONS = 500
FRAME = b"\x81\x7e" + (256).to_bytes(2, "big") + b"x" * 256  # 260 bytes, RFC 6455 section 5.2
ROUNDS = 400


def floor_us() -> float:
    """CPU per `socket.send` of a 260-byte frame to one of 500 loopback connections, µs."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS))
        pairs = []
        for _ in range(CONNECTIONS):
            reader = stack.enter_context(socket.create_connection(listener.getsockname()))
            writer = stack.enter_context(listener.accept()[0])
            writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pairs.append((reader, writer))
        child = os.fork()
        if child == 0:
            _drain([reader for reader, _ in pairs])
        writers = [writer for _, writer in pairs]
        _send_rounds(writers, ROUNDS // 10)
        before = _cpu_seconds()
        _send_rounds(writers, ROUNDS)
        used = _cpu_seconds() - before
        os.kill(child, 9)
        os.waitpid(child, 0)
    return used / (ROUNDS * CONNECTIONS) * 1e6


def _send_rounds(writers: list[socket.socket], rounds: int) -> None:
    for _ in range(rounds):
        for writer in writers:
            writer.send(FRAME)
        time.sleep(0.005)  # let the receiver read meanwhile, as between a server's events


def _drain(readers: list[socket.socket]) -> None:
    """Read and discard, until the process is killed."""
    poll = select.epoll()
    by_fd = {reader.fileno(): reader for reader in readers}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            by_fd[fd].recv(65536)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
