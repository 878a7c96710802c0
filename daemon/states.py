"""The states that a job may take, and the table of moves between them."""

from collections.abc import Mapping
from enum import StrEnum

from daemon.errors import IllegalMove

LONGEST_POSTPONE_SECONDS = 300.0
"""No job is put off for longer. One that is due later than that was put off before the clock was set back."""


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PUBLISHING = "publishing"
    DONE = "done"
    FAILED = "failed"


OPEN = frozenset({State.WAITING, State.RUNNING, State.PUBLISHING})
OVER = frozenset({State.DONE, State.FAILED})


class Move(StrEnum):
    """What may happen to a job."""

    START = "start"
    DECIDE = "decide"
    GIVE_UP = "give_up"
    POSTPONE = "postpone"
    RESUME = "resume"
    DELAY = "delay"
    UNDO = "undo"
    RECOVER = "recover"
    COMPLETE = "complete"
    REQUEUE = "requeue"
    LEAVE_OUT = "leave_out"
    TAKE_ATTEMPT = "take_attempt"
    CANCEL = "cancel"
    REJECT = "reject"
    REINSTATE = "reinstate"


MOVES: Mapping[Move, Mapping[State, State]] = {
    Move.START: {State.WAITING: State.RUNNING},
    Move.DECIDE: {State.RUNNING: State.PUBLISHING},
    Move.GIVE_UP: dict.fromkeys(OPEN, State.FAILED),
    Move.POSTPONE: {State.RUNNING: State.WAITING},
    Move.RESUME: {State.PUBLISHING: State.PUBLISHING},
    Move.DELAY: {State.PUBLISHING: State.PUBLISHING},
    Move.UNDO: {State.RUNNING: State.WAITING, State.PUBLISHING: State.PUBLISHING},
    Move.RECOVER: {State.RUNNING: State.WAITING, State.PUBLISHING: State.PUBLISHING},
    Move.COMPLETE: {State.PUBLISHING: State.DONE},
    Move.REQUEUE: dict.fromkeys(OVER, State.WAITING),
    Move.LEAVE_OUT: {State.RUNNING: State.DONE},
    Move.TAKE_ATTEMPT: {State.DONE: State.PUBLISHING},
    Move.CANCEL: {State.WAITING: State.FAILED},
    Move.REJECT: {State.DONE: State.FAILED},
    Move.REINSTATE: {State.WAITING: State.DONE, State.FAILED: State.DONE},
}
"""The whole table: for each move the states that it starts from, and where it leads from each."""


def after(state: State, move: Move) -> State:
    """The state that `move` leads to. Raises IllegalMove if the table has no such move."""
    ends = MOVES[move]
    if state not in ends:
        raise IllegalMove(f"A job that is {state} cannot {move}.")
    return ends[state]


def is_open(state: State | None) -> bool:
    """Whether there is still something to do for a job in this state. None is a job that the journal does not know."""
    return state in OPEN


def is_over(state: State | None) -> bool:
    """Whether a job in this state has ended, with a result or without one."""
    return state in OVER


def is_waiting(state: State | None) -> bool:
    """Whether nobody works on a job in this state yet."""
    return state is State.WAITING


def is_decided(state: State | None) -> bool:
    """Whether the result of a job in this state is settled and is being put where people find it."""
    return state is State.PUBLISHING


def is_done(state: State | None) -> bool:
    """Whether a job in this state ended well: with a result, or left out because the same photo came before."""
    return state is State.DONE


def has_failed(state: State | None) -> bool:
    """Whether a job in this state was given up."""
    return state is State.FAILED
