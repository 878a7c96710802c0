"""A new journal learns from reports and notes, whatever else people and programs put into the folders."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import Journal
from daemon.publishing.reading_back import ReadingBack
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import one_life, settings_for


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hot folder with one finished photo."""
    folder = tmp_path_factory.mktemp("finished")
    settings = settings_for(folder)
    save_photo(settings.root_path / "inbox" / "a.png")
    one_life(settings, ScriptedEngine(), lambda _: None)
    return settings.root_path


Spoil = Callable[[Path, str], None]


def with_field(key: str, text: str) -> Spoil:
    """A report like ours with another value, written as no writer of ours would."""

    def spoil(folder: Path, report: str) -> None:
        body = json.loads(report)
        body["sha256"] = {}
        body[key] = "HERE"
        (folder / "b.json").write_text(json.dumps(body).replace('"HERE"', text), "utf-8")

    return spoil


def deep_brackets(folder: Path, _: str) -> None:
    (folder / "b.json").write_text("[" * 200_000, "ascii")


def pipe_of(name: str) -> Spoil:
    def spoil(folder: Path, _: str) -> None:
        os.mkfifo(folder / name)

    return spoil


def name_that_is_no_text(folder: Path, report: str) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.json"))).write_text(report, "utf-8")


HOSTILE = {
    "infinite round": with_field("round", "1e999"),
    "round of 40 digits": with_field("round", "9" * 40),
    "best attempt of 40 digits": with_field("best_attempt", "9" * 40),
    "number of 6,000 digits": with_field("best_attempt", "9" * 6000),
    "half a character as job": with_field("job", '"\\ud800"'),
    "seconds that are no number": with_field("seconds", "NaN"),
    "score that is infinite": with_field("score", "-1e999"),
    "200,000 brackets": deep_brackets,
    "a pipe as report": pipe_of("b.json"),
    "a name that is no text": name_that_is_no_text,
}


def read_back(root: Path, state: Path) -> Journal:
    folders = HotFolder(root)
    folders.prepare()
    journal = Journal(state / "journal.sqlite3")
    reading = ReadingBack(journal, folders)
    thread = threading.Thread(target=reading.serve, args=(threading.Event(),), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not reading.left_to_do
    return journal


@pytest.mark.parametrize("hostile", HOSTILE)
def test_somebody_elses_file_keeps_no_report_of_ours_from_being_read(
    finished: Path, tmp_path: Path, hostile: str
) -> None:
    (report,) = [path for grade in ("sehr_gut", "gut", "ungenügend") for path in (finished / grade).glob("a.json")]
    added = set(finished.rglob("*"))
    HOSTILE[hostile](report.parent, report.read_text("utf-8"))
    (tmp_path / "state").mkdir()
    try:
        journal = read_back(finished, tmp_path / "state")
    finally:
        for path in set(finished.rglob("*")) - added:
            path.unlink()

    try:
        assert "a.png" in {row.job.name for row in journal.latest(9)}
    finally:
        journal.close()


def test_a_pipe_among_failure_notes_is_passed_over(finished: Path, tmp_path: Path) -> None:
    pipe_of("b.png.txt")(finished / "failed", "")
    (tmp_path / "state").mkdir()
    try:
        read_back(finished, tmp_path / "state").close()
    finally:
        (finished / "failed" / "b.png.txt").unlink()
