"""An issuer whose clock is ahead, at the door for sockets: the same rule as over HTTP."""

import json
import time
from collections.abc import Callable

from tests.harness.clients.raw import CONNECT, CONNECT_ERROR, EVENT, introduce, raw_websocket
from tests.harness.people.person import signed
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

AHEAD, TOO_FAR = 20, 90  # seconds; JWT_LEEWAY is 30


def test_a_token_of_a_clock_that_is_ahead_connects_and_refreshes_and_one_too_far_says_why(
    own_service: Callable[..., Service],
) -> None:
    service = own_service()
    good = [signed(**{name: time.time() + AHEAD}) for name in ("iat", "nbf")]
    early = [signed(**{name: time.time() + TOO_FAR}) for name in ("iat", "nbf")]
    late = signed(exp=time.time() - 1)
    with raw_websocket(service.url) as client:
        for token, code in ((early[0], "invalid"), (early[1], "invalid"), (late, "expired")):
            client.say(introduce(token))
            assert client.hear_json(CONNECT_ERROR)["data"] == {"code": f"token_{code}"}
        client.say(introduce(good[0]))
        client.hear_json(CONNECT)
        for token in (good[1], *early):
            client.say(f"{EVENT}0" + json.dumps(["auth:refresh", {"token": token}]))
            assert client.hear_json("430")[0]["ok"] is (token in good)

    assert service.web is not None
    web = service.web

    def reasons(message: str) -> list[str]:
        return [line["reason"] for line in web.logged(message)]

    wait_until(lambda: len(reasons("token refused")) == 2, "both refreshes are in the log")
    for told in (reasons("connect refused"), reasons("token refused")):
        assert told[0].startswith("issued in the future (iat): ")
        assert told[1].startswith("not yet valid (nbf): ")
    assert reasons("connect refused")[2].startswith("expired ")
    assert not any(token in web.output() for token in (*good, *early, late))
