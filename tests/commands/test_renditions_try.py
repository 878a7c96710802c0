"""`freisteller renditions try`: what a shop would say of one photo."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.cli.main import app
from daemon.commands import single_photos
from daemon.commands.renditions_try import try_renditions
from daemon.errors import BadSettings
from daemon.logs import log
from daemon.settings import load
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo


@pytest.fixture(autouse=True)
def scripted_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "set_up", lambda *_: None)  # it sets the loggers of this process, tests to come among them
    monkeypatch.setattr(single_photos, "build_engine", lambda *_, **__: ScriptedEngine())


def tried(photo: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["renditions", "try", str(photo), "--out", str(photo.parent / "shop"), *arguments])
    return result.exit_code, result.output


def test_a_rendition_that_holds_is_written_and_told_of(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png", drawn_photo(1400, 1200))

    code, said = tried(photo, "--preset", "ebay")

    assert code == 0
    assert (tmp_path / "shop" / "shoe_for-ebay.jpg").is_file()
    assert "all 10 rules hold" in said


def test_one_that_breaks_a_rule_says_which_and_by_how_much(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png", drawn_photo(320, 240))

    code, said = tried(photo, "--preset", "ebay", "--preset", "meta-link")

    assert code == 1
    assert re.search(r"its longest side has \d+ pixels; wanted: at least 500, at most 9000", said)
    assert "smaller than asked: the photo has no more pixels" in said  # of meta-link, which holds
    assert [path.name for path in (tmp_path / "shop").glob("*_for-*")] == ["shoe_for-meta-link.jpg"]


def test_it_is_made_whatever_the_grade_is(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png", drawn_photo(1400, 1200))

    _, said = tried(photo, "--preset", "amazon-main", "--json")

    told = json.loads(said)
    assert [each["name"] for each in told["renditions"]] == ["amazon-main"]


def test_a_rendition_of_the_settings_that_is_no_preset_is_made_too(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png", drawn_photo(700, 600))
    settings = tmp_path / "own.toml"
    settings.write_text('[renditions.web]\nbackground = "#e9eef4"\nlongest = 300\n')

    code, said = tried(photo, "--preset", "web", "--config", str(settings))

    assert (code, (tmp_path / "shop" / "shoe_for-web.jpg").is_file()) == (0, True), said


def test_an_unknown_name_is_told_before_anything_is_cut_out(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png")

    with pytest.raises(BadSettings, match="amazon-main"):
        try_renditions(load(), photo, ["amazn-main"], tmp_path / "shop", print)

    assert not (tmp_path / "shop").exists()


def test_each_background_is_told_of_by_the_name_of_its_file(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png", drawn_photo(700, 600))
    settings = tmp_path / "own.toml"
    settings.write_text('[renditions.hero]\nlongest = 300\nbackgrounds = { white = "#fff", warm = "#f0ede8" }\n')

    code, said = tried(photo, "--preset", "hero", "--config", str(settings))

    assert code == 0, said
    assert sorted(path.name for path in (tmp_path / "shop").glob("*_for-*")) == [
        "shoe_for-hero-warm.jpg",
        "shoe_for-hero-white.jpg",
    ]
    assert "hero-warm: 300 x 300 pixels" in said


def test_it_speaks_the_language_of_the_settings(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "shoe.png", drawn_photo(320, 240))
    settings = tmp_path / "own.toml"
    settings.write_text('language = "de"\n')

    _, said = tried(photo, "--preset", "ebay", "--preset", "meta-link", "--config", str(settings))

    assert "der Seite ein" in said
    assert "1 von 10 Regeln verletzt" in said
    assert re.search(r"Regeln eingehalten", said)
    assert "rules" not in said
