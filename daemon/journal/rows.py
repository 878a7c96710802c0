"""The values that the journal's rows become: jobs with their attempts, counts, verdicts of people."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from daemon.errors import Said
from daemon.jobs import Attempt, Choice, Grade, Job
from daemon.states import LONGEST_POSTPONE_SECONDS, OPEN, State
from daemon.words.said import failure_in, failure_values

ATTEMPT = TypeAdapter(Attempt)
CHOICE = TypeAdapter(Choice)
COLUMNS = (
    "id, name, state, tries, size_bytes, admitted_at, started_at, finished_at, grade, score, best, reason, "
    "reason_kind, postponed, source, results, same_as, content, round, settings, choice, failure, worked_seconds"
)
DUE = f"(due_at <= ? OR due_at > ? + {LONGEST_POSTPONE_SECONDS})"
"""Whether a job is due; takes the present time twice. A job that was put off by a clock that was ahead is due, too."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of a result as it was published. sha256: of all its bytes, 32 of them. The rest is what the disk said.

    The file's ctime is not part of it, because a move changes that.
    """

    sha256: bytes
    inode: int
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job with what only the journal and its readers need to know of it.

    source: where the photo was taken from, below the root. postponed: how often it was put off in this round.
    reason_kind: the short name of the reason. results: its files below the root, the report last. same_as: the job that
    came before with the same content, if this one is left out for it. content: SHA-256 of the original, once it is
    known. files: what a report tells of its results; empty in a row that the journal returns. settings: what came with
    the photo by the API, as JSON of an order's sections; "" = nothing.
    """

    job: Job
    source: Path
    postponed: int
    reason_kind: str | None
    results: tuple[str, ...]
    same_as: str | None = None
    content: bytes | None = None
    files: tuple[ResultFile, ...] = ()
    settings: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are in each state, how many ended with each grade, and since when the oldest one waits.

    A job that ended stays counted when its row is pruned. oldest_admitted_at: Unix time, also of a job
    in back-off; None if none waits.
    """

    states: Mapping[State, int]
    grades: Mapping[Grade, int]
    oldest_admitted_at: float | None

    @property
    def open(self) -> int:
        """Jobs that are not over yet."""
        return sum(self.states[state] for state in OPEN)


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of the photos of one top-level folder that were admitted after a certain row.

    done: includes photos that were left out for another one of the same content; these have no grade. improved: photos
    whose best recipe was not the first. seconds: of work, summed over all photos. newest: the number of the last row.
    """

    photos: int
    done: int
    failed: int
    grades: Mapping[Grade, int]
    improved: int
    seconds: float
    newest: int


@dataclass(frozen=True, slots=True)
class PersonVerdict:
    """A grade that a person gave a result, and what the judgement had said of that result.

    folder: the top-level folder below `inbox/`; "" = none. at: Unix time. how: by what act, e.g. "moved". attempt: the
    best one, with its score and measures; None if the journal no longer knew it.
    """

    job_id: str
    name: str
    folder: str
    from_grade: Grade
    to_grade: Grade
    at: float
    who: str
    how: str
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A result that nobody moved, though a person went through its folder. folder: as in `PersonVerdict`.

    attempt: the best one.
    """

    job_id: str
    folder: str
    grade: Grade
    score: float
    finished_at: float
    attempt: Attempt


def top_folder(name: str) -> str:
    """The top-level folder of a photo's name below `inbox/`; "" if the photo lies in `inbox/` itself."""
    return name.partition("/")[0] if "/" in name else ""


def job_row(row: Sequence[object], bodies: Sequence[Sequence[object]]) -> JobRow:
    """A job from its columns and its attempts. row: the COLUMNS. bodies: round and attempt, in order."""
    job_id, name, state, tries, size, admitted, started, finished, grade, score, best, reason, *rest = row
    kind, postponed, source, results, same_as, content, job_round, settings, choice, failure, worked = rest
    job = Job(
        id=str(job_id),
        name=str(name),
        state=State(str(state)),
        tries=whole(tries),
        round=whole(job_round),
        size_bytes=whole(size),
        admitted_at=real(admitted) or 0.0,
        started_at=real(started),
        finished_at=real(finished),
        worked_seconds=real(worked) or 0.0,
        attempts=tuple(attempt(body) for number, body in bodies if number == job_round),
        tried_before=tuple(attempt(body) for number, body in bodies if number != job_round),
        grade=Grade(str(grade)) if grade else None,
        score=real(score),
        best=None if best is None else whole(best),
        reason=None if reason is None else said_again(str(reason), failure),
        choice=None if choice is None else CHOICE.validate_json(str(choice)),
    )
    assert isinstance(source, bytes)  # the column is BLOB NOT NULL in a STRICT table
    return JobRow(
        job,
        Path(os.fsdecode(source)),
        whole(postponed),
        None if kind is None else str(kind),
        tuple(json.loads(str(results))),
        None if same_as is None else str(same_as),
        content if isinstance(content, bytes) else None,
        settings=str(settings),
    )


def placeholders(values: Collection[object]) -> str:
    """As many "?" as there are values, for `IN (…)`."""
    return ", ".join("?" * len(values))


def places(paths: Sequence[str]) -> str:
    """Paths below the root as the column `results` holds them."""
    return json.dumps(list(paths))


def attempt(body: object) -> Attempt:
    """An attempt from its JSON."""
    found = ATTEMPT.validate_json(str(body))
    if found.error is None:
        return found
    return replace(found, error=said_again(found.error, json.dumps(json.loads(str(body)).get("failure"))))


def attempt_body(attempt: Attempt) -> str:
    """An attempt as JSON."""
    if not isinstance(attempt.error, Said):
        return ATTEMPT.dump_json(attempt).decode()
    values = {**ATTEMPT.dump_python(attempt, mode="json"), "failure": failure_values(attempt.error)}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


WHY = "reason = ?, reason_kind = ?, failure = ?"
"""The columns that say why a job failed or waits; `why` has their values."""
NO_REASON = "reason = NULL, reason_kind = NULL, failure = NULL"


def why(reason: str, kind: str | None) -> tuple[str, str | None, str | None]:
    """The values of WHY. reason: for people; its code and values are kept if it has some. kind: its short name."""
    return str(reason), kind, failure_text(reason)


def failure_text(reason: str | None) -> str | None:
    """The column `failure`: the code of a reason and what belongs to it, as JSON; None without a code."""
    if not isinstance(reason, Said) or not reason.code:
        return None
    return json.dumps(failure_values(reason), ensure_ascii=False)


def said_again(reason: str, failure: object) -> str:
    """A reason with its code, if `failure` is what belongs to this text."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = failure_in(json.loads(str(failure)))
        if said == reason:
            return said
    return reason


def choice_json(choice: Choice | None) -> str | None:
    """A choice as its column has it."""
    return None if choice is None else CHOICE.dump_json(choice).decode()


def whole(value: object) -> int:
    """The value of an INTEGER NOT NULL column."""
    assert isinstance(value, int)  # the table is STRICT
    return value


def real(value: object) -> float | None:
    """The value of a REAL column."""
    assert value is None or isinstance(value, float)  # the table is STRICT
    return value


def signed(inode: int) -> int:
    """An inode number as SQLite's signed 64-bit integer: some network shares use all 64 bits."""
    return inode - 2**64 if inode >= 2**63 else inode
