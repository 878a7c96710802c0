"""Writes a job as the JSON values that pages and programs get."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import quote

from daemon.hotfolder import ownership
from daemon.jobs import TOUCH_UP, Attempt, Job, Reason, attempt_numbered
from daemon.journal import top_folder
from daemon.journal.job_lists import GivenGrade, SeenJob
from daemon.judgement.best_of_pages import best_of_page, pages_of_job
from daemon.people.moved_results import is_report
from daemon.pictures.result_names import tails_of
from daemon.publishing.reports import promise_values, spot_values
from daemon.states import is_done
from daemon.web.callers import Caller
from daemon.web.problems import not_found
from daemon.web.site import Site
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import reason_text, reason_values
from daemon.words.said import failure_of

ENGLISH = words_in(LANGUAGES[0])  # of what programs read
_PAGE = re.compile("-p([0-9]+)")


def seen_by(site: Site, caller: Caller, job_id: str) -> SeenJob:
    """A job that this caller may see. Raises Refused (404) if there is none."""
    with suppress(KeyError):
        seen = site.journal.lists.one(job_id)
        if caller.sees(top_folder(seen.row.job.name)):
            return seen
    raise not_found(f"There is no job {job_id}.")


def job_values(site: Site, seen: SeenJob) -> dict[str, object]:
    """A job, without its attempts. No file is opened. Sizes of files are left out: asking a share for each takes long.

    Raises OSError if the disk does not answer.
    """
    job, pages = seen.row.job, _pages_of_result(seen)
    best = attempt_numbered(job.attempts, job.best)
    verdict = best.verdict if best else None
    return {
        "id": job.id,
        "name": job.name,
        "order": top_folder(job.name),
        "state": job.state.value,
        "grade": seen.grade and seen.grade.value,
        "score": job.score,
        **promise_values(verdict, ENGLISH),
        **_reasons(verdict.reasons if verdict else [job.reason] if job.reason else []),
        **failure_of(None if verdict else job.reason),
        "defects": list(verdict.defects) if verdict else [],
        "spots": spot_values(verdict) if verdict else [],
        "attempts": len(job.attempts),
        "round": job.round,
        "admitted_at": job.admitted_at,
        "finished_at": job.finished_at,
        "seconds": _seconds(job),
        "decided": _decided(seen.decided),
        "version": str(seen.version),
        "page": best.page if best else 1,
        "page_count": len(pages),
        "pictures": site.pictures.of(seen.row),
        "results": [_result(job, place, tail, pages) for place, tail in tails_of(result_places(seen)).items()],
    }


def with_tries(site: Site, seen: SeenJob) -> dict[str, object]:
    """A job with its pages, the attempts of its round, and how large its files are. Raises OSError."""
    tails, pages = tails_of(result_places(seen)), _pages_of_result(seen)
    sizes = [ownership.file_id_at(site.folders.root, place) for place in tails]
    results = [
        {**_result(seen.row.job, place, tail, pages), "bytes": size and size.size_bytes}
        for (place, tail), size in zip(tails.items(), sizes, strict=True)
    ]
    pictures = site.pictures.of_attempts(seen.row)
    tries = [
        {**_try(attempt, seen.row.job), "picture": pictures.get(attempt.number)} for attempt in seen.row.job.attempts
    ]
    of_pages = [_page(site, seen, page) for page in pages]
    return {**job_values(site, seen), "results": results, "pages": of_pages, "tries": tries}


def _pages_of_result(seen: SeenJob) -> tuple[int, ...]:
    """The pages that have a result, from 1. A job without one counts as one page."""
    return pages_of_job(seen.row.job) if result_places(seen) else (1,)


def _page(site: Site, seen: SeenJob, page: int) -> dict[str, object]:
    """What came of one page of the file; of a file of one page, what stands in the job."""
    best = best_of_page(seen.row.job, page)
    verdict = best.verdict if best else None
    return {
        "page": page,
        "grade": verdict and verdict.grade.value,
        "score": verdict and verdict.score,
        **promise_values(verdict, ENGLISH),
        **_reasons(verdict.reasons if verdict else []),
        "defects": list(verdict.defects) if verdict else [],
        "spots": spot_values(verdict) if verdict else [],
        "best_attempt": best and best.number,
        "touched_up": best is not None and best.recipe.model == TOUCH_UP,
        "pictures": site.pictures.of(seen.row, page),
    }


def result_places(seen: SeenJob) -> tuple[str, ...]:
    """Where the files of a job's result are, below the root, the report among them; empty if it has none."""
    return seen.row.results if is_done(seen.row.job.state) and seen.row.job.grade else ()


def _result(job: Job, place: str, tail: str, pages: Sequence[int]) -> dict[str, object]:
    """A file of a result. page: None if it is about all of them, as the report is."""
    name = PurePosixPath(place).name
    url = f"/api/v1/jobs/{job.id}/results/{quote(name, safe='')}"
    named = _PAGE.match(tail) if len(pages) > 1 else None
    only = None if is_report(place) or len(pages) > 1 else 1
    return {"name": name, "suffix": tail, "page": int(named[1]) if named else only, "url": url}


def _try(attempt: Attempt, job: Job) -> dict[str, object]:
    verdict = attempt.verdict
    return {
        "number": attempt.number,
        "page": attempt.page,
        "recipe": str(attempt.recipe),
        "score": verdict and verdict.score,
        **promise_values(verdict, ENGLISH),
        "grade": verdict and verdict.grade.value,
        **_reasons(verdict.reasons if verdict else []),
        "spots": spot_values(verdict) if verdict else [],
        "seconds": round(attempt.seconds, 3),
        "error": attempt.error,
        **failure_of(attempt.error),
        "best": attempt == best_of_page(job, attempt.page),
    }


def _reasons(reasons: Sequence[Reason | str]) -> dict[str, object]:
    """Reasons as English sentences, and as codes with values, from which pages make the sentences of their language."""
    return {
        "reasons": [reason_text(reason, ENGLISH) for reason in reasons],
        "findings": [reason_values(reason) for reason in reasons],
    }


def _seconds(job: Job) -> float | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return round(job.worked_seconds, 3)


def _decided(given: GivenGrade | None) -> Mapping[str, object] | None:
    return None if given is None else {"grade": given.grade.value, "who": given.who, "at": given.at}
