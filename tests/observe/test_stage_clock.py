"""The clock of the stages: nothing is counted twice, and nothing is lost."""

import threading
import time

import pytest

from daemon.observe.stage_clock import StageClock
from tests.doubles import Clock


class Timing:
    """A clock of stages that reads scripted clocks, and what it told."""

    def __init__(self) -> None:
        self.clock, self.processor = Clock(100.0), Clock(7.0)
        self.told: list[tuple[str, float, float]] = []
        self.stages = StageClock(lambda *stage: self.told.append(stage), self.processor, self.clock)

    def work(self, seconds: float, cpu_seconds: float) -> None:
        self.clock.advance(seconds)
        self.processor.advance(cpu_seconds)


def test_a_stage_leaves_out_the_stages_within_it() -> None:
    timing = Timing()

    with timing.stages.timed("other"):
        timing.work(4, 1)
        with timing.stages.timed("publish"):
            timing.work(2, 0.5)
            with timing.stages.timed("journal"):
                timing.work(16, 0.25)
        timing.work(1, 1)
        with timing.stages.timed("journal"):
            timing.work(32, 0.5)

    assert timing.told == [("journal", 16, 0.25), ("publish", 2, 0.5), ("journal", 32, 0.5), ("other", 5, 2)]


def test_what_another_process_did_is_left_out_of_the_wait_for_it_but_not_of_our_own_processor_time() -> None:
    timing = Timing()

    with timing.stages.timed("other"):
        timing.work(8, 0.5)  # waits for the answer
        timing.stages.add("decode", 6, 3, in_this_thread=False)
        timing.work(2, 1)
        timing.stages.add("upload", 1, 0.25, in_this_thread=True)

    assert timing.told == [("decode", 6, 3), ("upload", 1, 0.25), ("other", 3, 1.25)]


def test_a_stage_that_raises_is_told_and_the_one_around_it_goes_on() -> None:
    timing = Timing()

    def fail() -> None:
        with timing.stages.timed("decode"):
            timing.work(2, 1)
            raise ValueError("broken")

    with timing.stages.timed("other"):
        with pytest.raises(ValueError, match="broken"):
            fail()
        timing.work(1, 1)

    assert timing.told == [("decode", 2, 1), ("other", 1, 1)]


def test_a_thread_knows_nothing_of_the_stages_of_another_one() -> None:
    told: list[tuple[str, float, float]] = []
    stages = StageClock(lambda *stage: told.append(stage), processor_seconds=time.thread_time)

    def elsewhere() -> None:
        stages.add("encode", 1000, 1000, in_this_thread=True)

    with stages.timed("other"):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass

    (encode, _, _), (other, seconds, cpu_seconds) = told
    assert (encode, other) == ("encode", "other")
    assert seconds > 0
    assert cpu_seconds > 0
