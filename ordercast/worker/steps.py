"""The steps that a team hands to the worker."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Run = Callable[[], bool | None]  # True: there may be more to do at once
Function = TypeVar("Function", bound=Run)


@dataclass(frozen=True, slots=True)
class Step:
    """`run` is repeated every `seconds`, in an application context, and at once while it returns
    True. A step does a bounded piece of work: a worker that is asked to stop waits for it."""

    name: str
    run: Run
    seconds: float


class Steps:
    """A registry. A function that a factory defines anew for each application is one step."""

    def __init__(self) -> None:
        self._by_code: dict[tuple[object, int], Step] = {}

    def add(self, run: Run, *, seconds: float) -> None:
        """Raises ValueError unless `seconds` are more than 0."""
        if not seconds > 0:
            raise ValueError(f"a step is repeated every so many seconds, more than 0: {seconds!r}")
        name = getattr(run, "__name__", type(run).__name__)
        owner = id(getattr(run, "__self__", None))  # of a method: two objects' are two steps
        self._by_code[getattr(run, "__code__", run), owner] = Step(name, run, seconds)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._by_code.values())
