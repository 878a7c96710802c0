"""How the end of a photo looks on a terminal. This is cheap to import: no command pays for another one's libraries."""

from rich.text import Text

from daemon.jobs import Grade
from daemon.publishing.job_events import JobEnd
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.promise_texts import both_promises_text
from daemon.words.reason_texts import reason_text

COLOURS = {Grade.SEHR_GUT: "green", Grade.GUT: "yellow", Grade.UNGENUEGEND: "red", None: "bold red"}
"""The style of each grade; None = failed."""


def job_end_line(job_end: JobEnd) -> Text:
    """One line for one photo: name, grade, both promises, seconds; below the best grade also the first reason."""
    grade = job_end.grade.value if job_end.grade else "failed"
    english, verdict = words_in(LANGUAGES[0]), job_end.verdict
    score = both_promises_text(verdict, english) if verdict else "  -  "
    line = Text(f"{job_end.job.name:<32} ")
    line.append(f"{grade:<11}", style=COLOURS[job_end.grade])
    line.append(f" {score:<16}  {job_end.seconds:6.1f} s")
    if job_end.grade is not Grade.SEHR_GUT and job_end.reason:
        line.append(f"  {reason_text(job_end.reason, english)}", style="dim")
    return line
