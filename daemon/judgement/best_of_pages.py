"""Says which attempts a result is made of: one for each page of the file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.jobs import ATTEMPTS_PER_PAGE, Attempt, Choice, Grade, Job, Verdict, attempt_numbered

Standing = tuple[int, bool, float, float]
"""How good a result is: the greater, the better."""


def standing(verdict: Verdict) -> Standing:
    """How good a result is, to be compared: by its grade, then by its worse promise, then by its score.

    The worse promise is the one that is less over its own limit of sehr_gut, or farther below it. Of results that are
    ungenügend, those come last whose region was too bad to look at the rim.
    """
    limits, score, rim = verdict.limits, verdict.score, verdict.rim
    if limits is None or rim is None:
        over = score - (limits.sehr_gut if limits else 0.0)
    else:
        over = min(score - limits.sehr_gut, rim - limits.rim_sehr_gut)
    return verdict.grade.rank, rim is not None or verdict.grade is not Grade.UNGENUEGEND, over, score


def best_by_score(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt with the best standing; of equal ones the earlier. None if none was judged."""
    judged = [(standing(attempt.verdict), -attempt.number, attempt) for attempt in attempts if attempt.verdict]
    return max(judged, key=lambda row: row[:2])[2] if judged else None


def pages_of_job(job: Job) -> tuple[int, ...]:
    """The numbers of the pages that were tried, from 1; of a file of one page, and of a job without attempts, (1,)."""
    return tuple(sorted({attempt.page for attempt in job.attempts})) or (1,)


def page_of(number: int) -> int:
    """The page that the attempt of this number was made at, from 1."""
    return (number - 1) // ATTEMPTS_PER_PAGE + 1


def of_page(job: Job, page: int) -> tuple[Attempt, ...]:
    """The attempts at one page, in their order."""
    return tuple(attempt for attempt in job.attempts if attempt.page == page)


def best_of_page(job: Job, page: int) -> Attempt | None:
    """The attempt that the result of a page is made of: what a person took, else the best. None if there is none.

    What stands for the whole file is the worst of these, `job.best`.
    """
    attempts = of_page(job, page)
    taken = [number for number, *_ in job.choice.taken] if job.choice else []
    for number in (job.best, *taken):
        found = attempt_numbered(attempts, number)
        if found is not None and found.verdict is not None:
            return found
    return best_by_score(attempts)


def leading(attempts: Sequence[Attempt]) -> Attempt:
    """Of the attempts that the pages are made of, the one that stands for the file: the worst. Each has a verdict."""
    return min((standing(each.verdict), n, each) for n, each in enumerate(attempts) if each.verdict)[2]


def with_taken(job: Job, attempt: Attempt, choice: Choice) -> tuple[Attempt, Choice]:
    """What stands for the file once a person took an attempt, and the choice with all that people took of its pages.

    Of a file of one page that is the attempt itself. Every page has an attempt with a verdict.
    """
    pages = pages_of_job(job)
    if pages == (1,):
        return attempt, choice
    bests: Mapping[int, Attempt | None] = {page: best_of_page(job, page) for page in pages} | {attempt.page: attempt}
    before = [each for each in (job.choice.taken if job.choice else ()) if page_of(each[0]) != attempt.page]
    taken = (*before, (attempt.number, choice.who, choice.at))
    return leading([each for each in bests.values() if each]), replace(choice, page=attempt.page, taken=taken)
