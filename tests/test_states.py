"""The table of states, and the tickets of attempts."""

import pytest

from daemon.errors import IllegalMove
from daemon.jobs import Grade, Job
from daemon.states import MOVES, OVER, Move, State, after, is_open, is_over


def test_every_state_but_the_first_is_reached_by_some_move() -> None:
    reached = {end for ends in MOVES.values() for end in ends.values()}

    assert reached == set(State)


def test_every_state_can_be_left() -> None:
    left = {start for ends in MOVES.values() for start in ends}

    assert left == set(State)


@pytest.mark.parametrize(("state", "move"), [(State.DONE, Move.START), (State.WAITING, Move.COMPLETE)])
def test_an_illegal_move_raises(state: State, move: Move) -> None:
    with pytest.raises(IllegalMove):
        after(state, move)


def test_every_state_is_either_open_or_over() -> None:
    assert all(is_open(state) != is_over(state) for state in State)
    assert not is_open(None)
    assert not is_over(None)


def test_a_job_that_is_over_only_leaves_when_a_person_asks() -> None:
    moves = {move for move, ends in MOVES.items() if set(ends) & OVER}
    assert moves == {Move.REQUEUE, Move.TAKE_ATTEMPT, Move.REJECT, Move.REINSTATE}


def test_a_ticket_is_the_same_after_a_restart() -> None:
    assert Job("a", "x.jpg").ticket(2) == Job("a", "x.jpg", state=State.RUNNING, tries=2).ticket(2)


def test_a_new_round_has_new_tickets() -> None:
    assert Job("a", "x.jpg").ticket(1) != Job("a", "x.jpg", round=1).ticket(1)


def test_labels_of_grades_are_ascii() -> None:
    assert all(grade.label.isascii() for grade in Grade)
