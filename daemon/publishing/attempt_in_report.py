"""Reads an attempt back from a report."""

from typing import Any

from daemon.jobs import Attempt
from daemon.journal.rows import ATTEMPT
from daemon.publishing.report_reading import reasons_in, share_in, with_failure


def attempt_in(values: dict[str, Any]) -> Attempt:
    """An attempt as a report has it. Raises KeyError, TypeError, AttributeError or ValueError if it is none."""
    return with_failure(ATTEMPT.validate_python(_values(values)), values)


def _values(values: dict[str, Any]) -> dict[str, Any]:
    """The values of an attempt in a report, as `Attempt` takes them."""
    left, top, right, bottom = values["recipe"]["view"]
    mirrored = values["recipe"]["mirrored"]
    view = {"left": left, "top": top, "right": right, "bottom": bottom, "mirrored": mirrored}
    recipe = {"model": values["recipe"]["model"], "process_res": values["recipe"]["process_res"], "view": view}
    parts = "score", "grade", "measures", "defects", "limits"
    verdict: dict[str, Any] = {key: values[key] for key in parts if key in values}
    if verdict:
        verdict |= {"rim": share_in(values, "rim"), "reasons": reasons_in(values), "spots": _spots(values)}
        verdict |= _corrected(values)
        verdict["witness"] = _witness(values.get("witness"))
        verdict |= _made_of(values.get("made_of") or {})
    kept: dict[str, Any] = {
        key: values[key]
        for key in ("number", "finish", "server", "seconds", "why", "error", "resolved", "finish_not_taken")
        if key in values
    }
    return {**kept, "recipe": recipe, "verdict": verdict or None}


def _corrected(values: dict[str, Any]) -> dict[str, Any]:
    """What people's verdicts did to the score, as `Verdict` takes it."""
    told = values.get("correction")
    if not told:
        return {}
    correction = {"shift": told["shift"], "verdicts": told["verdicts"]}
    return {"correction": correction, "uncorrected": share_in(told, "score_before")}


def _witness(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """The witness beside which a result was judged, as `Verdict` takes it; None if there was none."""
    return {"model": told["model"], "apart": share_in(told, "apart")} if told else None


def _made_of(values: dict[str, Any]) -> dict[str, Any]:
    """How both promises came about, as `Verdict` takes it; reports of earlier versions do not say."""
    both = {"made_of": values.get("score"), "rim_made_of": values.get("rim")}
    return {
        name: {"best": made["best"], "effects": [(each["code"], each["effect"]) for each in made["effects"]]}
        for name, made in both.items()
        if made
    }


def _spots(values: dict[str, Any]) -> list[Any]:
    """The spots of a verdict; empty if there are none, or if they are no shares of a picture."""
    spots = values.get("spots", [])
    fits = len(spots) in (0, len(values["reasons"]))
    shares = [share for of_reason in spots for spot in of_reason for share in spot.values()]
    return spots if fits and all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares) else []
