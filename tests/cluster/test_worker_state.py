"""What people read of a cluster."""

import pytest

from daemon.cluster.worker_state import SET_ASIDE, ClusterState, FarWorker


def test_a_cluster_is_told_by_its_workers_and_what_they_can_do_at_once() -> None:
    state = ClusterState(True, "", (FarWorker("one", "a", "h", 3), FarWorker("two", "b", "h", 1)))

    assert state.in_words() == "2 workers for 4 photos at once"


@pytest.mark.parametrize("why", SET_ASIDE)
def test_a_worker_that_gets_no_photos_is_named_with_its_reason(why: str) -> None:
    workers = (FarWorker("one", "a", "h", 1), FarWorker("two", "b", "h", 1, set_aside=why))

    assert ClusterState(True, "", workers).in_words() == (
        f"1 worker for 1 photo at once; two gets none: {SET_ASIDE[why]}"
    )


def test_a_cluster_without_fit_workers_says_who_does_the_work() -> None:
    assert ClusterState(True).in_words() == "no worker is there, so photos are cut out here"
    assert ClusterState(False, "timed out").in_words() == (
        "the scheduler does not answer (timed out), so photos are cut out here"
    )
