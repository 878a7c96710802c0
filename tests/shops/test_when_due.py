"""When an order goes to a shop by itself."""

import math

import pytest

from daemon.errors import Said
from daemon.exports.left_out import NotExported
from daemon.exports.manifest import left_out_values
from daemon.journal.due_orders import DueOrder
from daemon.shops.when_due import LONGEST_PAUSE_SECONDS, SendingEnd, after_try, changed, end_of, is_due
from daemon.words.catalogue import words_in

NOW = 1_800_000_000.0
DUE = DueOrder("mine", "shoes", NOW)
AWAY = SendingEnd(75, why="away", later=True)


def picture(what: str, why: str | None = None) -> dict[str, object]:
    return {"sku": "shoe", "place": 1, "what": what, "why": why}


def answer(*pictures: dict[str, object], left_out: tuple[dict[str, str], ...] = ()) -> dict[str, object]:
    return {"not_sent": [], "shops": [{"line": "mine: …", "pictures": list(pictures), "left_out": list(left_out)}]}


def test_a_change_is_sent_once_it_has_been_quiet() -> None:
    due = changed(None, "mine", "shoes", NOW, 30.0)

    assert due == DueOrder("mine", "shoes", NOW + 30.0)
    assert (is_due(due, NOW + 29.0), is_due(due, NOW + 30.0)) == (False, True)


def test_another_change_lets_it_wait_for_quiet_again() -> None:
    assert changed(DUE, "mine", "shoes", NOW + 10.0, 30.0).at == NOW + 40.0


def test_a_change_does_not_shorten_the_pause_of_a_shop_that_is_away() -> None:
    paused = DueOrder("mine", "shoes", NOW + 900.0, 4, "away")

    assert changed(paused, "mine", "shoes", NOW, 30.0) == paused


def test_a_change_brings_back_what_somebody_should_look_at() -> None:
    stuck = DueOrder("mine", "shoes", None, 1, "unknown product", person=True)

    assert not is_due(stuck, math.inf)
    assert changed(stuck, "mine", "shoes", NOW, 30.0) == DueOrder("mine", "shoes", NOW + 30.0)


def test_a_time_that_a_wrong_clock_set_is_due_at_once() -> None:
    assert is_due(DueOrder("mine", "shoes", NOW + 10 * 86400.0), NOW)


def test_pauses_grow_up_to_the_longest() -> None:
    due, pauses = DUE, []
    for _ in range(12):
        left = after_try(due, AWAY, NOW)
        assert left is not None
        assert left.at is not None
        pauses.append(left.at - NOW)
        due = left

    assert pauses[:4] == [60.0, 120.0, 240.0, 480.0]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert (due.tries, due.why, due.person) == (12, "away", False)


def test_what_is_whole_is_due_no_longer() -> None:
    assert after_try(DUE, SendingEnd(0), NOW) is None


def test_a_try_that_was_cut_off_is_made_again() -> None:
    left = after_try(DUE, SendingEnd(None, why="killed", later=True), NOW)

    assert left is not None
    assert (left.at, left.person) == (NOW + 60.0, False)


@pytest.mark.parametrize(
    ("code", "told", "why", "later"),
    [
        (75, answer(picture("waits", "Shopify is away")), "shoe main: Shopify is away", True),
        (75, answer(picture("processing")), "shoe main: the shop still works on it", True),
        (1, answer(picture("same"), picture("unknown", "no such SKU")), "shoe main: no such SKU", False),
        (1, answer(picture("login", "401")), "shoe main: 401", True),
        (
            1,
            answer(picture("waits", "away"), picture("unknown", "no such SKU")),
            "shoe main: no such SKU (and 1 other)",
            True,
        ),
        (1, answer(left_out=({"photo": "a.jpg", "why": "it has no SKU"},)), "a.jpg: it has no SKU", False),
        (2, {}, "There is no token", True),
        (75, {}, "There is no token", True),
    ],
)
def test_what_a_person_should_look_at_comes_first(code: int, told: dict[str, object], why: str, later: bool) -> None:
    end = end_of(code, told, "There is no token.")

    assert (end.code, end.why, end.later) == (code, why, later)


def test_a_photo_that_is_not_exported_is_told_with_its_reason() -> None:
    left_out = left_out_values(NotExported("a.jpg", "web", Said("export_no_result")), words_in("en"))
    end = end_of(1, {"not_sent": [left_out], "shops": []}, "")

    assert left_out["reason"]
    assert end.why == f"a.jpg: {left_out['reason'].rstrip('.')}"
