"""Pictures that wait for a network share a run, in order; each gets its own map or error, none waits for company."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from daemon.engines.onnx import shared_runs
from daemon.engines.onnx.network_input import Network
from daemon.engines.onnx.providers import CPU
from daemon.engines.onnx.shared_runs import FoundMap, SharedRuns
from daemon.errors import EngineAway

FIXED, EACH = 20.0, 1.0  # what a run costs on a card by itself, and for each of its pictures
BAD = -1.0


class Card:
    """A network on a card: its map is the picture's first plane. No run ends before `go`.

    fails: the error of a run of these pictures, "" = none. runs: the first value of each picture, run by run.
    cost: of all runs together.
    """

    def __init__(self, fails: Callable[[list[float]], str] = lambda _: "") -> None:
        self.provider = "CUDAExecutionProvider"
        self.go = threading.Event()
        self.runs: list[list[float]] = []
        self.cost = 0.0
        self.most_at_once = self._at_work = 0
        self._counting = threading.Lock()
        self._fails = fails

    def maps(self, pictures: Network) -> tuple[Network, bool]:
        values = [float(picture[0, 0, 0]) for picture in pictures]
        with self._counting:
            self.runs.append(values)
            self._at_work += 1
            self.most_at_once = max(self.most_at_once, self._at_work)
        assert self.go.wait(60)
        with self._counting:
            self.cost += FIXED + EACH * len(values)
            self._at_work -= 1
        if trouble := self._fails(values):
            raise RuntimeError(trouble)
        return pictures[:, 0], False


class Crowd:
    """Threads that ask for maps."""

    def __init__(self, card: Card, most: int, at_once: int) -> None:
        self.card = card
        self.runs = SharedRuns("drawn", card, most, lambda provider: 2 if provider == CPU else at_once)
        self._pool = ThreadPoolExecutor(32)
        self.asked: list[Future[FoundMap]] = []

    def ask(self, value: float, side: int = 4) -> None:
        """Ask for the map of a picture of this value, and return when it runs or waits."""
        picture = np.full((1, 3, side, side), value, np.float32)
        self.asked.append(self._pool.submit(self.runs.map_of, picture))
        give_up = time.monotonic() + 60
        while not self._all_are_there():
            assert time.monotonic() < give_up
            time.sleep(0.001)

    def _all_are_there(self) -> bool:
        with self.runs._lock:
            waiting = [each for each in self.runs._queue if not each.leads]
        return len(waiting) + sum(map(len, self.card.runs)) == len(self.asked)

    def go_home(self) -> None:
        """Let all runs end, and all threads with them."""
        self.card.go.set()
        self._pool.shutdown()

    def answers(self) -> list[float | str]:
        """The value of each map, or the words of its error, in the order of asking."""
        self.card.go.set()
        found: list[float | str] = []
        for each in self.asked:
            error = each.exception(60)
            found.append(str(error) if error else float(each.result().values[0, 0]))
        return found


CrowdAt = Callable[..., Crowd]


@pytest.fixture
def crowd_at() -> Iterator[CrowdAt]:
    """Makes crowds, whose threads do not outlive the test."""
    crowds: list[Crowd] = []

    def crowd_at(card: Card, most: int = 8, at_once: int = 1) -> Crowd:
        crowds.append(Crowd(card, most, at_once))
        return crowds[-1]

    yield crowd_at
    for crowd in crowds:
        crowd.go_home()


def test_a_lone_photo_runs_at_once() -> None:
    card = Card()
    card.go.set()

    found = SharedRuns("drawn", card, 8, lambda _: 1).map_of(np.full((1, 3, 4, 4), 7, np.float32))

    assert (card.runs, float(found.values[0, 0])) == ([[7.0]], 7.0)


def test_photos_that_wait_share_a_run_in_the_order_in_which_they_came(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card(), most=4)
    for value in range(6):
        crowd.ask(value)

    assert crowd.answers() == [0, 1, 2, 3, 4, 5]
    assert crowd.card.runs == [[0], [1, 2, 3, 4], [5]]
    assert crowd.runs.sizes == {1: 2, 4: 1}


def test_a_run_has_a_power_of_two_of_photos_or_the_most(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card(), most=6)
    for value in range(12):
        crowd.ask(value)

    crowd.answers()

    assert [len(run) for run in crowd.card.runs] == [1, 6, 4, 1]


def test_photos_of_other_sizes_run_by_themselves(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card())
    for value, side in enumerate((4, 4, 8, 4, 8)):
        crowd.ask(value, side)

    assert crowd.answers() == [0, 1, 2, 3, 4]
    assert crowd.card.runs == [[0], [1, 3], [2, 4]]


def test_one_bad_photo_harms_no_other(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card(lambda values: "bad picture" if BAD in values else ""))
    for value in (0, 1, BAD, 3, 4):
        crowd.ask(value)

    assert crowd.answers() == [0, 1, "bad picture", 3, 4]
    assert crowd.runs.most == 8


def test_full_memory_halves_a_run_and_all_later_ones(crowd_at: CrowdAt, caplog: pytest.LogCaptureFixture) -> None:
    crowd = crowd_at(Card(lambda values: "CUDA out of memory" if len(values) > 2 else ""))
    for value in range(9):
        crowd.ask(value)

    with caplog.at_level(logging.WARNING):
        assert crowd.answers() == list(range(9))

    assert [len(run) for run in crowd.card.runs] == [1, 8, 4, 2, 2, 4, 2, 2]
    assert crowd.runs.most == 2
    assert "drawn runs with at most 2 photos at once from now on, because memory was full" in caplog.text


def test_one_photo_that_fills_the_memory_by_itself_is_told_so_and_the_others_are_not(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card(lambda values: "bad allocation" if BAD in values else ""))
    for value in (0, 1, 2, BAD, 4):
        crowd.ask(value)

    assert crowd.answers() == [0, 1, 2, "bad allocation", 4]


def test_a_network_that_fails_with_several_runs_with_one_from_then_on(
    crowd_at: CrowdAt, caplog: pytest.LogCaptureFixture
) -> None:
    crowd = crowd_at(Card(lambda values: "cannot be reshaped" if len(values) > 1 else ""))
    for value in range(4):
        crowd.ask(value)

    with caplog.at_level(logging.WARNING):
        assert crowd.answers() == [0, 1, 2, 3]

    assert crowd.runs.most == 1
    assert "because such a run fails: cannot be reshaped" in caplog.text


def test_what_was_found_for_a_card_does_not_hold_for_the_processor(
    crowd_at: CrowdAt,
) -> None:
    crowd = crowd_at(Card())
    for value in range(5):
        crowd.ask(value)
    crowd.card.provider = CPU
    crowd.ask(5)

    assert crowd.runs.most == 1
    assert crowd.card.runs == [[0], [1]]
    assert crowd.answers() == list(range(6))
    assert crowd.card.most_at_once == 2
    assert crowd.runs.sizes == {1: 6}


def test_closing_sends_away_who_waits_and_lets_the_run_end(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card())
    for value in range(3):
        crowd.ask(value)

    crowd.runs.close()

    for each in crowd.asked[1:]:
        assert isinstance(each.exception(60), EngineAway)
    assert crowd.answers()[0] == 0


def test_each_photo_counts_its_share_of_the_run(crowd_at: CrowdAt, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = SimpleNamespace(perf_counter=itertools.count(0, 6).__next__)  # a run takes six seconds
    monkeypatch.setattr(shared_runs, "time", ticks)
    crowd = crowd_at(Card())
    for value in range(3):
        crowd.ask(value)
    crowd.answers()

    assert [each.result().seconds for each in crowd.asked] == [6, 3, 3]


def test_several_runs_at_a_time_take_photos_as_they_come(crowd_at: CrowdAt) -> None:
    crowd = crowd_at(Card(), at_once=2)
    for value in range(4):
        crowd.ask(value)

    assert crowd.answers() == [0, 1, 2, 3]
    assert sorted(crowd.card.runs)[:2] == [[0], [1]]


@pytest.mark.parametrize(("most", "cost"), [(1, 16 * (FIXED + EACH)), (8, 5 * FIXED + 16 * EACH)])
def test_a_card_whose_runs_cost_much_by_themselves_does_more_in_less_time(
    crowd_at: CrowdAt, most: int, cost: float
) -> None:
    """16 photos in runs of 1, 8, 4, 2, 1: with those of one, the card costs nearly five times as much."""
    crowd = crowd_at(Card(), most)
    for value in range(16):
        crowd.ask(value)

    crowd.answers()

    assert crowd.card.cost == cost


def test_many_threads_and_many_troubles_lose_and_mix_up_nothing() -> None:
    random = np.random.default_rng(1)
    bad = {float(value) for value in random.choice(2000, 100, replace=False)}

    def fails(values: list[float]) -> str:
        return "bad picture" if bad & set(values) else "out of memory" if len(values) > 5 else ""

    card = Card(fails)
    card.go.set()
    runs = SharedRuns("drawn", card, 8, lambda _: 2)

    def ask(value: float) -> float | str:
        try:
            return float(runs.map_of(np.full((1, 3, 4, 4), value, np.float32)).values[3, 3])
        except RuntimeError as error:
            return str(error)

    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(ask, map(float, range(2000))))

    assert found == [("bad picture" if float(value) in bad else value) for value in range(2000)]
    assert (runs._queue, runs._running) == ([], 0)
