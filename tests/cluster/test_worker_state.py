"""What people read of a cluster."""

import pytest

from daemon.cluster.worker_state import MOST_NAMED, SET_ASIDE, ClusterState, FarWorker
from daemon.words.catalogue import words_in
from daemon.words.said import said_in


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
    silent = FarWorker("one", "a", "h", 3, set_aside="silent")
    assert ClusterState(True, "", (silent,)).in_words() == (
        "no worker gets photos, so they are cut out here; one gets none: it has not been heard of for a while"
    )
    assert ClusterState(True).in_words() == "no worker is there, so photos are cut out here"
    assert ClusterState(False, "timed out").in_words() == (
        "the scheduler does not answer (timed out), so photos are cut out here"
    )


def test_a_cluster_is_told_in_german_too() -> None:
    aside = tuple(FarWorker(why, "b", "h", 1, set_aside=why) for why in SET_ASIDE)

    def told(*workers: FarWorker) -> str:
        return said_in(ClusterState(True, "", workers).in_words(), words_in("de"))

    assert told(FarWorker("eins", "a", "h", 3), FarWorker("zwei", "b", "h", 1)) == "2 Arbeiter für 4 Fotos zugleich"
    assert told(FarWorker("eins", "a", "h", 1)) == "1 Arbeiter für 1 Foto zugleich"
    assert told(FarWorker("eins", "a", "h", 2)) == "1 Arbeiter für 2 Fotos zugleich"
    assert told(*aside) == (
        "kein Arbeiter bekommt Fotos, also wird hier freigestellt; "
        "other_version bekommt keine: Er ist kein Arbeiter dieser Version von Freisteller; "
        "root_away bekommt keine: Er sieht den Hot-Folder nicht; "
        "engine_away bekommt keine: Er erreicht keine Engine; "
        "silent bekommt keine: Er hat sich eine Weile nicht gemeldet; "
        "leaving bekommt keine: Er soll enden"
    )
    assert said_in(ClusterState(False, "timed out").in_words(), words_in("de")) == (
        "der Scheduler antwortet nicht (timed out), also wird hier freigestellt"
    )


def test_of_very_many_workers_without_photos_the_first_are_named() -> None:
    aside = tuple(FarWorker(f"w{number}", "b", "h", 1, set_aside="silent") for number in range(MOST_NAMED + 2))

    told = ClusterState(True, "", aside).in_words()

    assert told.count("gets none") == MOST_NAMED
    assert told.endswith("; further workers that get none: 2")
