"""The steps that a team hands to the worker."""

from collections.abc import Callable

import pytest

from ordercast import Ordercast
from ordercast.worker.steps import Step, Steps


def test_a_function_is_a_step_under_its_name_and_stays_a_function() -> None:
    steps = Steps()
    cast = Ordercast()

    @cast.step(seconds=60)
    def remind() -> bool:
        return True

    steps.add(remind, seconds=60)
    assert list(steps) == [Step("remind", remind, 60)]
    assert remind() is True


def test_a_factory_that_runs_twice_hands_in_one_step_the_later_one() -> None:
    steps = Steps()

    def factory(answer: bool) -> Callable[[], bool]:
        def clean_up() -> bool:
            return answer

        steps.add(clean_up, seconds=5)
        return clean_up

    factory(True)
    later = factory(False)
    assert list(steps) == [Step("clean_up", later, 5)]


def test_two_functions_of_one_name_are_two_steps() -> None:
    steps = Steps()
    steps.add(lambda: True, seconds=5)
    steps.add(lambda: False, seconds=5)
    assert [step.run() for step in steps] == [True, False]


class Outbox:
    def flush(self) -> bool:
        return False


def test_a_method_of_two_objects_is_two_steps_and_of_one_object_one() -> None:
    steps, first, second = Steps(), Outbox(), Outbox()
    for each in (first, second, first):
        steps.add(each.flush, seconds=5)
    assert [step.run for step in steps] == [first.flush, second.flush]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_step_without_a_pause_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Ordercast().step(seconds=seconds)(lambda: None)
