"""A file from its pictures to staged results: one picture in memory at a time, and one decision about all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from daemon.jobs import Job, Outcome
from daemon.publishing.reports import Cut, worst
from daemon.publishing.staging import Routing
from daemon.work.pipeline import PhotoInWork, Pipeline


def cut_and_stage(
    job: Job,
    path: Path,
    pipeline: Pipeline,
    routing: Routing,
    staging: Path,
    outcome_of: Callable[[PhotoInWork], Outcome],
    decide: Callable[[Outcome], None],
) -> tuple[Outcome, tuple[Cut, ...]]:
    """Cut out every picture of the file at `path` that is to be, decide, and write the results into `staging`.

    outcome_of: cuts out one picture. decide: told what stands for the whole file, before anything is staged; nothing
    that is staged may come from another decision. Returns that outcome, and what was staged.
    """
    pages = pipeline.pages(path)
    if len(pages) == 1:
        with pipeline.opened(path, pages[0]) as bench:
            outcome = outcome_of(bench)
            decide(outcome)
            alpha = pipeline.finished_alpha(bench, outcome.best)
            return outcome, (routing.stage(job, outcome, bench.photo, alpha, staging, pages[0]),)
    outcomes = []
    for page in pages:
        with pipeline.opened(path, page) as bench:
            outcomes.append(outcome_of(bench))
    decide(worst(outcomes))
    known = replace(job, attempts=tuple(attempt for outcome in outcomes for attempt in outcome.attempts))
    cuts = []
    for page, outcome in zip(pages, outcomes, strict=True):
        with pipeline.opened(path, page) as bench:  # once more: all pages at once may be too large for any memory
            pipeline.restored(known, bench)
            alpha = pipeline.finished_alpha(bench, outcome.best)
            cuts.append(routing.stage(job, outcome, bench.photo, alpha, staging, page))
    return worst(outcomes), tuple(cuts)
