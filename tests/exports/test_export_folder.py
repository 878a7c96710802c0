"""An export is in its place whole or not at all, and takes nothing away that is not an earlier export's."""

import hashlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.disk.exchange import exchange
from daemon.errors import AlreadyRunning, BadSettings, Vanished
from daemon.exports.export_folder import ExportFolder, copy_picture
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.manifest import MANIFEST, manifest_json
from daemon.jobs import Grade
from daemon.words.catalogue import words_in
from tests.pages_of_documents import ROOT


class Killed(BaseException):
    """The process is gone."""


def write(folder: Path, name: str, order: str = "kunde") -> None:
    """All that an export of one file holds."""
    (folder / name).write_text(name, "utf-8")
    (folder / MANIFEST).write_bytes(manifest_json(order, "now", [], {}, [], [name], words_in("en")))


def export(home: Path, name: str, **how: object) -> None:
    with ExportFolder(home, "kunde", **how).building() as folder:  # type: ignore[arg-type]
        write(folder, name)


def names(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if not path.name.endswith(".lock"))


def test_the_second_export_takes_the_place_of_the_first_one(tmp_path: Path) -> None:
    home = tmp_path / "export"

    export(home, "one")
    export(home, "two")

    assert names(home) == ["kunde", f"kunde/{MANIFEST}", "kunde/two"]


def test_it_does_so_too_where_names_cannot_be_exchanged(tmp_path: Path) -> None:
    export(tmp_path, "one")

    export(tmp_path, "two", swap=lambda *_: False)

    assert names(tmp_path) == ["kunde", f"kunde/{MANIFEST}", "kunde/two"]


@pytest.mark.parametrize("error", [OSError("no"), Killed()])
def test_one_that_breaks_off_leaves_the_earlier_one(tmp_path: Path, error: BaseException) -> None:
    export(tmp_path, "one")

    with suppress(type(error)), ExportFolder(tmp_path, "kunde").building() as folder:
        write(folder, "two")
        raise error

    assert names(tmp_path) == ["kunde", f"kunde/{MANIFEST}", "kunde/one"]


def test_what_a_kill_left_is_taken_away_by_the_next_export(tmp_path: Path) -> None:
    export(tmp_path, "one")
    with suppress(Killed), ExportFolder(tmp_path, "kunde").building() as folder:
        left = folder
        raise Killed
    left.mkdir()
    (left / "half").touch()

    export(tmp_path, "two")

    assert names(tmp_path) == ["kunde", f"kunde/{MANIFEST}", "kunde/two"]


def test_a_kill_between_two_renames_does_not_lose_the_earlier_export(tmp_path: Path) -> None:
    """Only where names cannot be exchanged: the earlier one stands aside, and nothing is in its place."""
    export(tmp_path, "one")
    folder = ExportFolder(tmp_path, "kunde")
    (tmp_path / "kunde").rename(tmp_path / folder._earlier)

    with pytest.raises(Killed), folder.building():
        raise Killed

    assert names(tmp_path) == ["kunde", f"kunde/{MANIFEST}", "kunde/one"]


@pytest.mark.parametrize("name", ["notes.txt", "sub/mine.jpg"])
def test_a_file_of_a_person_s_own_is_never_deleted(tmp_path: Path, name: str) -> None:
    export(tmp_path, "one")
    mine = tmp_path / "kunde" / name
    mine.parent.mkdir(exist_ok=True)
    mine.touch()

    with pytest.raises(BadSettings, match=f"holds {name}, which no export of kunde wrote"):
        export(tmp_path, "two")

    assert mine.exists()
    assert (tmp_path / "kunde" / "one").exists()


def test_what_systems_leave_in_a_folder_is_no_reason_to_stop(tmp_path: Path) -> None:
    export(tmp_path, "one")
    (tmp_path / "kunde" / ".DS_Store").touch()
    (tmp_path / "kunde" / "Thumbs.db").touch()

    export(tmp_path, "two")

    assert names(tmp_path) == ["kunde", f"kunde/{MANIFEST}", "kunde/two"]


@pytest.mark.parametrize("manifest", [None, b"{", b'{"export_version": 1, "order": "other", "files": ["photo.jpg"]}'])
def test_a_folder_that_is_no_export_of_this_order_is_left_alone(tmp_path: Path, manifest: bytes | None) -> None:
    folder = tmp_path / "kunde"
    folder.mkdir()
    (folder / "photo.jpg").touch()
    if manifest:
        (folder / MANIFEST).write_bytes(manifest)

    with pytest.raises(BadSettings, match="Move it away"):
        export(tmp_path, "one")

    assert (folder / "photo.jpg").exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "kunde").symlink_to(elsewhere)

    with pytest.raises(BadSettings, match="is no folder"):
        export(tmp_path, "one")


def test_two_exports_of_one_order_at_once_are_refused(tmp_path: Path) -> None:
    with (
        ExportFolder(tmp_path, "kunde").building(),
        pytest.raises(AlreadyRunning, match="The export of kunde is in use"),
    ):
        export(tmp_path, "two")


def test_an_order_with_the_longest_name_there_is_can_be_exported(tmp_path: Path) -> None:
    order = "ü" * 127

    with ExportFolder(tmp_path, order).building() as folder:
        write(folder, "one", order)

    assert (tmp_path / order / "one").exists()


def test_a_picture_is_copied_only_as_it_was_proven(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"proven")
    digest = hashlib.sha256(b"proven").hexdigest()
    picture = ExportedPicture(
        tmp_path / "a.jpg", "x/y/a.jpg", "a.png", "", "", 0, "web", "", Grade.GUT, (1, 1), 6, digest
    )
    out = tmp_path / "out"
    out.mkdir()

    copy_picture(picture, out)
    (tmp_path / "a.jpg").write_bytes(b"changed")
    with pytest.raises(Vanished, match="was moved or changed"):
        copy_picture(picture, tmp_path / "other")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(Vanished, match="was moved or changed"):
        copy_picture(picture, tmp_path / "other")

    assert (out / "x" / "y" / "a.jpg").read_bytes() == b"proven"


def test_two_names_change_places_at_once(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    folder = os.open(tmp_path, os.O_RDONLY)

    try:
        assert exchange(folder, "one", "other")
        with pytest.raises(FileNotFoundError):
            exchange(folder, "one", "missing")
    finally:
        os.close(folder)

    assert (tmp_path / "one" / "other").exists()
    assert (tmp_path / "other" / "one").exists()


DYING = """
import os, signal, sys
from pathlib import Path
from daemon.disk.exchange import exchange
from daemon.exports.export_folder import ExportFolder
from tests.exports.test_export_folder import write

home, where = Path(sys.argv[1]), sys.argv[2]

def die_at(here):
    if here == where:
        os.kill(os.getpid(), signal.SIGKILL)

def swap(folder, name, other):
    die_at("before the exchange")
    done = exchange(folder, name, other)
    die_at("after the exchange")
    return done

with ExportFolder(home, "kunde", swap).building() as folder:
    die_at("at the beginning")
    write(folder, "two")
    die_at("when all is written")
"""


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("at the beginning", "one"),
        ("when all is written", "one"),
        ("before the exchange", "one"),
        ("after the exchange", "two"),
    ],
)
def test_a_killed_process_leaves_one_whole_export_and_the_next_one_tidies_up(
    tmp_path: Path, where: str, left: str
) -> None:
    export(tmp_path, "one")

    killed = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), where], cwd=ROOT, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert sorted(path.name for path in (tmp_path / "kunde").iterdir()) == [MANIFEST, left]
    export(tmp_path, "three")
    assert names(tmp_path) == ["kunde", f"kunde/{MANIFEST}", "kunde/three"]
