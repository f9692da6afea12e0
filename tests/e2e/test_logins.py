"""Many logins at once at a real web process: what they cost is bounded, and the rest is told so."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil

from app.accounts.hashing import NICENESS
from tests.harness.clients import loopback
from tests.harness.people.person import Person
from tests.harness.processes.service import Service

OWN = Callable[..., Service]
PERSON_AT = Callable[[Service, str], Person]
AT_ONCE = 16
A_HASH_KIB = 64 * 2**10  # the default, while it is made
USUAL = {"PASSWORD_HASH_KIB": str(A_HASH_KIB), "LOGIN_ATTEMPTS_PER_MINUTE": "0"}


def log_in(url: str, person: Person) -> httpx.Response:
    email, password = person.credentials
    body = {"email": email, "password": password}
    return loopback.post(f"{url}/api/auth/login", json=body, timeout=60)


def log_in_at_once(service: Service, person: Person, times: int) -> list[httpx.Response]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: log_in(service.url, person), range(times)))


def test_those_who_find_the_queue_full_are_told_to_come_back(
    own_service: OWN, person_at: PERSON_AT
) -> None:
    service = own_service(MAX_LOGINS_WAITING="2", **USUAL)
    alice = person_at(service, "customer")

    answers = log_in_at_once(service, alice, AT_ONCE)

    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in refused:
        assert answer.json()["error"]["code"] == "too_busy"
        assert int(answer.headers["Retry-After"]) >= 1
    assert service.metric("ordercast_hashing_refused_total") == len(refused)
    assert service.metric("ordercast_passwords_waiting") == 0
    assert log_in(service.url, alice).status_code == 200


def test_a_crowd_of_logins_takes_the_memory_of_one(own_service: OWN, person_at: PERSON_AT) -> None:
    service = own_service(MAX_LOGINS_WAITING="0", **USUAL)
    alice = person_at(service, "customer")
    worker = psutil.Process(service.worker_process())
    before, highest, over = worker.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not over.wait(0.005):
            highest = max(highest, worker.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        answers = log_in_at_once(service, alice, AT_ONCE)
    finally:
        over.set()
        watching.join()
    assert {answer.status_code for answer in answers} == {200}
    assert highest - before < 2 * A_HASH_KIB * 2**10


def test_the_thread_that_hashes_comes_after_the_event_loop(
    own_service: OWN, person_at: PERSON_AT
) -> None:
    service = own_service()
    person_at(service, "customer")
    worker = service.worker_process()
    threads = map(int, os.listdir(f"/proc/{worker}/task"))
    usual = os.getpriority(os.PRIO_PROCESS, worker)
    priorities = [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads]
    assert priorities.count(usual + NICENESS) == 1
    assert set(priorities) == {usual, usual + NICENESS}


def test_a_registration_past_the_limit_of_its_address_is_refused(own_service: OWN) -> None:
    service = own_service(REGISTRATIONS_PER_ADDRESS_PER_MINUTE="1")
    answers = [
        loopback.post(
            f"{service.url}/api/auth/register",
            json={
                "email": f"erin{number}@example.com",
                "password": "a long enough one",
                "name": "Erin",
                "role": "customer",
            },
        )
        for number in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 429]
    assert service.metric('ordercast_attempts_over_limit_total{limit="registration"}') == 1
