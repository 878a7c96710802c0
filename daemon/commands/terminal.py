"""How the end of a photo looks on a terminal. This is cheap to import: no command pays for another one's libraries."""

from rich.text import Text

from daemon.jobs import Grade
from daemon.logs.fitted import columns, padded, shortened, wrapped
from daemon.logs.formats import on_one_line
from daemon.publishing.job_events import JobEnd
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.promise_texts import both_promises_text
from daemon.words.reason_texts import reason_text

COLOURS = {Grade.SEHR_GUT: "green", Grade.GUT: "yellow", Grade.UNGENUEGEND: "red", None: "bold red"}
"""The style of each grade; None = failed."""


_LEAST_NAME, _USUAL_NAME = 10, 41  # columns
_OTHERS, _OTHERS_SHORT = 39, 22  # columns after the name, with both promises and without
_INDENT = 4


def job_end_line(job_end: JobEnd, width: int = 80) -> Text:
    """One line for one photo: name, grade, both promises, seconds; below the best grade also the first reason.

    width: of the terminal, in columns. A long name is shortened in the middle. A reason that does not fit beside it all
    follows on lines of its own.
    """
    grade = job_end.grade.value if job_end.grade else "failed"
    english, verdict = words_in(LANGUAGES[0]), job_end.verdict
    score = both_promises_text(verdict, english) if verdict else "  -  "
    name, is_short = on_one_line(job_end.job.name), width < _OTHERS + _LEAST_NAME
    room = max(_LEAST_NAME, min(width - (_OTHERS_SHORT if is_short else _OTHERS), _USUAL_NAME))
    line = Text(f"{padded(name, room)} ")
    line.append(f"{grade:<11}", style=COLOURS[job_end.grade])
    line.append(f"  {job_end.seconds:6.1f} s" if is_short else f" {score:<16}  {job_end.seconds:6.1f} s")
    if job_end.grade is not Grade.SEHR_GUT and job_end.reason:
        said = with_short_name(on_one_line(str(reason_text(job_end.reason, english))), name, _USUAL_NAME)
        if columns(line.plain) + 2 + columns(said) <= width:
            line.append(f"  {said}", style="dim")
        else:
            lines = wrapped(" " * _INDENT + said, width, _INDENT)
            line.append("".join(f"\n{each}" for each in lines), style="dim")
    return line


def with_short_name(sentence: str, name: str, room: int = _USUAL_NAME) -> str:
    """A sentence in which the name of a photo takes at most `room` columns."""
    return sentence.replace(name, shortened(name, room)) if columns(name) > room else sentence
