"""Fixtures of people at a running service, for a conftest to take: alice buys, bob sells."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.harness.people.person import Person, register
from tests.harness.processes.service import Service


@pytest.fixture
def person_at() -> Iterator[Callable[..., Person]]:
    """A builder: somebody new at a service of the test's own."""
    made: list[Person] = []

    def make(service: Service, role: str, *names: str) -> Person:
        made.append(register(service.url, role, *names))
        return made[-1]

    yield make
    for someone in made:
        someone.http.close()


@pytest.fixture
def person(service: Service, person_at: Callable[..., Person]) -> Callable[..., Person]:
    """A builder: somebody new with this role, perhaps this name, and this host of the address."""
    return partial(person_at, service)


@pytest.fixture
def alice(person: Callable[[str], Person]) -> Person:
    """She buys."""
    return person("customer")


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    """He sells."""
    return person("seller")
