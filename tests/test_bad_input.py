"""What people and machines drop by mistake ends in `failed/` with a reason or is left alone, and the rest goes on."""

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips

from daemon.hotfolder.orders import LEFT_NOTE
from tests.drawing import drawn_photo, save_photo
from tests.processes import freisteller
from tests.test_killed import files_below, results


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG that promises that many pixels, and its end."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def animated_webp(path: Path) -> None:
    frames = [pyvips.Image.new_from_array(drawn_photo(64, 48, seed), interpretation="srgb") for seed in range(3)]
    pages = pyvips.Image.arrayjoin(frames, across=1).copy()
    pages.set_type(pyvips.GValue.gint_type, "page-height", 48)
    pages.webpsave(str(path), page_height=48)


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hot folder into which everything bad was dropped at once, after one run."""
    folder = tmp_path_factory.mktemp("bad")
    inbox = folder / "hot" / "inbox"
    good = save_photo(inbox / "good.jpg").read_bytes()
    (inbox / "truncated.jpg").write_bytes(good[: len(good) // 2])
    (inbox / "empty.jpg").write_bytes(b"")
    (inbox / "zeros.png").write_bytes(bytes(50_000))
    (inbox / "text.jpg").write_text("Dear Sir or Madam, " * 200)
    (inbox / "bomb.png").write_bytes(png_header(60_000, 60_000))
    animated_webp(inbox / "animated.webp")
    secret = folder / "outside" / "secret.jpg"
    save_photo(secret)
    (inbox / "link.jpg").symlink_to(secret)
    (inbox / "folder link").symlink_to(secret.parent)
    (inbox / ("n" * 251 + ".jpg")).write_bytes(good)
    (inbox / "line\nbreak \N{CAMERA}.jpg").write_bytes(good)
    (inbox / "read-only.jpg").write_bytes(good)
    (inbox / "read-only.jpg").chmod(0o444)
    os.mkfifo(inbox / "pipe.jpg")
    (inbox / "folder.jpg").mkdir()
    (inbox / "notes.txt").write_text("not a photo, and not ours")
    (inbox / "._good.jpg").write_bytes(b"litter of a Mac")
    done = freisteller("run", "--once", folder=folder)
    assert done.returncode == 1, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("truncated.jpg", "not whole"),
        ("empty.jpg", "empty"),
        ("zeros.png", "zero"),
        ("text.jpg", "text.jpg"),
        ("bomb.png", "megapixel"),
        ("animated.webp", "animat"),
    ],
)
def test_what_is_no_whole_photo_ends_in_failed_with_its_reason(dropped: Path, name: str, said: str) -> None:
    failed = dropped / "hot" / "failed"

    assert (failed / name).exists()
    assert said in (failed / f"{name}.txt").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["good.png", "line_break \N{CAMERA}.png", "read-only.png"])
def test_an_odd_name_or_right_keeps_no_photo_from_its_result(dropped: Path, name: str) -> None:
    assert name in [path.name for path in results(dropped / "hot")]


@pytest.mark.slow
def test_a_name_of_255_bytes_is_shortened_so_that_its_result_fits(dropped: Path) -> None:
    (long,) = [path for path in results(dropped / "hot") if path.name.startswith("nnn")]

    assert len(long.name.encode()) <= 255
    assert long.with_suffix(".json").exists()


@pytest.mark.slow
def test_what_is_not_ours_stays_where_it_is(dropped: Path) -> None:
    inbox = dropped / "hot" / "inbox"
    # On a slow machine the run lasts long enough for the note that names what is left alone.
    left = sorted(path.name for path in inbox.iterdir() if path.name != LEFT_NOTE)

    assert left == ["._good.jpg", "folder link", "folder.jpg", "link.jpg", "notes.txt", "pipe.jpg"]


@pytest.mark.slow
def test_nothing_outside_of_the_root_is_touched(dropped: Path) -> None:
    assert [path.name for path in files_below(dropped / "outside")] == ["secret.jpg"]
    assert all("secret" not in path.name for path in files_below(dropped / "hot"))


@pytest.mark.slow
def test_every_photo_is_accounted_for(dropped: Path) -> None:
    status = json.loads(freisteller("status", "--json", folder=dropped).stdout)

    assert (status["states"]["done"], status["states"]["failed"]) == (4, 6)
    assert sum(status["states"].values()) == 10


@pytest.mark.slow
def test_a_cutout_shows_the_original_where_it_is_opaque(dropped: Path) -> None:
    (result,) = [path for path in results(dropped / "hot") if path.name == "good.png"]
    rgba = pyvips.Image.new_from_file(str(result)).numpy()
    original = pyvips.Image.new_from_file(str(dropped / "hot" / "archiv" / "good.jpg")).numpy()
    opaque = rgba[..., 3] == 255

    assert opaque.mean() > 0.1
    assert np.array_equal(rgba[opaque][:, :3], original[opaque])
