"""What Prometheus is shown of a cluster is bounded, never falls, and goes with the workers that it is about."""

from dataclasses import replace

import pytest

from daemon.cluster.tallies import LOST, ClusterTotals, Tally
from daemon.cluster.worker_state import SET_ASIDE, ClusterState, FarWorker
from daemon.observe import labels
from daemon.observe.metrics import Metrics
from daemon.service.cluster_figures import KEPT_SECONDS, MOST_NAMES, ClusterFigures
from tests.observe.scrape import samples, value

ONE = FarWorker("one", "tls://a", "one", 4, 16, 64 << 30, running=3)
TWO = FarWorker("two", "tls://b", "two", 2, 8, 32 << 30)
GAUGES = ("photos_in_progress", "threads", "cores", "memory_bytes")


class Shown:
    """A page of metrics that a test shows clusters on."""

    def __init__(self) -> None:
        self.page = Metrics("1.2.3")
        self.now = 1000.0
        self._figures = ClusterFigures(self.page, "tls://user@render-1:8786", lambda: self.now)

    def show(self, *workers: FarWorker, totals: ClusterTotals | None = None, connected: bool = True) -> None:
        self._figures.show(ClusterState(connected, "", workers), totals or ClusterTotals())

    def of_worker(self, name: str) -> dict[str, float]:
        return {label["worker"]: number for label, number in samples(self.page, f"cluster_worker_{name}")}


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_without_a_cluster_nothing_is_said_of_one_and_nothing_is_lost() -> None:
    page = Metrics("1.2.3")

    gauges = (
        "scheduler_up",
        "workers",
        "worker_set_aside",
        "worker_photos_total",
        *(f"worker_{each}" for each in GAUGES),
    )
    assert [samples(page, f"cluster_{name}") for name in gauges] == [[]] * len(gauges)
    assert value(page, "cluster_photos_total") == 0
    assert {number for _, number in samples(page, "cluster_photos_lost_total")} == {0}


def test_a_scheduler_shows_whether_it_answers_but_no_user(shown: Shown) -> None:
    shown.show()
    assert value(shown.page, "cluster_scheduler_up", scheduler="tls://render-1:8786") == 1
    shown.show(connected=False)
    assert value(shown.page, "cluster_scheduler_up", scheduler="tls://render-1:8786") == 0


def test_workers_are_counted_by_what_keeps_photos_from_them(shown: Shown) -> None:
    shown.show(ONE, TWO, *(replace(ONE, name=why, set_aside=why) for why in SET_ASIDE))

    counted = {label["state"]: number for label, number in samples(shown.page, "cluster_workers")}
    assert counted == {"fit": 2, **dict.fromkeys(SET_ASIDE, 1)}
    shown.show()
    assert {number for _, number in samples(shown.page, "cluster_workers")} == {0}


def test_each_worker_shows_what_it_has_until_it_is_gone(shown: Shown) -> None:
    shown.show(ONE, TWO)
    assert [shown.of_worker(name) for name in GAUGES] == [
        {"one": 3, "two": 0},
        {"one": 4, "two": 2},
        {"one": 16, "two": 8},
        {"one": 64 << 30, "two": 32 << 30},
    ]
    shown.show(TWO)
    assert [shown.of_worker(name).keys() for name in GAUGES] == [{"two"}] * len(GAUGES)


def test_a_worker_without_photos_is_shown_with_its_reason_as_long_as_that_holds(shown: Shown) -> None:
    def reasons() -> list[dict[str, str]]:
        return [label for label, _ in samples(shown.page, "cluster_worker_set_aside")]

    shown.show(replace(ONE, set_aside="root_away"), TWO)
    assert reasons() == [{"worker": "one", "reason": "root_away"}]
    shown.show(replace(ONE, set_aside="engine_away"), TWO)
    assert reasons() == [{"worker": "one", "reason": "engine_away"}]
    shown.show(ONE, TWO)
    assert reasons() == []
    shown.show(replace(ONE, set_aside="silent"))
    shown.show()
    assert reasons() == []


def test_a_counter_follows_the_totals_and_outlives_its_worker_for_some_scrapes(shown: Shown) -> None:
    shown.show(ONE, TWO, totals=ClusterTotals({"one": Tally(2, 0)}, 2))
    assert shown.of_worker("photos_total") == {"one": 2, "two": 0}

    shown.show(TWO, totals=ClusterTotals({"one": Tally(3, 1)}, 3, {"gone": 1}, {"gone": 1}, {"root_away": 2}))
    assert shown.of_worker("photos_total") == {"one": 3, "two": 0}
    assert value(shown.page, "cluster_photos_total") == 3
    assert value(shown.page, "cluster_photos_lost_total", reason="gone") == 1
    assert value(shown.page, "cluster_workers_lost_total", reason="gone") == 1
    assert value(shown.page, "cluster_photos_given_back_total", reason="root_away") == 2

    shown.now += KEPT_SECONDS / 2
    shown.show(ONE, TWO, totals=ClusterTotals({"one": Tally(4, 1)}, 4, {"gone": 1}, {"gone": 1}, {"root_away": 2}))
    assert shown.of_worker("photos_total") == {"one": 4, "two": 0}
    assert value(shown.page, "cluster_photos_lost_total", reason="gone") == 1

    shown.now += KEPT_SECONDS + 1
    shown.show(TWO, totals=ClusterTotals({"one": Tally(4, 1)}, 4))
    assert shown.of_worker("photos_total") == {"two": 0}
    assert value(shown.page, "cluster_photos_total") == 4


def test_totals_that_forgot_a_worker_never_count_backwards(shown: Shown) -> None:
    shown.show(ONE, totals=ClusterTotals({"one": Tally(5, 0)}, 5))
    shown.show(ONE, totals=ClusterTotals({}, 5))
    shown.show(ONE, totals=ClusterTotals({"one": Tally(1, 0)}, 6))

    assert shown.of_worker("photos_total") == {"one": 6}
    assert value(shown.page, "cluster_photos_total") == 6


def test_a_name_that_no_machine_has_makes_no_series(shown: Shown) -> None:
    shown.show(replace(ONE, name="tcp://10.0.0.1:40331"), replace(TWO, name='x"} 1\nevil'), totals=ClusterTotals())

    assert shown.of_worker("threads") == {"other": 6}, "together"


def test_workers_that_get_new_names_at_each_start_make_no_endless_page(shown: Shown) -> None:
    for number in range(2 * MOST_NAMES):
        name = f"freisteller-worker-7d9f8b-{number}"
        shown.show(replace(ONE, name=name), totals=ClusterTotals({name: Tally(1, 0)}, number + 1))
    assert len(shown.of_worker("photos_total")) == MOST_NAMES + 1
    assert shown.of_worker("photos_total")["other"] == MOST_NAMES
    assert shown.of_worker("threads") == {"other": 4}

    shown.now += KEPT_SECONDS + 1
    shown.show(ONE, totals=ClusterTotals({}, 2 * MOST_NAMES))
    assert shown.of_worker("photos_total") == {"one": 0}


def test_the_labels_are_those_that_a_pool_gives() -> None:
    assert tuple(SET_ASIDE) == labels.SET_ASIDE
    assert tuple(LOST) == labels.FAR_PHOTOS_LOST
    assert set(labels.FAR_PHOTOS_GIVEN_BACK) <= set(SET_ASIDE)
