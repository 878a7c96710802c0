"""The states that a job may take, and the table of moves between them."""

from enum import StrEnum

from daemon.errors import IllegalMove

LONGEST_POSTPONE_SECONDS = 300.0  # what is due later than that was put off before the clock was set back


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PUBLISHING = "publishing"
    DONE = "done"
    FAILED = "failed"


class Move(StrEnum):
    """What may happen to a job."""

    START = "start"
    DECIDE = "decide"
    GIVE_UP = "give_up"
    POSTPONE = "postpone"
    FINISH = "finish"
    REQUEUE = "requeue"
    LEAVE_OUT = "leave_out"


MOVES: dict[Move, tuple[frozenset[State], State]] = {
    Move.START: (frozenset({State.WAITING}), State.RUNNING),
    Move.DECIDE: (frozenset({State.RUNNING}), State.PUBLISHING),
    Move.GIVE_UP: (frozenset({State.WAITING, State.RUNNING, State.PUBLISHING}), State.FAILED),
    Move.POSTPONE: (frozenset({State.RUNNING}), State.WAITING),
    Move.FINISH: (frozenset({State.PUBLISHING}), State.DONE),
    Move.REQUEUE: (frozenset({State.DONE, State.FAILED}), State.WAITING),
    Move.LEAVE_OUT: (frozenset({State.RUNNING}), State.DONE),
}
"""The whole table: from which states a move starts, and where it leads."""


def after(state: State, move: Move) -> State:
    """The state that `move` leads to. Raises IllegalMove where the table has no such move."""
    starts, end = MOVES[move]
    if state not in starts:
        raise IllegalMove(f"A job that is {state} cannot {move}.")
    return end
