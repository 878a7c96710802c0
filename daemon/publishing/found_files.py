"""Finds jobs that the journal does not know, by their reports and failure notes."""

import json
import logging
import math
import os
import re
import stat
import time
from calendar import timegm
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.disk import open_below
from daemon.disk.os_errors import list_once
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Choice, Grade, Job
from daemon.journal import JobRow, ResultFile
from daemon.journal.result_files import UNKNOWN_BYTES
from daemon.judgement.best_of_pages import page_of
from daemon.logs import log
from daemon.publishing.attempt_in_report import attempt_in
from daemon.publishing.notes import kind_in, why_in
from daemon.publishing.report_reading import read_report
from daemon.states import State

_RETRY = re.compile(r"freisteller retry ([0-9A-Za-z_-]+)")
_MOST_REPORT_BYTES = 4_000_000  # far more than the attempts of any photo take


def result_of(folders: HotFolder, job: Job) -> JobRow | None:
    """The job as its report tells it, if one of this job and round lies in a grade folder, under whatever number."""
    name = PurePosixPath(job.name)
    for grade in Grade:
        for path in _reports_in(folders.grade(grade) / name.parent, name.stem):
            found = entry_of_report(folders, path)
            if found and (found.job.id, found.job.round) == (job.id, job.round):
                return found
    return None


def failure_of(folders: HotFolder, job: Job) -> JobRow | None:
    """The job as its failure note tells it, if a note of this job lies in `failed/`."""
    name = PurePosixPath(job.name)
    with suppress(OSError):
        for path in sorted((folders.failed / name.parent).iterdir()):
            if path.name.startswith(name.stem) and path.suffix == ".txt":
                found = entry_of_failure(folders, path)
                if found and found.job.id == job.id:
                    return found
    return None


def entry_of_report(folders: HotFolder, path: Path, *, may_lack_results: bool = False) -> JobRow | None:
    """A finished job as its report tells it; None if it is no report of ours, or if a result is not beside it.

    may_lack_results: a result that a person took away is told of, too, so that it is known when it comes back.
    """
    try:
        content, found = _read(path)
        told, body = read_report(content)[0], json.loads(content)
        stem = path.name.removesuffix(".json")
        results = [path.with_name(stem + suffix) for suffix in told.suffixes]
        there = [result for result in results if result.is_file()]
        if len(there) < len(results) and not may_lack_results:
            return None
        job = Job(
            told.job,
            _text(told.name),
            State.DONE,
            round=_number(body.get("round", 0)),
            size_bytes=told.size_bytes,
            admitted_at=_admitted_at(told.job) or found.st_mtime,
            started_at=found.st_mtime - _finite(body["seconds"]),
            finished_at=found.st_mtime,
            worked_seconds=max(0.0, _finite(body["seconds"])),
            attempts=tuple(attempt_in(values) for part in body.get("pages") or [body] for values in part["attempts"]),
            grade=told.filed,
            score=_finite(body["score"]),
            best=_number(body["best_attempt"]),
            choice=_choice(body),
        )
        sha256 = bytes.fromhex(body["photo"].get("sha256") or "") or None
        files = tuple(_untouched(results, body["sha256"].values(), found))
    except Exception:  # noqa: BLE001 - whatever a parser raises for strangers' JSON, e.g. OverflowError
        return None
    places = tuple(str(place.relative_to(folders.root)) for place in (*there, path))
    return JobRow(job, Path("inbox") / told.name, 0, None, places, content=sha256, files=files)


def entry_of_failure(folders: HotFolder, path: Path) -> JobRow | None:
    """A failed job as the note beside its original tells it; None if it is no such note, or the original is gone."""
    try:
        content, found = _read(path)
        told = content.decode()
        original = path.with_name(path.name.removesuffix(".txt"))
        job_id, reason = _RETRY.search(told), why_in(told)
        if not (job_id and reason is not None and original.is_file()):
            return None
        size_bytes = original.stat().st_size
    except Exception:  # noqa: BLE001 - as in `entry_of_report`
        return None
    name = original.relative_to(folders.failed).as_posix()
    job = Job(
        job_id[1],
        name,
        State.FAILED,
        size_bytes=size_bytes,
        admitted_at=_admitted_at(job_id[1]) or found.st_mtime,
        finished_at=found.st_mtime,
        reason=reason,
    )
    places = tuple(str(place.relative_to(folders.root)) for place in (original, path))
    return JobRow(job, Path("inbox") / name, 0, kind_in(told), places)


def history(folders: HotFolder) -> Iterator[JobRow]:
    """Every job that the grade folders and `failed/` tell of; a sub-folder that cannot be read is left out and logged.

    Raises RootAway or NoRoom.
    """
    for grade in Grade:
        for path in _walk(folders, folders.grade(grade), ".json"):
            if found := entry_of_report(folders, path, may_lack_results=True):
                yield found
    for path in _walk(folders, folders.failed, ".txt"):
        if found := entry_of_failure(folders, path):
            yield found


def _walk(folders: HotFolder, top: Path, suffix: str) -> Iterator[Path]:
    """Files with this suffix at any depth. Follows no symbolic link."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            found = sorted(folder.iterdir())
        except OSError as error:
            folders.check()  # else it is the trouble of this one folder, e.g. somebody's private one
            list_once(top)
            text = f"The photos in {folder} were not read back into the journal: {error.strerror}"
            log.log("report_unread", text, level=logging.WARNING)
            continue
        for path in found:
            if path.is_symlink():
                continue
            if path.is_dir():
                waiting.append(path)
            elif path.name.endswith(suffix):
                yield path


def _reports_in(folder: Path, stem: str) -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in sorted(folder.iterdir()) if path.name.startswith(stem) and path.suffix == ".json")


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """What a file holds, and its stat. Raises ValueError if it is no regular file or too large; OSError."""
    descriptor = os.open(path, open_below.FILE)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_REPORT_BYTES:
            raise ValueError(f"{path} is no report")
        return file.read(_MOST_REPORT_BYTES), found


def _untouched(results: Iterable[Path], sums: Iterable[str], report: os.stat_result) -> Iterator[ResultFile]:
    """Those of the results that are as their report tells, or gone. Raises OSError, ValueError.

    Nothing is read: a result is written before its report, so one that is newer than that was changed since.
    """
    for path, sha256 in zip(results, sums, strict=True):
        try:
            found = path.lstat()
        except FileNotFoundError:
            yield ResultFile(bytes.fromhex(sha256), 0, UNKNOWN_BYTES, 0)
            continue
        if stat.S_ISREG(found.st_mode) and found.st_mtime_ns <= report.st_mtime_ns:
            yield ResultFile(bytes.fromhex(sha256), found.st_ino, found.st_size, found.st_mtime_ns)


def _text(value: str) -> str:
    """The value, if it is text. Raises ValueError if it holds half a character, as JSON may."""
    value.encode()
    return value


def _number(value: object) -> int:
    """A count from 0 to 2**31. Raises ValueError if it is anything else, e.g. what a database cannot hold."""
    if not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError(f"{value!r:.40} is no count")
    return value


def _finite(value: object) -> float:
    """A finite number. Raises ValueError if it is anything else."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r:.40} is no number")
    return float(value)


def _choice(body: dict[str, Any]) -> Choice | None:
    """What people took of the pages of a file that has several. Where the alphas of that are kept, nothing says."""
    chosen = [(part["best_attempt"], part["chosen"]) for part in body.get("pages", ()) if "chosen" in part]
    taken = tuple((_number(number), _text(told["by"]), _finite(told["at"])) for number, told in chosen)
    if not taken:
        return None
    number, who, at = max(taken, key=lambda each: each[2])
    return Choice(who, at, _number(body.get("round", 0)), page=page_of(number), taken=taken)


def _admitted_at(job_id: str) -> float | None:
    """When a photo was admitted, in Unix seconds: the id of its job begins with that time in UTC."""
    try:
        return float(timegm(time.strptime(job_id[:15], "%Y%m%d-%H%M%S")))
    except ValueError:
        return None
