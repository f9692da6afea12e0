"""The process that emits: `python -m bench.emitter`, started by bench.compare.

Every server gets its events from this one loop, at the same moments, one PUBLISH each. The message
is made once by the server's own emitter library - Flask-SocketIO's message queue, or
@socket.io/redis-emitter - with marks for the parts that differ from event to event.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import redis

ROOT = Path(__file__).parents[1]
Queue = Literal["flask", "node"]

SEQ, SENT, TO = "S" * 8, "T" * 19, "U" * 8  # marks, as wide as the values that replace them
EVENT = "notification"
PAYLOAD = {  # 247 bytes as JSON without spaces
    "title": "Order OC-00001041 has shipped",
    "message": "Green tea, 2 x 250 g, left our house this morning. It is with you on Thursday,"
    " or on Friday if you live on an island.",
    "type": "info",
    "seq": SEQ,
    "sent": SENT,
    "to": TO,
}


class Emitter:
    """The emitting process, as its parent uses it."""

    def __init__(self, queue: Queue, redis_url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.emitter", queue, redis_url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.next = 0  # the seq of the next event; no seq is used twice
        self._answer()  # ready

    def emit(self, kind: Literal["user", "seller"], to: Sequence[int], *, rate: float) -> Any:
        """Emit an event to the room of each user in `to`, `rate` per second -> {lateMs}: the p99
        of the process's delay behind its plan."""
        assert self._process.stdin is not None
        plan = {"kind": kind, "to": list(to), "rate": rate, "first": self.next}
        self.next += len(to)
        print(json.dumps(plan), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the emitter ended")
        return json.loads(line)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class Sample:
    """A published message with marks."""

    def __init__(self, channel: bytes, message: bytes) -> None:
        for mark in (SEQ, SENT, TO):
            assert message.count(mark.encode()) >= 1, message
        self._channel, self._message = channel, message

    def stamped(self, seq: int, to: int) -> tuple[bytes, bytes]:
        """-> channel and message, with the time of sending stamped in."""
        user = f"{to:08d}".encode()
        message = self._message.replace(TO.encode(), user)
        message = message.replace(SEQ.encode(), f"{seq:08d}".encode())
        sent = f"{time.monotonic_ns():019d}".encode()
        return self._channel.replace(TO.encode(), user), message.replace(SENT.encode(), sent)


def main() -> None:
    queue, url = sys.argv[1:]
    client = redis.Redis.from_url(url)
    samples = {kind: sample(client, queue, url, f"{kind}:{TO}") for kind in ("user", "seller")}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        plan = json.loads(line)
        print(json.dumps(publish(client, samples[plan["kind"]], plan)), flush=True)


def sample(client: redis.Redis, queue: str, url: str, room: str) -> Sample:
    """The message that the queue's library publishes for an event to `room`."""
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.psubscribe("*")
        pubsub.get_message(timeout=5)
        if queue == "flask":
            from flask_socketio import SocketIO

            SocketIO(message_queue=url).emit(EVENT, PAYLOAD, to=room)
        else:
            script = ROOT / "bench/node/emit.mjs"
            subprocess.run(["node", script, url, room, EVENT, json.dumps(PAYLOAD)], check=True)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:  # a server may publish other messages meanwhile
            message = pubsub.get_message(timeout=1)
            if message and SEQ.encode() in message["data"]:
                return Sample(message["channel"], message["data"])
    raise TimeoutError("the sample did not come back from Redis")


def publish(client: redis.Redis, sample: Sample, plan: dict[str, Any]) -> dict[str, float]:
    start = time.monotonic()
    late = []
    for number, to in enumerate(plan["to"]):
        due = start + number / plan["rate"]
        time.sleep(max(0.0, due - time.monotonic()))
        late.append(time.monotonic() - due)
        if not client.publish(*sample.stamped(plan["first"] + number, to)):
            raise RuntimeError("no server listens")
    return {"lateMs": round(sorted(late)[int(len(late) * 0.99)] * 1000, 1)}


if __name__ == "__main__":
    main()
