"""Writes the report beside each result: why it got its grade, for people and programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from daemon import __version__
from daemon.errors import Said
from daemon.jobs import TOUCH_UP, Attempt, Finish, Job, MadeOf, Outcome, Recipe, Verdict
from daemon.judgement.best_of_pages import standing
from daemon.judgement.measures import measures_of
from daemon.judgement.reasons import KINDS as SIGNS
from daemon.pictures.photo import Seen
from daemon.pictures.values import Page
from daemon.publishing.left_out_pages import pages_left_out
from daemon.publishing.told_renditions import rendition_values
from daemon.renditions.wanted import MadeRendition
from daemon.words.catalogue import Texts
from daemon.words.promise_texts import KINDS, correction_text
from daemon.words.reason_texts import reason_text, reason_values
from daemon.words.said import failure_values, said_in

REPORT_VERSION = 1
_JSON: TypeAdapter[Any] = TypeAdapter(Any)  # the json of Python takes fifty times as long, as soon as it indents


Staged = tuple[Path, str]
"""A whole file in staging, and the suffix that its name gets, e.g. ".png"."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One picture of a file with its staged results. size: of the results, (width, height) in pixels.

    told: what an earlier report tells of the renditions of a page that stays as it is. machine: the worker of a cluster
    that made it; "" = it was made here.
    """

    page: Page
    outcome: Outcome
    seen: Seen
    size: tuple[int, int]
    files: tuple[Staged, ...] = ()
    renditions: tuple[MadeRendition, ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()
    machine: str = ""


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome that stands for a file of several pages."""
    return min(outcomes, key=lambda outcome: standing(outcome.verdict))


def report(
    job: Job,
    cuts: Sequence[Cut],
    content: str,
    files: Mapping[str, str],
    seconds: float,
    words: Texts,
    not_done: Mapping[int, Said] = MappingProxyType({}),
) -> bytes:
    """The JSON of a finished photo, UTF-8. With several pages, the worst one comes first and each has its own part.

    content: SHA-256 of the original. files: SHA-256 by suffix of the file name. words: in which reasons are told.
    not_done: why pages were left out, by number.
    """
    outcome = worst([cut.outcome for cut in cuts])
    (leading,) = (cut for cut in cuts if cut.outcome is outcome)
    body = {
        "freisteller": __version__,
        "report_version": REPORT_VERSION,
        "job": job.id,
        "round": job.round,
        "language": words.language,
        **_cut(leading, words, {"name": job.name, "bytes": job.size_bytes, "sha256": content}),
        **(
            {
                "page": leading.page.number,
                "pages": [{"page": cut.page.number, **_cut(cut, words, {}), **_by_people(job, cut)} for cut in cuts],
            }
            if len(cuts) + len(not_done) > 1
            else {}
        ),
        **pages_left_out(not_done, words),
        **_by_people(job, leading),
        "seconds": round(seconds, 3),
        "sha256": dict(files),
    }
    return _JSON.dump_json(body, indent=2) + b"\n"


def _cut(cut: Cut, words: Texts, photo: Mapping[str, Any]) -> dict[str, Any]:
    best = cut.outcome.best
    renditions = [*cut.told, *(rendition_values(made, cut.page) for made in cut.renditions)]
    return {
        "photo": {**photo, **asdict(cut.seen)},
        "result": {"width": cut.size[0], "height": cut.size[1]},
        **verdict_values(cut.outcome.verdict, words),
        "recipe": recipe_values(best.recipe),
        **_finishes(best),
        "best_attempt": best.number,
        **({"machine": cut.machine} if cut.machine else {}),
        "attempts": [attempt_values(attempt, words) for attempt in cut.outcome.attempts],
        **({"renditions": renditions} if renditions else {}),
    }


def _by_people(job: Job, cut: Cut) -> dict[str, Any]:
    """Whether a person touched a page up, and who took its attempt when."""
    best, choice = cut.outcome.best, job.choice
    taken = {number: (who, at) for number, who, at in choice.taken} if choice else {}
    if choice and not choice.page:
        taken[best.number] = choice.who, choice.at
    told: dict[str, Any] = {"touched_up": True} if best.recipe.model == TOUCH_UP else {}
    if best.number in taken:
        who, at = taken[best.number]
        told["chosen"] = {"by": who, "at": round(at, 3)}
    return told


def verdict_values(verdict: Verdict, words: Texts) -> dict[str, Any]:
    """A verdict as JSON values: grade, both promises and how they came about, measures, reasons in words, findings for
    programs, defects, spots.
    """
    measures = verdict.measures
    return {
        "grade": verdict.grade.value,
        "score": round(verdict.score, 4),
        **promise_values(verdict, words),
        "measures": {
            "pixel_residue": round(measures.pixel_residue, 4),
            "edge_cleanliness": round(measures.edge_cleanliness, 4),
            "completeness": round(measures.completeness, 4),
            "agreement": None if measures.agreement is None else round(measures.agreement, 4),
        },
        "reasons": [reason_text(reason, words) for reason in verdict.reasons],
        "findings": [reason_values(reason) for reason in verdict.reasons],
        "defects": list(verdict.defects),
        **({"spots": spot_values(verdict)} if verdict.spots else {}),
    }


def promise_values(verdict: Verdict | None, words: Texts) -> dict[str, Any]:
    """The promise of a verdict's rim, what the grade rests on, and how both promises came about, as JSON values."""
    made = verdict and verdict.made_of
    return {
        "rim": verdict and verdict.rim,
        "graded_by": verdict and verdict.graded_by,
        "limits": asdict(verdict.limits) if verdict and verdict.limits else None,
        "correction": _correction(verdict, words),
        "witness": asdict(verdict.witness) if verdict and verdict.witness else None,
        "made_of": {
            "score": _made_of(made, words),
            "rim": _made_of(verdict.rim_made_of, words) if verdict and verdict.rim_made_of else None,
        }
        if made
        else None,
    }


def _correction(verdict: Verdict | None, words: Texts) -> dict[str, Any] | None:
    """What people's verdicts did to a score; None if nothing."""
    if verdict is None or verdict.correction is None:
        return None
    return {
        "score_before": round(verdict.own_score, 4),
        "shift": verdict.correction.shift,
        "verdicts": verdict.correction.verdicts,
        "text": correction_text(verdict, words),
    }


def _made_of(made: MadeOf, words: Texts) -> dict[str, Any]:
    effects = [
        {
            "code": code,
            "text": words.say(KINDS.get(code, code)),
            "effect": effect,
            **({"measures": list(measures)} if (measures := measures_of(SIGNS.get(code, ()))) else {}),
        }
        for code, effect in made.effects
    ]
    return {"best": made.best, "effects": effects}


def spot_values(verdict: Verdict) -> list[list[dict[str, float]]]:
    """The spots of each reason as JSON values; empty if there are none."""
    return [[asdict(spot) for spot in spots] for spots in verdict.spots]


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON values."""
    view = recipe.view
    return {
        "model": recipe.model,
        "process_res": recipe.process_res,
        "view": [round(edge, 4) for edge in (view.left, view.top, view.right, view.bottom)],
        "mirrored": view.mirrored,
    }


def _finishes(attempt: Attempt) -> dict[str, Any]:
    """An attempt's finish, and the one that was not taken because it made the rim worse, if there is one."""
    left = attempt.finish_not_taken
    return {"finish": _finish(attempt.finish), **({"finish_not_taken": _finish(left)} if left else {})}


def _finish(finish: Finish) -> dict[str, Any]:
    default = Finish()
    values = {name: getattr(finish, name) for name in Finish.__dataclass_fields__}
    return {name: value for name, value in values.items() if value != getattr(default, name)}


def attempt_values(attempt: Attempt, words: Texts) -> dict[str, Any]:
    """An attempt as JSON values."""
    return {
        "number": attempt.number,
        "recipe": recipe_values(attempt.recipe),
        **_finishes(attempt),
        "server": attempt.server,
        "seconds": round(attempt.seconds, 3),
        **({"resolved": attempt.resolved} if attempt.resolved else {}),
        **({"why": attempt.why} if attempt.why else {}),
        **(verdict_values(attempt.verdict, words) if attempt.verdict else _error(attempt.error, words)),
    }


def _error(error: str | None, words: Texts) -> dict[str, Any]:
    if error is None:
        return {"error": None}
    return {"error": said_in(error, words), "failure": failure_values(error)}
