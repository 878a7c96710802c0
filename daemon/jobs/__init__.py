"""The values that all rooms hand each other: what a photo is asked, what came of it, and how good that is."""

from daemon.jobs.job import ATTEMPTS_PER_PAGE, TICKETS, Attempt, Choice, Job, Outcome, attempt_numbered
from daemon.jobs.promises import Limits, MadeOf
from daemon.jobs.recipes import TOUCH_UP, UNFINISHED, Finish, Recipe, View
from daemon.jobs.verdict import Correction, Grade, Measures, Reason, Spot, Verdict, Witnessed

__all__ = [
    "ATTEMPTS_PER_PAGE",
    "TICKETS",
    "TOUCH_UP",
    "UNFINISHED",
    "Attempt",
    "Choice",
    "Correction",
    "Finish",
    "Grade",
    "Job",
    "Limits",
    "MadeOf",
    "Measures",
    "Outcome",
    "Reason",
    "Recipe",
    "Spot",
    "Verdict",
    "View",
    "Witnessed",
    "attempt_numbered",
]
