"""A start that needs a disk or a share that is missing ends with exit code 75, and works once it is there."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drawing import save_photo
from tests.processes import freisteller
from tests.test_full_state_disk import fill, small_disk


def test_a_share_that_is_not_mounted_yet_is_worth_another_start(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    first = freisteller("run", "--once", folder=tmp_path)
    root.rename(tmp_path / "share")
    root.mkdir()  # the empty mount point

    early = freisteller("run", "--once", folder=tmp_path)
    left_in_the_mount_point = list(root.iterdir())
    root.rmdir()
    (tmp_path / "share").rename(root)
    save_photo(root / "inbox" / "a.png")
    later = freisteller("run", "--once", folder=tmp_path)

    assert first.returncode == later.returncode == 0
    assert early.returncode == 75
    assert "mount" in early.stderr.lower()
    assert left_in_the_mount_point == []
    assert (root / "archiv" / "a.png").exists()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield from small_disk(tmp_path / "state", 4)


def test_a_full_state_disk_is_worth_another_start(state: Path, tmp_path: Path) -> None:
    ballast = fill(state)

    early = freisteller("run", "--once", folder=tmp_path)
    ballast.unlink()
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    later = freisteller("run", "--once", folder=tmp_path)

    assert early.returncode == 75
    assert "room" in early.stderr.lower()
    assert later.returncode == 0
    assert (tmp_path / "hot" / "archiv" / "a.png").exists()


@pytest.mark.parametrize(("number", "code"), [(errno.ESTALE, 75), (errno.ENOENT, 2)])
def test_an_error_of_the_system_ends_by_its_kind(number: int, code: int) -> None:
    broken = f"""
import importlib

cli = importlib.import_module("daemon.cli.main")

def app():
    raise OSError({number}, "as the system says", "/a/file")

cli.app = app
cli.main()
"""

    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert "/a/file cannot be used: as the system says" in done.stderr
