"""Reasons of failure tell kinds apart: in the journal, the metrics and the note beside the photo, with what to do."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.errors import EngineFull, RecipeRefused, Said, WorkerLost
from daemon.jobs import Recipe
from daemon.jobs.failure_kinds import FailureKind, kind_of
from daemon.journal import JobRow
from daemon.publishing.found_files import entry_of_failure
from daemon.publishing.notes import failure_note, kind_in, why_in
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from daemon.states import State
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.failure_texts import ADVICE, advice
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.observe.scrape import value

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    inbox = tmp_path / "hot" / "inbox"
    inbox.mkdir(parents=True)
    return inbox


def failed(daemon: Daemon) -> JobRow:
    """Work until a photo has failed; returns its row."""
    parts, until = daemon.parts, time.monotonic() + 60
    parts.engine.start()
    while not (rows := parts.journal.rows(State.FAILED)):
        assert time.monotonic() < until
        parts.inbox_loop.turn(urgent=True)
        if job := parts.journal.take(2.0**40):
            parts.task_runner.run(job)
    return rows[0]


def daemon_at(root: Path, engine: ScriptedEngine | None = None, *, most: float = 100) -> closing[Daemon]:
    sections = {"intake": {"quiet_seconds": 0, "patience_seconds": 1, "max_megapixels": most}, "http": {"bind": ""}}
    return closing(Daemon(load(flags={"root": str(root), **sections}), engine=engine or ScriptedEngine()))


def half(path: Path) -> None:
    save_photo(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def smeared(path: Path) -> None:
    save_photo(path)
    content = bytearray(path.read_bytes())
    middle = content.index(b"IDAT") + 20
    content[middle : middle + 60] = bytes(60)
    path.write_bytes(content)


CASES = {
    "half.png": (half, FailureKind.NOT_WHOLE),
    "smeared.png": (smeared, FailureKind.DAMAGED),
    "text.jpg": (lambda path: path.write_text("Dear customer, " * 100), FailureKind.UNKNOWN_FORMAT),
    "nothing.jpg": (lambda path: path.write_bytes(b""), FailureKind.EMPTY),
    "large.png": (lambda path: save_photo(path), FailureKind.TOO_LARGE),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_is_no_photo_is_told_by_its_kind(inbox: Path, name: str) -> None:
    make, kind = CASES[name]
    (inbox / "shoes").mkdir()
    make(inbox / "shoes" / name)

    with daemon_at(inbox.parent, most=0.001 if kind is FailureKind.TOO_LARGE else 100) as daemon:
        row = failed(daemon)
        counted = value(daemon.parts.metrics, "failures_total", reason=kind)
        place = inbox.parent / "failed" / "shoes" / f"{name}.txt"
        read_back = entry_of_failure(daemon.parts.folders, place)

    note = place.read_text()
    assert read_back is not None
    assert read_back.reason_kind == kind
    assert (row.reason_kind, counted) == (kind, 1)
    assert note.startswith(f"inbox/shoes/{name} could not be cut out.")
    assert f"Kind of failure: {kind}" in note
    assert note.index(ADVICE[kind]) < note.index("freisteller retry")
    assert why_in(note) == row.job.reason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RecipeRefused("too flat"), FailureKind.ENGINE_REFUSED),
        (EngineFull(Said("local_memory", model="u2netp")), FailureKind.ENGINE_FULL),
    ],
)
def test_what_the_engine_refuses_is_told_apart_from_bad_photos(inbox: Path, error: Exception, kind: str) -> None:
    save_photo(inbox / "a.png")

    def trouble(recipe: Recipe) -> None:
        raise error

    with daemon_at(inbox.parent, ScriptedEngine(trouble)) as daemon:
        row = failed(daemon)

    assert row.reason_kind == kind


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (Said("process_hung"), FailureKind.TIMED_OUT),
        (Said("needs_much_memory"), FailureKind.TOO_LARGE),
        (Said("process_killed", signal="SIGSEGV"), FailureKind.PROCESS_LOST),
    ],
)
def test_a_lost_process_tells_why_it_was_lost(end: Said, kind: str) -> None:
    lost = WorkerLost(Said("process_lost", name="a.jpg", detail=WorkerLost(end)))

    assert kind_of(lost.args[0]) == kind


def codes_of_failed_photos() -> Iterator[str]:
    """The codes that stand in the section of failed photos; those that only stand within others are left out."""
    section = (ROOT / "daemon" / "said.txt").read_text("utf-8").split("# photos that failed\n")[1].split("\n\n")[0]
    parts = {
        "held_by_program", "still_read", "open_for_writing", "may_not_be_whole", "stopping_file_waits",
        "changed_while_proven", "unchanged_for", "same_photo", "gone_while_taken", "cancelled_by", "cancelled",
        "said_by", "wide_row_of_tiles", "only_n_bytes", "only_one_byte", "fewer_bytes_than_said", "ends_before", "said",
        "of_recipe", "sentences", "list", "process_hung", "process_killed", "process_ended", "unknown",
        "no_alpha_to_lay_out",
    }  # fmt: skip
    yield from (line.partition(":")[0] for line in section.splitlines() if line.partition(":")[0] not in parts)


def test_each_sentence_that_a_failed_photo_may_get_has_a_kind() -> None:
    lacking = [code for code in codes_of_failed_photos() if kind_of(Said(code)) is FailureKind.BAD_PHOTO]

    assert not lacking


def test_each_kind_says_what_to_do_in_the_folder_and_names_no_command() -> None:
    for language in LANGUAGES:
        texts = [advice(kind, words_in(language)) for kind in FailureKind]
        assert all(texts)
        assert not [text for text in texts if re.search(r"freisteller [a-z]", text)]


def test_a_note_in_any_language_tells_its_kind_to_us() -> None:
    for language in LANGUAGES:
        note = failure_note("inbox/a.jpg", "1", "no", words_in(language), FailureKind.DAMAGED).decode()
        assert kind_in(note) == FailureKind.DAMAGED
    assert kind_in("a.jpg could not be cut out.\n\nWhy: it is no photo.\n") is None


def test_a_reason_of_an_earlier_version_is_a_bad_photo() -> None:
    assert kind_of("a.jpg cannot be read.") is FailureKind.BAD_PHOTO
    assert advice("a_kind_of_a_later_version", words_in("en")) == ADVICE[FailureKind.BAD_PHOTO]
