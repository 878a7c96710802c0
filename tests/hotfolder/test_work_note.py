"""The note beside a claimed original: what is written is read back, and damage is no accident."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.work_note import WORK_NOTE, read_work_note, write_work_note
from daemon.jobs import Job
from daemon.journal import JobRow

ROW = JobRow(
    Job("job-1", "kunde/Möbel.jpg", round=2, size_bytes=7, admitted_at=12.5), Path("inbox/kunde/M.jpg"), 0, None, ()
)


@pytest.fixture
def folders(tmp_path: Path) -> HotFolder:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    (folders.jobs.work_root / "job-1").mkdir()
    return folders


def test_a_note_is_read_as_it_was_written(folders: HotFolder) -> None:
    write_work_note(folders, ROW)

    assert read_work_note(folders, "job-1") == ROW


def test_a_note_that_cannot_be_written_stops_nobody(folders: HotFolder) -> None:
    (folders.jobs.work_root / "job-1").rmdir()
    (folders.jobs.work_root / "job-1").touch()

    write_work_note(folders, ROW)

    assert read_work_note(folders, "job-1") is None


def with_field(key: str, text: str) -> bytes:
    fields = {"name": '"a.jpg"', "source": '"inbox/a.jpg"', "admitted_at": "1", "round": "0", "size_bytes": "1"}
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in {**fields, key: text}.items()) + "}").encode()


HOSTILE = [
    b"[" * 200_000,
    with_field("name", '"\\ud800.jpg"'),
    with_field("name", '"a\\u0000.jpg"'),
    with_field("name", "7"),
    with_field("source", '"../a.jpg"'),
    with_field("source", '"a\\u0000.jpg"'),
    with_field("admitted_at", "1e999"),
    with_field("admitted_at", '"now"'),
    with_field("round", "9" * 40),
    with_field("round", "[]"),
    with_field("size_bytes", "9" * 6000),
    with_field("size_bytes", "-1"),
]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"name": "a.jpg"}', *HOSTILE])
def test_a_damaged_note_counts_as_none(folders: HotFolder, content: bytes) -> None:
    (folders.jobs.work_root / "job-1" / WORK_NOTE).write_bytes(content)

    assert read_work_note(folders, "job-1") is None


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.jpg", "a/../../b.jpg"])
def test_a_note_whose_name_leads_out_of_the_folders_counts_as_none(folders: HotFolder, name: str) -> None:
    content = f'{{"name": "{name}", "source": "inbox/a.jpg", "admitted_at": 1, "round": 0, "size_bytes": 1}}'
    (folders.jobs.work_root / "job-1" / WORK_NOTE).write_text(content)

    assert read_work_note(folders, "job-1") is None


def test_what_is_no_file_counts_as_no_note(folders: HotFolder) -> None:
    os.mkfifo(folders.jobs.work_root / "job-1" / WORK_NOTE)

    assert read_work_note(folders, "job-1") is None


def test_a_note_of_a_photo_whose_name_is_no_text_is_read(folders: HotFolder) -> None:
    row = replace(ROW, source=Path(os.fsdecode(b"inbox/\xff.jpg")))

    write_work_note(folders, row)

    assert read_work_note(folders, "job-1") == row
