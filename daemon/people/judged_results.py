"""Reads from the journal what people think of results, with what the judgement had measured."""

from daemon.jobs import TOUCH_UP, Attempt, Grade
from daemon.journal import Journal
from daemon.judgement.refit import Judged

SOON_SECONDS = 7 * 86400.0  # who moves a result out of a folder has seen those that came in so shortly before
MOST = 20_000  # of the newest verdicts, and as many results that were left alone; some megabytes


def judged(journal: Journal) -> tuple[Judged, ...]:
    """Every result that a person moved, with the last grade given, and those that a person saw and left alone.

    A verdict is left out if the journal no longer knew its attempt: it tells nothing about a score.
    """
    found: list[Judged] = []
    seen = set()
    for given in journal.verdicts.latest(MOST):  # the newest first
        if given.attempt is None or (given.job_id, given.attempt) in seen:
            continue
        seen.add((given.job_id, given.attempt))
        found += _judged(given.attempt, given.folder, given.to_grade, given.at)
    for left in journal.verdicts.left_alone(MOST, SOON_SECONDS):
        found += _judged(left.attempt, left.folder, left.grade, left.finished_at, spoken=False)
    return tuple(found)


def _judged(attempt: Attempt, order: str, person: Grade, at: float, *, spoken: bool = True) -> list[Judged]:
    """What a person says of an attempt; nothing if the judgement had said nothing of it."""
    verdict, model = attempt.verdict, attempt.recipe.model
    if verdict is None:
        return []
    return [
        Judged(
            verdict.score,
            verdict.grade,
            person,
            at,
            spoken,
            verdict.measures,
            order=order,
            model="" if model == TOUCH_UP else model,
            uncorrected=verdict.uncorrected,
            by_rim=verdict.by_rim,
        )
    ]
