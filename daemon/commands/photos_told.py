"""Tells which photos are in back-off or failed, why, and what to do in the folder; and how long the others took."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.journal import JobRow, Journal
from daemon.journal.turns import PutOff
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.failure_texts import advice

LISTED = 100  # photos of each kind that are told as values ...
SHOWN = 5  # ... and as lines


def photos_told(journal: Journal, root: str, now: float) -> dict[str, Any]:
    """The photos in back-off, the next to be tried first, and those that failed, the latest first, as JSON values.

    Besides, the seconds of work on the latest that are done, without stops, outages and back-off.
    root: the hot folder as the user wrote it, so that paths look as the user knows them. now: Unix seconds.
    """
    return {
        "put_off": [_put_off(each) for each in journal.turns.put_off(now, LISTED)],
        "failed": [_failed(row, root) for row in journal.failed(LISTED)],
        "work_seconds": _work_seconds([row.job.worked_seconds for row in journal.latest(LISTED) if row.job.grade]),
    }


def _work_seconds(times: Sequence[float]) -> dict[str, float] | None:
    """How long half of the latest photos, and 95 in a hundred, were worked on at most; None if none is done."""
    ordered = sorted(times)
    if not ordered:
        return None
    half, most = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return {"photos": len(ordered), "p50": round(half, 3), "p95": round(most, 3)}


def _put_off(each: PutOff) -> dict[str, Any]:
    return {
        "id": each.job_id,
        "name": each.name,
        "next_try_at": each.next_try_at,
        "kind": each.kind,
        "reason": each.reason,
    }


def _failed(row: JobRow, root: str) -> dict[str, Any]:
    """A photo without files of its own was taken away; then its path is the one under which it was dropped."""
    return {
        "id": row.job.id,
        "name": row.job.name,
        "path": str(Path(root) / (row.results[0] if row.results else row.source)),
        "kind": row.reason_kind,
        "reason": row.job.reason,
        "do": advice(row.reason_kind, words_in(LANGUAGES[0])),
        "at": row.job.finished_at,
    }


def photo_lines(told: dict[str, Any], failed: int) -> tuple[str, ...]:
    """The same for people. told: what `photos_told` returned. failed: how many photos failed in all."""
    lines = _work_lines(told["work_seconds"])
    lines += [
        f"waits: {each['name']}; next try at {_clock(each['next_try_at'])}, or as soon as the cause is gone: "
        f"{each['reason']}"
        for each in told["put_off"][:SHOWN]
    ]
    lines += _more(len(told["put_off"]), "in back-off")
    for each in told["failed"][:SHOWN]:
        lines += [f"failed: {each['path']} ({each['kind']})", f"  Why: {each['reason']}", f"  What to do: {each['do']}"]
    return (*lines, *_more(failed if told["failed"] else 0, "failed; each has a note beside it in failed/"))


def _work_lines(work: dict[str, Any] | None) -> list[str]:
    if work is None:
        return []
    if work["photos"] == 1:
        return [f"work on the latest photo: {work['p50']:.1f} s"]
    latest = f"the latest {work['photos']} photos"
    return [f"work on {latest}: half of them at most {work['p50']:.1f} s, 95 in 100 at most {work['p95']:.1f} s"]


def _more(count: int, what: str) -> Sequence[str]:
    return [f"and {count - SHOWN} more {what}"] if count > SHOWN else []


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
