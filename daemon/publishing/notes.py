"""Writes the notes that lie beside an original in `failed/` or `archiv/`, for a person who never saw this program."""

import re
import time
from collections.abc import Sequence

from daemon.jobs.failure_kinds import FailureKind
from daemon.journal import JobRow
from daemon.words.catalogue import LANGUAGES, N_, Texts, words_in
from daemon.words.failure_texts import advice
from daemon.words.said import said_in

CANCELLED, REJECTED = "cancelled", "rejected"
"""The short names of reasons that a person gave."""


WHY = N_("Why: %(reason)s")
KIND = N_("Kind of failure: %(kind)s")


def failure_note(name: str, job_id: str, reason: str, words: Texts, kind: str | None = None) -> bytes:
    """The note beside a photo in `failed/`, UTF-8. `why_in` reads its reason back, and `found_files` its job id.

    name: the photo's path as people dropped it, e.g. "inbox/shoes/a.jpg". kind: the reason's short name.
    """
    retry = f"freisteller retry {job_id}"
    by_a_person = kind in (CANCELLED, REJECTED)
    lines = (
        words.say("%(name)s was put here by a person.", name=name)
        if by_a_person
        else words.say("%(name)s could not be cut out.", name=name),
        "",
        words.say(WHY, reason=said_in(reason, words)),
        "",
        words.say("What to do: %(advice)s", advice=advice(kind, words)),
        "",
        words.say("Whoever runs Freisteller can also have it tried once more as it is: %(command)s", command=retry),
        words.say("(add --config and the daemon's settings file, if it has one)."),
        words.say(KIND, kind=kind or FailureKind.BAD_PHOTO.value),
        "",
    )
    return "\n".join(lines).encode()


def why_in(note: str) -> str | None:
    """The reason in a failure note of any language; None if this is no such note."""
    return _line_after([words_in(language).say(WHY, reason="") for language in LANGUAGES], ".*", note)


def kind_in(note: str) -> str | None:
    """The short name of the reason in a failure note of any language; None in notes of earlier versions."""
    return _line_after([words_in(language).say(KIND, kind="") for language in LANGUAGES], "[a-z_]{1,40}", note)


def _line_after(marks: Sequence[str], what: str, note: str) -> str | None:
    for mark in marks:
        if found := re.search(f"^{re.escape(mark)}({what})$", note, re.MULTILINE):
            return found[1]
    return None


def equal_note(name: str, first: JobRow, words: Texts) -> bytes:
    """The note beside a photo in `archiv/` that was left out because the same photo came before, UTF-8."""
    came = time.strftime("%Y-%m-%d %H:%M", time.localtime(first.job.admitted_at))
    result = first.results[0] if first.results else words.say("not there yet, the photo is still in work")
    lines = (
        words.say(
            "%(name)s was not cut out again, because it is the same file, byte for byte, as %(first)s,",
            name=name,
            first=first.job.name,
        ),
        words.say("which came on %(when)s (job %(job)s).", when=came, job=first.job.id),
        "",
        words.say("Its result: %(result)s", result=result),
        "",
        words.say('To have such photos cut out again, set equal_content = "process" under [intake] in the settings.'),
        "",
    )
    return "\n".join(lines).encode()
