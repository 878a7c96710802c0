"""Reads from the journal what people think of results, with what the judgement had measured."""

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
        verdict = given.attempt and given.attempt.verdict
        if not verdict or (given.job_id, given.attempt) in seen:
            continue
        seen.add((given.job_id, given.attempt))
        found.append(Judged(verdict.score, verdict.grade, given.to_grade, given.at, measures=verdict.measures))
    for left in journal.verdicts.left_alone(MOST, SOON_SECONDS):
        measures = left.attempt.verdict.measures if left.attempt.verdict else None
        found.append(Judged(left.score, left.grade, left.grade, left.finished_at, spoken=False, measures=measures))
    return tuple(found)
