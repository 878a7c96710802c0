"""`status` names the photos in back-off and those that failed, with what to do before any command."""

import json
import time
from collections.abc import Iterator
from contextlib import chdir, closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.cli.main import app
from daemon.commands.photos_told import SHOWN, _work_seconds, photo_lines, photos_told
from daemon.errors import Said
from daemon.journal import Journal
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from tests.doubles import ScriptedEngine

NOW = 1_800_000_000.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.sqlite3")) as journal:
        yield journal


def put_off(journal: Journal, name: str, seconds: float) -> None:
    journal.admit(name, name, Path("inbox") / name, 1, NOW)
    assert journal.take(NOW) is not None
    journal.postpone(name, NOW + seconds, Said("server_unreachable", server="gpu1"), "engine_away")


def fail(journal: Journal, name: str, at: float, places: tuple[str, ...] = ()) -> None:
    journal.admit(name, name, Path("inbox") / name, 1, NOW)
    journal.give_up(name, Said("not_whole", name=name, detail=Said("jpeg_end")), "not_whole", at)
    journal.record_places(name, places)


def test_a_photo_in_back_off_is_told_with_its_next_try(journal: Journal) -> None:
    put_off(journal, "later.jpg", 200)
    put_off(journal, "sooner.jpg", 100)

    told = photos_told(journal, "studio", NOW)

    assert [(each["name"], each["next_try_at"]) for each in told["put_off"]] == [
        ("sooner.jpg", NOW + 100),
        ("later.jpg", NOW + 200),
    ]
    clock = time.strftime("%H:%M:%S", time.localtime(NOW + 100))
    assert photo_lines(told, 0)[0] == (
        f"waits: sooner.jpg; next try at {clock}, or as soon as the cause is gone: gpu1 cannot be reached."
    )


def test_a_failed_photo_is_told_as_the_user_wrote_its_path_with_what_to_do(journal: Journal) -> None:
    fail(journal, "shoes/a.jpg", NOW, ("failed/shoes/a-2.jpg", "failed/shoes/a-2.jpg.txt"))
    fail(journal, "gone.jpg", NOW - 1)

    told = photos_told(journal, "../studio", NOW)
    lines = photo_lines(told, 2)

    assert [each["path"] for each in told["failed"]] == ["../studio/failed/shoes/a-2.jpg", "../studio/inbox/gone.jpg"]
    assert lines[0] == "failed: ../studio/failed/shoes/a-2.jpg (not_whole)"
    assert "Why: shoes/a.jpg is not whole" in lines[1]
    assert "What to do: Copy the photo into inbox/" in lines[2]
    assert "freisteller" not in "".join(lines[:3])


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([], None),
        ([2.0], (1, 2.0, 2.0)),
        ([*map(float, range(1, 101))], (100, 50.0, 95.0)),
        ([3.0, 1.0], (2, 1.0, 3.0)),
    ],
)
def test_the_seconds_of_work_are_those_of_a_half_and_of_nearly_all(
    times: list[float], told: tuple[int, float, float] | None
) -> None:
    work = _work_seconds(times)

    assert (work and (work["photos"], work["p50"], work["p95"])) == told


def test_many_are_counted(journal: Journal) -> None:
    for number in range(SHOWN + 3):
        fail(journal, f"{number}.jpg", NOW + number)

    told = photos_told(journal, "studio", NOW)

    assert told["failed"][0]["name"] == f"{SHOWN + 2}.jpg"
    assert photo_lines(told, 1000)[-1] == f"and {1000 - SHOWN} more failed; each has a note beside it in failed/"


def test_a_failure_of_an_earlier_version_is_told(journal: Journal) -> None:
    journal.admit("a", "a.jpg", Path("inbox/a.jpg"), 1, NOW)
    journal.give_up("a", "a.jpg cannot be read.", "bad_photo", NOW)

    (told,) = photos_told(journal, "studio", NOW)["failed"]

    assert (told["kind"], told["reason"]) == ("bad_photo", "a.jpg cannot be read.")
    assert told["do"].startswith("Repair or replace the photo")


def test_the_command_tells_them(tmp_path: Path) -> None:
    (tmp_path / "studio" / "inbox").mkdir(parents=True)
    (tmp_path / "studio" / "inbox" / "a.jpg").write_text("Dear customer, " * 100)
    sections = {"intake": {"quiet_seconds": 0}, "http": {"bind": ""}}
    settings = load(flags={"root": str(tmp_path / "studio"), "state_dir": str(tmp_path / "state"), **sections})
    with closing(Daemon(settings, engine=ScriptedEngine())) as daemon:
        daemon.run(once=True)

    with chdir(tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FREISTELLER__HTTP__BIND", "")
        patch.setenv("FREISTELLER__STATE_DIR", str(tmp_path / "state"))
        text = CliRunner().invoke(app, ["status", "--root", "studio"]).stdout
        values = json.loads(CliRunner().invoke(app, ["status", "--root", "studio", "--json"]).stdout)

    assert "failed: studio/failed/a.jpg (unknown_format)" in text
    assert [each["path"] for each in values["failed"]] == ["studio/failed/a.jpg"]
    assert values["put_off"] == []
