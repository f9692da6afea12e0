"""The service on several hosts, with the files of deploy/."""

from tests.harness.people.fixtures import person_at

__all__ = ["person_at"]
