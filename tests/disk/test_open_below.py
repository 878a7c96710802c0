"""Opening below a folder: no link leads out, and a new file replaces nothing."""

from pathlib import Path

import pytest

from daemon.disk import open_below


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("somebody's")

    with open_below.opened(tmp_path) as folder:
        with pytest.raises(FileExistsError):
            open_below.write_new("note.txt", b"ours", folder)
        open_below.write_new("other.txt", b"ours", folder)

    assert (tmp_path / "note.txt").read_text() == "somebody's"
    assert (tmp_path / "other.txt").read_bytes() == b"ours"


def test_no_link_is_followed_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jpg").write_bytes(b"photo")
    (tmp_path / "hot").mkdir()
    (tmp_path / "hot" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "hot" / "a.jpg").symlink_to(tmp_path / "outside" / "a.jpg")

    with pytest.raises(NotADirectoryError), open_below.opened(tmp_path / "hot", ["link"]):
        pass
    with (
        open_below.opened(tmp_path / "hot") as folder,
        pytest.raises(OSError, match="Too many levels"),
        open_below.reading("a.jpg", folder),
    ):
        pass
