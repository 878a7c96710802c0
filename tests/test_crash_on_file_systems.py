"""The program dies before its n-th effect on file systems that answer otherwise than a local disk."""

from pathlib import Path

import pytest

from tests.doubles import ScriptedEngine
from tests.drawing import save_pages
from tests.hotfolder.answers_of_file_systems import ANSWERS
from tests.test_crash_at_every_step import deaths_at_every_step, drop_photo, files_below, refuse, results

ODD = ("sshfs", "rclone")
"""Those whose second names are no second names. The others are like a local disk but in one answer."""


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_crash_at_every_step_publishes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    ANSWERS[kind](monkeypatch)
    deaths = 0
    for life in deaths_at_every_step(tmp_path, drop_photo):
        deaths += 1
        root = life.settings.root_path
        assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"], life
        assert files_below(root / "archiv") == ["kunde/a.png"], life
        assert files_below(root / "inbox") == files_below(root / "failed") == [], life
        private = root / ".freisteller"
        assert files_below(private / "work") == files_below(private / "staging") == [], life

    assert deaths > 10


@pytest.mark.parametrize("kind", ODD)
def test_a_crash_at_every_step_publishes_all_pages_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ANSWERS[kind](monkeypatch)
    for life in deaths_at_every_step(tmp_path, lambda inbox: save_pages(inbox / "a.tif", 2)):
        root = life.settings.root_path
        assert sorted(results(root)) == ["a-p1.png", "a-p2.png", "a.json"], life
        assert files_below(root / "archiv") == ["a.tif"], life


@pytest.mark.parametrize("kind", ODD)
def test_a_crash_at_every_step_brings_a_bad_photo_to_failed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ANSWERS[kind](monkeypatch)
    for life in deaths_at_every_step(tmp_path, drop_photo, lambda: ScriptedEngine(refuse)):
        root = life.settings.root_path
        assert files_below(root / "failed") == ["kunde/a.png", "kunde/a.png.txt"], life
        assert results(root) == files_below(root / "archiv") == [], life
