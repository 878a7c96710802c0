"""A hot folder with something of everything in it: new photos of several kinds, and what people did to earlier ones."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyvips

from daemon.settings import Settings, load
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_pages, save_photo
from tests.test_crash_at_every_step import files_below, one_life, refuse

EARLIER_DONE = ("result", "original", "moved", "known")
EARLIER_FAILED = ("failed", "again")


def settings_below(folder: Path, **dispatch: int) -> Settings:
    """Settings of a daemon below a folder: one attempt for each photo, equal photos are left out."""
    return load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "intake": {
                "quiet_seconds": 0,
                "tiff_quiet_seconds": 0,
                "patience_seconds": 0.01,
                "equal_content": "skip",
            },
            "http": {"bind": ""},
            "strategy": {"max_attempts": 1, "finishes": False},
            "dispatch": {"workers": 1, "max_tries": 3, **dispatch},
        }
    )


def earlier_photos(folder: Path) -> None:
    """Make a hot folder in which four photos are done and two failed; the journal has lost the end of `known`."""
    settings = settings_below(folder)
    inbox = settings.root_path / "inbox"
    for seed, names in ((0, EARLIER_FAILED), (len(EARLIER_FAILED), EARLIER_DONE)):
        for number, name in enumerate(names, seed):
            save_photo(inbox / f"{name}.png", drawn_photo(48, 36, number))
        one_life(settings, ScriptedEngine(None if seed else refuse), lambda _: None)
    with closing(sqlite3.connect(Path(settings.state_dir) / "journal.sqlite3")) as journal, journal:
        journal.execute(
            "UPDATE jobs SET state = 'waiting', results = '[]', finished_at = NULL WHERE name = 'known.png'"
        )


def copy_of(earlier: Path, folder: Path) -> Settings:
    """The same hot folder once more: its files keep their inodes, by which the journal knows originals."""
    shutil.copytree(earlier / "hot", folder / "hot", copy_function=os.link)
    shutil.copytree(earlier / "state", folder / "state")
    return settings_below(folder)


def drop_new_photos(inbox: Path) -> None:
    """Drop one photo of each kind, two equal ones, two bad ones, and one whose order is wrong."""
    save_photo(inbox / "plain.png", drawn_photo(48, 36, 10))
    save_photo(inbox / "waits.png", drawn_photo(48, 36, 30))
    save_photo(inbox / "camera.jpg", drawn_photo(48, 36, 11))
    save_pages(inbox / "pages.tif", 2)
    save_photo(inbox / "a" / "same.png", drawn_photo(48, 36, 12))
    save_photo(inbox / "b" / "twin.png", drawn_photo(48, 36, 12))
    (inbox / "letter.jpg").write_text("Dear Sir or Madam, " * 50)
    nothing = np.zeros((36, 48, 4), np.uint8)
    pyvips.Image.new_from_array(nothing, interpretation="srgb").write_to_file(str(inbox / "clear.png"))
    for name, order in (("ordered", '[outputs]\nformats = ["tiff"]\n'), ("wrong", "[outputs\n")):
        save_photo(inbox / name / f"{name}.png", drawn_photo(48, 36, 13 + len(name)))
        (inbox / name / "freisteller.toml").write_text(order)


def people_act(root: Path) -> None:
    """People put back a result, an original and a failed photo, and move a result to another grade folder."""
    (result,) = (root / name for name in _results(root) if name.endswith("result.png"))
    result.rename(root / "inbox" / "result.png")
    (root / "archiv" / "original.png").rename(root / "inbox" / "original.png")
    (root / "failed" / "failed.png").rename(root / "inbox" / "failed.png")
    (moved,) = (root / name for name in _results(root) if name.endswith("moved.png"))
    moved.rename(root / ("gut" if moved.parent.name != "gut" else "ungenügend") / "moved.png")


def _results(root: Path) -> Iterator[str]:
    for grade in ("sehr_gut", "gut", "ungenügend"):
        yield from (f"{grade}/{name}" for name in files_below(root / grade))
