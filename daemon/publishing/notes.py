"""Writes the notes that lie beside an original in `failed/` or `archiv/`, for a person who never saw this program."""

import time

from daemon.journal import JobRow

CANCELLED, REJECTED = "cancelled", "rejected"
"""The short names of reasons that a person gave."""


def failure_note(name: str, job_id: str, reason: str, kind: str | None = None) -> bytes:
    """The note beside a photo in `failed/`, UTF-8. `found_files` reads its reason and its job id back.

    kind: the reason's short name.
    """
    lines = (
        f"{name} was put here by a person." if kind in (CANCELLED, REJECTED) else f"{name} could not be cut out.",
        "",
        f"Why: {reason}",
        "",
        "What you can do: repair or replace the photo and put it into inbox/ again,",
        f"or have it tried once more as it is: freisteller retry {job_id}",
        "(add --config and the daemon's settings file, if it has one).",
        "",
    )
    return "\n".join(lines).encode()


def equal_note(name: str, first: JobRow) -> bytes:
    """The note beside a photo in `archiv/` that was left out because the same photo came before, UTF-8."""
    came = time.strftime("%Y-%m-%d %H:%M", time.localtime(first.job.admitted_at))
    lines = (
        f"{name} was not cut out again, because it is the same file, byte for byte, as {first.job.name},",
        f"which came on {came} (job {first.job.id}).",
        "",
        f"Its result: {first.results[0] if first.results else 'not there yet, the photo is still in work'}",
        "",
        'To have such photos cut out again, set equal_content = "process" under [intake] in the settings.',
        "",
    )
    return "\n".join(lines).encode()
