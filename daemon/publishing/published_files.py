"""Finds out what each published file of a result will be known by, whatever people do with it."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.hotfolder import ownership
from daemon.journal import ResultFile
from daemon.publishing.reports import Staged


def staged_files(staged: Sequence[Staged]) -> tuple[ResultFile, ...]:
    """The staged files of a result, without the report, whose sums count. staged: the report is the last one.

    Raises OSError.
    """
    *pictures, (report, _) = staged
    sums = json.loads(report.read_bytes())["sha256"]
    stats = ((path.stat(), suffix) for path, suffix in pictures)
    return tuple(
        ResultFile(bytes.fromhex(sums[suffix]), found.st_ino, found.st_size, found.st_mtime_ns)
        for found, suffix in stats
    )


def as_published(root: Path, files: Sequence[ResultFile], places: Sequence[str]) -> tuple[ResultFile, ...]:
    """The same files at their places below the root: where a file has only one name, the one there is a copy."""
    return tuple(_at(root, file, place) for file, place in zip(files, places, strict=False))


def _at(root: Path, file: ResultFile, place: str) -> ResultFile:
    with suppress(OSError):  # a person may have the file already; then its content tells whose it is
        found = ownership.file_id_at(root, place)
        if found and found.size_bytes == file.size_bytes:
            return replace(file, inode=found.inode, mtime_ns=found.mtime_ns)
    return file
