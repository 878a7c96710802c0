"""What people made of results, read from the journal with what the judgement had measured."""

from daemon.journal import Journal
from daemon.judgement.refit import Judged

SOON_SECONDS = 7 * 86400.0  # what lay there when somebody moved another one out was looked at too
MOST = 20_000  # of the newest verdicts, and as many results that were left alone: some megabytes


def judged(journal: Journal) -> tuple[Judged, ...]:
    """Every result that a person judged, by the last word on it, and those that were looked at and left.

    A verdict whose attempt the journal no longer knew says nothing of a score, and is left out.
    """
    found: list[Judged] = []
    heard = set()
    for said in journal.verdicts.latest(MOST):  # the newest first
        verdict = said.attempt and said.attempt.verdict
        if not verdict or (said.job_id, said.attempt) in heard:
            continue
        heard.add((said.job_id, said.attempt))
        found.append(Judged(verdict.score, verdict.grade, said.to_grade, said.at, measures=verdict.measures))
    for left in journal.verdicts.left_alone(MOST, SOON_SECONDS):
        measures = left.attempt.verdict.measures if left.attempt.verdict else None
        found.append(Judged(left.score, left.grade, left.grade, left.finished_at, spoken=False, measures=measures))
    return tuple(found)
