"""A photo's ending, as a person reads it; the import of this costs a command nothing else."""

from rich.text import Text

from daemon.jobs import Grade
from daemon.publishing.job_events import JobEnd

COLOURS = {Grade.SEHR_GUT: "green", Grade.GUT: "yellow", Grade.UNGENUEGEND: "red", None: "bold red"}


def ending_line(ending: JobEnd) -> Text:
    """One line for one photo: name, grade, score, seconds, and why where it is not the best grade."""
    grade = ending.grade.value if ending.grade else "failed"
    score = f"{ending.score:.2f}" if ending.score is not None else "  - "
    line = Text(f"{ending.job.name:<32} ")
    line.append(f"{grade:<11}", style=COLOURS[ending.grade])
    line.append(f" {score}  {ending.seconds:6.1f} s")
    if ending.grade is not Grade.SEHR_GUT and ending.reason:
        line.append(f"  {ending.reason}", style="dim")
    return line
