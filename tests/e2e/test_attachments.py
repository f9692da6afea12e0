"""A binary event is bounded together with its attachments, and in time."""

import json
from contextlib import ExitStack

from tests.harness.clients import loopback
from tests.harness.clients.admission import admit, admitted
from tests.harness.clients.framed import BINARY, CLOSE, ENGINE
from tests.harness.clients.frames import client_frame
from tests.harness.clients.raw import raw_polling
from tests.harness.processes.limited import Limited
from tests.harness.waiting import wait_until

POLICY, TOO_BIG = 1008, 1009


def with_attachments(count: int) -> str:
    holes = [{"_placeholder": True, "num": number} for number in range(count)]
    return f"45{count}-" + json.dumps(["anything", *holes])


def test_a_message_is_no_larger_with_its_attachments(limited: Limited) -> None:
    service = limited()
    with ExitStack() as stack:
        client = admitted(stack, service)
        for parts in ([60_000], [30_000, 30_000], [6000] * 10):
            client.say(with_attachments(len(parts)))
            for size in parts:
                client.connection.sendall(client_frame(BINARY, bytes(size)))
            assert client.answers()
        client.say(with_attachments(10))
        client.flood(client_frame(BINARY, bytes(30_000)) * 9)
        assert client.close_code() == TOO_BIG

        polls = stack.enter_context(raw_polling(service.url))
        admit(polls)
        polls.say(with_attachments(10))
        for _ in range(2):
            polls.say("b" + "A" * 40_000)  # 30,000 bytes
        polls.say("b" + "A" * 40_000)
        assert polls.hear() == "1"


def test_attachments_that_do_not_come_end_the_session(limited: Limited) -> None:
    """In the end, over each transport; who goes on answering pings as well."""
    service = limited(PING_INTERVAL="2")
    with ExitStack() as stack:
        client = admitted(stack, service)
        polls = stack.enter_context(raw_polling(service.url))
        admit(polls)
        for half in (client, polls):
            half.say(with_attachments(2))
        client.connection.sendall(client_frame(BINARY, b"one"))
        polls.say("bAAAA")
        answered, heard = 0, client.frame()
        while heard[0] != CLOSE:
            if heard[1] == b"2":
                client.say("3")
                answered += 1
            heard = client.frame()
        assert int.from_bytes(heard[1][:2], "big") == POLICY
        assert answered >= 2  # not at once: attachments may take their time
        url = f"{service.url}{ENGINE}polling&sid={polls.opened['sid']}"
        wait_until(lambda: loopback.post(url, content="6").status_code == 400, "so is the other")
