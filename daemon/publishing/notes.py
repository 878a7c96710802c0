"""Writes the texts that lie beside an original in `failed/` or `archiv/`, for a person who never saw this program."""

import time

from daemon.journal import JobRow


def failure_note(name: str, job_id: str, reason: str) -> bytes:
    """The text beside a photo in `failed/`, UTF-8, for a person who has never seen this program."""
    lines = (
        f"{name} could not be cut out.",
        "",
        f"Why: {reason}",
        "",
        "What you can do: mend or replace the photo and put it into inbox/ again,",
        f"or let it be tried once more as it is: freisteller retry {job_id}",
        "(with --config and the daemon's settings file, where it has one).",
        "",
    )
    return "\n".join(lines).encode()


def equal_note(name: str, first: JobRow) -> bytes:
    """The text beside a photo in `archiv/` that was left out because the same one came before, UTF-8."""
    came = time.strftime("%Y-%m-%d %H:%M", time.localtime(first.job.admitted_at))
    lines = (
        f"{name} was not cut out again: byte for byte it is the same as {first.job.name},",
        f"which came on {came} (job {first.job.id}).",
        "",
        f"Its result: {first.results[0] if first.results else 'not there yet, it is still in work'}",
        "",
        'Photos that come twice are cut out twice with equal_content = "process" in the settings.',
        "",
    )
    return "\n".join(lines).encode()
