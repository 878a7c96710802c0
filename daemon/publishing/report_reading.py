"""Reads reports back, as far as people are shown them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from daemon.jobs import Attempt, Grade, Limits, Reason
from daemon.pictures.result_names import FOR
from daemon.pictures.values import Page
from daemon.publishing.left_out_pages import page_count
from daemon.publishing.reports import REPORT_VERSION
from daemon.publishing.told_renditions import label_told
from daemon.renditions.wanted import Proved
from daemon.words.said import failure_in

REASON = TypeAdapter(Reason)
LIMITS = TypeAdapter(Limits)


@dataclass(frozen=True, slots=True)
class ReportedRendition:
    """What a report says of one rendition. file: what its name ends with; "" = it was left out. broken: its rules."""

    label: str
    file: str
    broken: tuple[Proved, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report says of one picture, as far as people are shown it.

    name: the photo's path below `inbox/`. size_bytes: of the photo, 0 if the report does not say. how: the recipe.
    tried: the number of attempts. suffixes: of all files that the report is about; sums: their SHA-256 when they were
    published. filed: the grade of the folder that the file was published in; with several pages, that of the worst one.
    page, page_suffix: with several pages, 1, 2, … and the page suffix in the names of its results; otherwise 0 and "".
    rim: None if it was not judged. limits: None in reports of earlier versions.
    """

    job: str
    name: str
    size_bytes: int
    grade: Grade
    score: float
    rim: float | None
    limits: Limits | None
    reasons: tuple[Reason | str, ...]
    how: str
    tried: int
    suffixes: tuple[str, ...]
    sums: tuple[bytes, ...]
    filed: Grade
    page: int = 0
    page_suffix: str = ""
    renditions: tuple[ReportedRendition, ...] = ()


def read_report(content: bytes) -> tuple[Reported, ...]:
    """Read a report that `report` wrote, one value for each page. Raises ValueError if it is something else."""
    try:
        body = json.loads(content)
        if body["report_version"] != REPORT_VERSION:
            raise ValueError(f"a report of version {body['report_version']}, this program knows {REPORT_VERSION}")
        name = str(body["photo"]["name"])
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise ValueError(f"no name below inbox/: {name}")
        pages = body.get("pages", [])
        if not pages:
            return (_reported(body, body, Page()),)
        return tuple(_reported(body, cut, Page(number=int(cut["page"]), of=page_count(body))) for cut in pages)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a report of this program: {error}") from error


def reasons_in(values: Mapping[str, Any]) -> tuple[Reason | str, ...]:
    """The reasons of a verdict in a report: by code, or as text where an earlier version wrote no codes.

    Raises KeyError, TypeError, AttributeError or ValueError (of pydantic) if it is no such verdict.
    """
    texts = [str(text) for text in values["reasons"]]
    findings = values.get("findings", [])
    if len(findings) != len(texts):
        return tuple(texts)
    return tuple(
        REASON.validate_python(found) if found.get("code") else text
        for found, text in zip(findings, texts, strict=True)
    )


def share_in(values: Mapping[str, Any], name: str) -> float | None:
    """A promise of a verdict in a report; None if it is not there. Raises TypeError or ValueError if it is no share."""
    if values.get(name) is None:
        return None
    share = float(values[name])
    if not 0 <= share <= 1:  # neither is what is no number
        raise ValueError(f"{name} is {share}, which is no share")
    return share


def with_failure(attempt: Attempt, values: Mapping[str, Any]) -> Attempt:
    """An attempt as a report has it, with the code of what it failed by. Raises as `reasons_in` does."""
    return replace(attempt, error=failure_in(values["failure"])) if values.get("failure") else attempt


def _reported(body: Mapping[str, Any], cut: Mapping[str, Any], page: Page) -> Reported:
    recipe, tried = cut["recipe"], len(cut["attempts"])
    words = [str(recipe["model"]), *([str(recipe["process_res"])] if recipe["process_res"] else [])]
    return Reported(
        job=str(body["job"]),
        name=str(body["photo"]["name"]),
        size_bytes=int(body["photo"]["bytes"]),
        grade=Grade(cut["grade"]),
        score=share_in(cut, "score") or 0.0,
        rim=share_in(cut, "rim"),
        limits=LIMITS.validate_python(cut["limits"]) if cut.get("limits") else None,
        reasons=reasons_in(cut),
        how=" ".join(words),
        tried=tried,
        suffixes=tuple(map(str, body["sha256"])),
        sums=tuple(map(bytes.fromhex, body["sha256"].values())),
        filed=Grade(body["grade"]),
        page=page.number if page.of > 1 else 0,
        page_suffix=page.suffix,
        renditions=tuple(_rendition(each, page, body["sha256"]) for each in cut.get("renditions", ())),
    )


def _rendition(told: Mapping[str, Any], page: Page, sums: Mapping[str, str]) -> ReportedRendition:
    label = label_told(told)
    begin = f"{page.suffix}{FOR}{label}."
    file = next((suffix for suffix in sums if suffix.startswith(begin)), "") if told["kept"] else ""
    rules = ((rule["rule"], rule["holds"], rule["found"], rule["wanted"]) for rule in told["rules"])
    broken = tuple(
        Proved(str(rule), False, str(found), str(wanted)) for rule, holds, found, wanted in rules if not holds
    )
    return ReportedRendition(label, file, broken)
