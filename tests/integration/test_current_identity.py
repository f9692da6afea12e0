"""cast.identity: the identity of the client whose handler runs."""

from typing import Any

import pytest

from ordercast import Refuse
from tests.harness.application.tabs import Tab
from tests.harness.application.team import ALICE, StartTeam, TeamProcess

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def told_by(process: TeamProcess, namespace: str = "/") -> list[Any]:
    """The identity in each handler of a namespace, as they run."""
    told: list[Any] = []

    def handler(*_: Any) -> None:
        told.append(process.cast.identity)

    if namespace == "/":
        process.in_connect = handler
    else:
        process.socketio.on_event("connect", handler, namespace=namespace)
    for event in ("look", "disconnect"):
        process.socketio.on_event(event, handler, namespace=namespace)
    return told


def test_it_is_there_in_connect_event_and_disconnect_handlers(start_team: StartTeam) -> None:
    process = start_team()
    told = told_by(process)
    tab = Tab(ALICE).connect(process, own=["own"])
    process.say(tab, "look")
    tab.cut()
    assert [(one.user_id, list(one.rooms)) for one in told] == [("alice", ["own"])] * 3


def test_without_identities_it_is_none(start_team: StartTeam) -> None:
    process = start_team(identified=False)
    told = told_by(process)
    tab = Tab(ALICE).connect(process)
    process.say(tab, "look")
    tab.cut()
    assert told == [None] * 3


def test_another_namespace_of_the_same_transport_has_it_too(start_team: StartTeam) -> None:
    process = start_team()
    told = told_by(process, "/shop")
    tab = Tab(ALICE).connect(process)
    member = process.live.manager.member(tab.sid, "/")
    for packet in ("0/shop,", '2/shop,["look"]', "1/shop,"):
        process.server._handle_eio_message(member.eio_sid, packet)
    assert [one.user_id for one in told] == ["alice"] * 3


def test_a_connect_handler_may_refuse_by_it(start_team: StartTeam) -> None:
    process = start_team()

    def refuse() -> None:
        assert process.cast.identity is not None
        raise Refuse(f"Not {process.cast.identity.user_id}", code="not_you")

    process.in_connect = refuse
    assert Tab(ALICE).connect(process).refusal == "not_you"


def test_outside_of_handlers_it_is_an_error_that_says_where_it_is(start_team: StartTeam) -> None:
    process = start_team()
    with process.app.app_context(), pytest.raises(RuntimeError, match="handler runs"):
        process.cast.identity  # noqa: B018
    with process.app.test_request_context(), pytest.raises(RuntimeError, match="none runs here"):
        process.cast.identity  # noqa: B018
