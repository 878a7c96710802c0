"""Says where a job stands between its decision and the end, from its row and from the files that were seen."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from daemon.jobs import Outcome, attempt_numbered
from daemon.journal import JobRow
from daemon.publishing.kept_pages import KeptPage
from daemon.publishing.reports import Staged
from daemon.settings import OutputSettings
from daemon.states import State


class Step(StrEnum):
    """What is to be done next for a job. Each step may be repeated after a crash."""

    CUT_OUT = "cut out"
    STAGE = "stage"
    RETIRE = "retire the earlier result"
    PLACE = "place"
    ARCHIVE = "archive"
    CLEAR = "clear"
    OVER = "over"
    # Side roads; each one ends in CLEAR.
    ADOPT = "adopt"
    LEAVE_OUT = "leave out"
    GIVE_UP = "give up"
    MOVE_TO_FAILED = "move to failed"


@dataclass(frozen=True, slots=True)
class Files:
    """What was seen of a job's files, and what this run remembers of them.

    original: in work. placed_here: places of the results, below the root, that this run put there; the journal may have
    had no room to record them. elsewhere: the job as its report or failure note tells it, looked for only if the
    original is gone from work, or if the journal is new to the job. staged_as_decided: all files of the result, the
    report last, if they are whole and agree with the decision. kept: by page, what stays of an earlier result when the
    job is staged. leftovers: whether anything of a job that is over is left in work, in staging or among the alphas.
    """

    original: Path | None = None
    placed_here: Sequence[str] = ()
    elsewhere: JobRow | None = None
    staged_as_decided: tuple[Staged, ...] = ()
    kept: Mapping[int, KeptPage] = field(default_factory=dict)
    leftovers: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """One job on its way to its end; each step takes it and returns the next one.

    outputs: what the photo's settings say of results. content: SHA-256 of the original, computed once; seen: what the
    disk said of the original just before. outcome: what was decided; None if nothing was, or if the journal lacks the
    attempt that won.
    """

    row: JobRow
    files: Files
    outputs: OutputSettings
    content: bytes | None = None
    seen: os.stat_result | None = None
    outcome: Outcome | None = None

    @property
    def step(self) -> Step:
        """What is to be done next."""
        return where_it_stands(self.row, self.files)

    @property
    def places(self) -> Sequence[str]:
        """Where the results of this round are, below the root; empty if they are not placed."""
        return self.row.results or self.files.placed_here


def where_it_stands(row: JobRow, files: Files) -> Step:
    """The next step of a job. Pure; the table stands in docs/architecture.md, and a test compares the two."""
    return _BY_STATE[row.job.state](row, files)


def _undecided(row: JobRow, files: Files) -> Step:
    return _lost(files) or (Step.LEAVE_OUT if row.same_as else Step.CUT_OUT)


def _publishing(row: JobRow, files: Files) -> Step:
    if row.results or files.placed_here:
        return Step.ARCHIVE  # placed results are a person's, wherever they are by now: they are never made again
    if lost := _lost(files):
        return lost
    if not files.staged_as_decided:
        return Step.STAGE
    return Step.RETIRE if row.job.choice and row.job.choice.replaces else Step.PLACE


def _done(_: JobRow, files: Files) -> Step:
    return Step.CLEAR if files.leftovers else Step.OVER


def _failed(row: JobRow, files: Files) -> Step:
    return Step.MOVE_TO_FAILED if files.original else _done(row, files)


def _lost(files: Files) -> Step | None:
    if files.elsewhere:
        return Step.ADOPT
    return None if files.original else Step.GIVE_UP


_BY_STATE: dict[State, Callable[[JobRow, Files], Step]] = {
    State.WAITING: _undecided,
    State.RUNNING: _undecided,
    State.PUBLISHING: _publishing,
    State.DONE: _done,
    State.FAILED: _failed,
}


def decided(row: JobRow) -> Outcome | None:
    """The outcome that the journal holds of a decided job; None if it lacks the attempt that won."""
    best = attempt_numbered(row.job.attempts, row.job.best)
    return None if best is None or best.verdict is None else Outcome(row.job.attempts, best)
