"""Reports and notes are written in the language of the settings, and read back in any."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.contact_sheet.shown_results import find
from daemon.errors import Said
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Grade, Job, Outcome, Reason, Recipe
from daemon.journal import Journal
from daemon.pictures.photo import Seen
from daemon.pictures.values import Page
from daemon.publishing.found_files import entry_of_failure, entry_of_report
from daemon.publishing.notes import failure_note, why_in
from daemon.publishing.reports import Cut, report
from daemon.settings import Settings
from daemon.states import State
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import reason_text
from daemon.words.said import failure_values
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.journal.test_journal import attempt
from tests.test_crash_at_every_step import one_life, settings_for


@pytest.fixture
def german(tmp_path: Path) -> Settings:
    """What came of a photo, of the same one again, and of a file that is none, in German."""
    settings = settings_for(tmp_path)
    intake = settings.intake.model_copy(update={"equal_content": "skip"})
    settings = settings.model_copy(update={"language": "de", "intake": intake})
    save_photo(settings.root_path / "inbox" / "a.png")
    one_life(settings, ScriptedEngine(), lambda _: None)
    (settings.root_path / "inbox" / "b.png").write_bytes(b"%PDF-1.4 " + b"x" * 4000)
    (settings.root_path / "inbox" / "c.png").write_bytes((settings.root_path / "archiv" / "a.png").read_bytes())
    one_life(settings, ScriptedEngine(), lambda _: None)
    return settings


def report_of(root: Path) -> Path:
    (path,) = (path for grade in Grade for path in (root / grade.value).glob("a.json"))
    return path


def test_all_that_people_find_is_in_their_language(german: Settings) -> None:
    root = german.root_path
    body = json.loads(report_of(root).read_text("utf-8"))
    note = (root / "failed" / "b.png.txt").read_text("utf-8")
    same = (root / "archiv" / "c.png.txt").read_text("utf-8")

    assert body["language"] == "de"
    codes = [found["code"] for found in body["findings"]]
    assert len(codes) == len(body["reasons"]) > 0
    assert all(codes)
    assert note.splitlines()[0] == "inbox/b.png ließ sich nicht freistellen."
    assert "Warum: b.png ist kein Foto" in note
    assert "freisteller retry" in note
    assert "dieselbe Datei ist wie a.png" in same


def test_why_a_photo_failed_is_kept_by_its_code_and_said_in_german(german: Settings) -> None:
    (path,) = (german.root_path.parent / "state").rglob("journal.sqlite3")
    journal = Journal(path)
    (row,) = journal.rows(State.FAILED)
    note = (german.root_path / "failed" / "b.png.txt").read_text("utf-8")

    assert failure_values(row.job.reason or "") == {
        "code": "not_a_photo",
        "values": {"name": "b.png", "what": {"code": "a_pdf", "values": {}, "text": "a PDF"}},
        "text": row.job.reason,
    }
    assert "Warum: b.png ist kein Foto: Der Inhalt ist ein PDF. Als JPEG, PNG oder TIFF" in note


def test_a_report_has_the_code_of_what_an_attempt_failed_by() -> None:
    best = replace(attempt(), number=2)
    refused = Attempt(1, Recipe("m"), error=Said("too_flat", width=9, height=3, model="m"))
    cut = Cut(Page(), Outcome((refused, best), best), Seen(9, 3, "png", 8, ()), (9, 3))

    body = json.loads(report(Job("1", "a.png"), [cut], "", {}, 1.0, words_in("de")))

    first, second = body["attempts"]
    assert first["error"] == "Ein Bild von 9 x 3 Pixeln ist für m zu flach."
    assert first["failure"]["code"] == "too_flat"
    assert first["failure"]["values"] == {"width": 9, "height": 3, "model": "m"}
    assert "failure" not in second


def test_what_an_attempt_failed_by_is_read_back_from_its_report(german: Settings) -> None:
    path = report_of(german.root_path)
    body = json.loads(path.read_text("utf-8"))
    refused = {key: body["attempts"][0][key] for key in ("recipe", "finish", "server", "seconds")}
    failure = failure_values(Said("too_flat", width=9, height=3, model="m"))
    body["attempts"].append({**refused, "number": 99, "error": "zu flach", "failure": failure})
    path.write_text(json.dumps(body), "utf-8")

    found = entry_of_report(HotFolder(german.root_path), path)

    assert found is not None
    assert failure_values(found.job.attempts[-1].error or "") == failure


def test_what_was_written_in_german_is_read_back_as_what_it_is(german: Settings) -> None:
    folders = HotFolder(german.root_path)
    path = report_of(german.root_path)
    body = json.loads(path.read_text("utf-8"))

    found = entry_of_report(folders, path)
    failed = entry_of_failure(folders, folders.failed / "b.png.txt")

    assert found is not None
    verdict = found.job.attempts[0].verdict
    assert verdict is not None
    assert all(isinstance(reason, Reason) for reason in verdict.reasons)
    assert [reason_text(reason, words_in("de")) for reason in verdict.reasons] == body["attempts"][0]["reasons"]
    assert failed is not None
    assert (failed.job.reason or "").startswith("b.png ist kein Foto")
    assert [one.reasons for one in find(german.root_path).shown if one.grade is None] == [(failed.job.reason,)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reason_of_a_note_is_found_in_each_language(language: str) -> None:
    note = failure_note("a.png", "1", "The printer is on fire.", words_in(language)).decode()

    assert why_in(note) == "The printer is on fire."
    assert why_in("a list of things to buy\nWhy not: because") is None


def test_a_report_of_an_earlier_version_keeps_its_sentences(german: Settings) -> None:
    path = report_of(german.root_path)
    body = json.loads(path.read_text("utf-8"))
    for values in (body, *body["attempts"]):
        del values["findings"]
        values["reasons"] = ["remains of background at the left, 3.0 % of the picture"]
    path.write_text(json.dumps(body), "utf-8")

    found = entry_of_report(HotFolder(german.root_path), path)

    assert found is not None
    verdict = found.job.attempts[0].verdict
    assert verdict is not None
    assert verdict.reasons == ("remains of background at the left, 3.0 % of the picture",)


@pytest.mark.parametrize("spoilt", [7, [7], ["x"], [{"code": 7}], [{"code": "residue", "share": "much"}], {}])
def test_findings_that_are_none_spoil_only_their_report(german: Settings, spoilt: object) -> None:
    path = report_of(german.root_path)
    body = json.loads(path.read_text("utf-8"))
    body["findings"] = spoilt
    body["reasons"] = ["x"]
    path.write_text(json.dumps(body), "utf-8")

    assert [one.reasons for one in find(german.root_path).shown if one.grade] in ([], [("x",)])
