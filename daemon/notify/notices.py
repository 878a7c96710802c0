"""Words each notice: an event, a sentence for people, and its facts for programs, as one JSON object.

docs/integrating.md describes the JSON; a test compares the two.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from daemon.jobs import Grade, Limits, Reason
from daemon.jobs.failure_kinds import kind_of
from daemon.settings import Event
from daemon.words.catalogue import Texts
from daemon.words.failure_texts import advice
from daemon.words.promise_texts import promises_text
from daemon.words.reason_texts import reason_text
from daemon.words.said import failure_of

MOST_PHOTOS = 50  # named in one notice; `count` says how many there are
LONGEST_REASON = 300  # characters


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. at: Unix time. id: the same in each try, so that a receiver can spot a repeat."""

    event: Event | Literal["test"]
    text: str
    at: float
    facts: Mapping[str, object] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Origin:
    """Which daemon sends the notices: the version of the program, the machine and the hot folder."""

    version: str
    host: str
    root: str


@dataclass(frozen=True, slots=True)
class FailedPhoto:
    """A photo that went to `failed/`. name: its path below `inbox/`. reason: why it failed, in words."""

    name: str
    job: str
    reason: Reason | str


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What became of the photos of one folder of `inbox/`.

    folder: "" stands for `inbox/` itself. photos: how many there were. Those that neither failed nor have a grade were
    left out, because another photo has the same content. improved: how many have their best result from a recipe after
    the first. seconds: the work on all photos, added up. places: reports and failure notes of the worst photos, the
    worst first, as paths below the root.
    """

    folder: str
    photos: int
    failed: int
    grades: Mapping[Grade, int]
    improved: int
    seconds: float
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoEnd:
    """How one photo ended. grade, score: None without a result. reason: the main one. results: names of files.

    rim: the promise of its border, None without one. limits: by what both were graded, if that is known.
    same_as: the job whose result counts, if the photo was left out because it is the same one. public_url: what the
    port is called, without a slash at its end; "" = not known.
    """

    job: str
    name: str
    state: Literal["done", "failed"]
    grade: Grade | None
    score: float | None
    reason: Reason | str
    seconds: float
    results: tuple[str, ...] = ()
    same_as: str = ""
    public_url: str = ""
    rim: float | None = None
    limits: Limits | None = None


def payload(notice: Notice, origin: Origin) -> bytes:
    """The JSON that a hook gets: one line of UTF-8."""
    body = {
        "event": notice.event,
        "id": notice.id,
        "at": datetime.fromtimestamp(notice.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "freisteller": origin.version,
        "host": origin.host,
        "root": origin.root,
        "text": notice.text,
        **notice.facts,
    }
    return (json.dumps(body, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def failed(photos: Sequence[FailedPhoto], at: float, words: Texts) -> Notice:
    """Photos went to `failed/`. photos: at least one."""
    named = [
        {
            "name": photo.name,
            "job": photo.job,
            "reason": shortened(photo.reason, words),
            "kind": kind_of(photo.reason).value,
            "do": advice(kind_of(photo.reason), words),
            **failure_facts(photo.reason),
        }
        for photo in photos[:MOST_PHOTOS]
    ]
    text = words.count(
        "%(name)s failed: %(reason)s",
        "%(num)s photos failed, the first of them %(name)s: %(reason)s",
        len(photos),
        **named[0],
    )
    return Notice("failed", text, at, {"count": len(photos), "photos": named})


def photo_done(end: PhotoEnd, at: float, words: Texts) -> Notice:
    """A photo is done or failed, for programs."""
    link = f"{end.public_url}/api/v1/jobs/{end.job}"
    reason = shortened(end.reason, words)
    promises = promises_text(end.score or 0, end.rim, end.limits, words)
    outcome = f"{end.grade.value} {promises}" if end.grade else reason or end.state
    photo = {
        "job": end.job,
        "name": end.name,
        "order": end.name.partition("/")[0] if "/" in end.name else "",
        "state": end.state,
        "grade": end.grade and end.grade.value,
        "score": None if end.score is None else round(end.score, 4),
        "rim": end.rim,
        "reason": reason,
        **failure_facts("" if end.grade else end.reason),
        "seconds": round(end.seconds, 3),
        "same_as": end.same_as,
        "url": link,
        "results": [{"name": name, "url": f"{link}/results/{quote(name, safe='')}"} for name in end.results],
    }
    return Notice("photo_done", f"{end.name}: {outcome}", at, {"photo": photo})


def batch_done(figures: BatchFigures, at: float, words: Texts, sheet: Path | None = None) -> Notice:
    """All photos of a folder are done or failed. sheet: the web page of its contact sheet, None if there is none."""
    done, graded = figures.photos - figures.failed, sum(figures.grades.values())
    shares = {grade: figures.grades[grade] / graded if graded else 0.0 for grade in Grade}
    per_photo = figures.seconds / figures.photos

    def per_cent(share: float) -> str:
        return f"{words.figure(100 * share)} %"

    text = words.count(
        "%(folder)s is done: %(num)s photo, %(shares)s; %(improved)s better by another recipe; "
        "%(time)s s of work for it.",
        "%(folder)s is done: %(num)s photos, %(shares)s; %(improved)s better by another recipe; "
        "%(time)s s of work for each.",
        figures.photos,
        folder=figures.folder or "inbox",
        shares=words.say("%(share)s cut out", share=per_cent(done / figures.photos))
        + "".join(f", {per_cent(share)} {grade.value}" for grade, share in shares.items() if share),
        improved=words.figure(figures.improved),
        time=words.figure(per_photo, 1),
    )
    if sheet:
        text += " " + words.say("Contact sheet: %(path)s", path=Path(sheet.parent.name, sheet.name))
    facts = {
        "folder": figures.folder,
        "count": figures.photos,
        "failed": figures.failed,
        "success_rate": round(done / figures.photos, 4),
        "grades": {grade.value: figures.grades[grade] for grade in Grade},
        "shares": {grade.value: round(share, 4) for grade, share in shares.items()},
        "improved": figures.improved,
        "seconds_per_photo": round(per_photo, 3),
        "contact_sheet": str(sheet or ""),
    }
    return Notice("batch_done", text, at, facts)


def trial(at: float, words: Texts) -> Notice:
    """A trial that a person asked for."""
    return Notice("test", words.say("This is a trial of Freisteller's notifications; nothing happened."), at)


def failure_facts(reason: Reason | str) -> dict[str, object]:
    """The code and values of a failure, for programs; None beside a reason for a grade."""
    return failure_of(reason if isinstance(reason, str) else None)


def shortened(reason: Reason | str, words: Texts) -> str:
    """A reason in a language, no longer than a message should be."""
    return reason_text(reason, words)[:LONGEST_REASON]
