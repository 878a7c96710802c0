"""The daemon runs on real disks that get full, read-only or slow, or go away: it waits, loses nothing, and goes on.

The mounts need root (and bindfs for the slow one). Without these, the tests are skipped with that reason.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from daemon.disk import mounts
from daemon.jobs import Grade
from tests.drawing import drawn_photo, save_photo
from tests.processes import DaemonProcess

pytestmark = pytest.mark.slow


class Disk:
    """A folder that is mounted where the hot folder is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "hot"
        self.root.mkdir()

        self.back = folder / "back"
        self.back.mkdir()

    def mount(self, *words: str) -> None:
        result = subprocess.run(["mount", *words, str(self.root)], check=False, capture_output=True)
        if os.geteuid() or result.returncode:
            pytest.skip(f"mounting is not allowed here: {result.stderr.decode().strip()}")

    def bind(self) -> None:
        """The folder `back` as a share. A folder that is bound twice is there twice, one mount over the other."""
        self.mount("--bind", str(self.back))

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.root)], check=False, capture_output=True)

    def files(self) -> list[str]:
        """What people see."""
        tops = ["inbox", "failed", "archiv", *(grade.value for grade in Grade)]
        found = [path for top in tops for path in (self.root / top).rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(self.root)) for path in found)

    def done(self, name: str) -> bool:
        return any((self.root / grade.value / f"{name}.json").exists() for grade in Grade)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    while str(disk.root) in mounts.read():
        disk.unmount()


def started(daemon: DaemonProcess, disk: Disk) -> None:
    daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")


def test_a_disk_that_gets_full_makes_the_photo_wait_and_shows_nothing_half_written(disk: Disk) -> None:
    disk.mount("-t", "tmpfs", "-o", "size=4m", "tmpfs")
    with DaemonProcess(disk.folder) as daemon:
        started(daemon, disk)
        ballast = disk.root / "ballast"
        photo = save_photo(disk.folder / "a.png", drawn_photo(640, 480))
        free = shutil.disk_usage(disk.root).free - photo.stat().st_size
        ballast.write_bytes(b"x" * (free - 12 * 1024))  # the photo fits in, its result does not
        shutil.copyfile(photo, disk.root / "inbox" / "a.png")

        daemon.wait_until(lambda: daemon.says('"reason": "no_room"'), "the photo that waits")
        assert disk.files() == []
        ballast.unlink()
        daemon.wait_until(lambda: disk.done("a"), "the result")
        daemon.interrupt()

    assert len(disk.files()) == 3
    assert (disk.root / "archiv" / "a.png").read_bytes() == photo.read_bytes()


def test_a_share_that_gets_read_only_pauses_the_work(disk: Disk) -> None:
    disk.bind()
    with DaemonProcess(disk.folder) as daemon:
        started(daemon, disk)
        disk.bind()  # the files that the daemon has open are on the lower mount; otherwise this would be refused
        disk.mount("-o", "remount,bind,ro")
        save_photo(disk.back / "inbox" / "a.png")
        daemon.wait_until(lambda: daemon.says("is read-only"), "the pause")
        before = disk.files()
        disk.unmount()
        daemon.wait_until(lambda: disk.done("a"), "the result")
        daemon.interrupt()

    assert before == ["inbox/a.png"]
    assert len(disk.files()) == 3


def test_a_share_that_is_away_and_comes_back_loses_nothing(disk: Disk) -> None:
    """An empty folder is in its place, as below any mount point. Nothing is made there or taken for deleted."""
    disk.bind()
    with DaemonProcess(disk.folder, FREISTELLER__HTTP__BIND="127.0.0.1:0") as daemon:
        started(daemon, disk)
        save_photo(disk.root / "inbox" / "a.png")
        daemon.wait_until(lambda: disk.done("a"), "the first result")
        results = disk.files()

        disk.unmount()
        save_photo(disk.back / "inbox" / "b.png", seed=1)  # somebody else still reaches the share
        daemon.wait_until(lambda: daemon.says('"action": "root_away"'), "the pause")
        assert "freisteller_root_reachable 0.0" in page(daemon, disk)
        assert list(disk.root.iterdir()) == []
        disk.bind()
        daemon.wait_until(lambda: disk.done("b"), "the second result")
        assert daemon.says('"action": "root_back"')
        assert "freisteller_root_reachable 1.0" in page(daemon, disk)
        daemon.interrupt()

    assert set(results) < set(disk.files())
    assert len(disk.files()) == 6
    assert not daemon.says("a person moved it")


def test_a_slow_share_only_takes_longer(disk: Disk) -> None:
    if os.geteuid() or not shutil.which("bindfs"):
        pytest.skip("needs root and bindfs")
    call = ["bindfs", "--read-rate=200k", "--write-rate=200k", str(disk.back), str(disk.root)]
    if subprocess.run(call, check=False, capture_output=True).returncode:
        pytest.skip("FUSE mounts are not allowed here")
    with DaemonProcess(disk.folder, FREISTELLER__INTAKE__REMOTE_QUIET_SECONDS="0.3") as daemon:
        started(daemon, disk)
        photo = save_photo(disk.back / "inbox" / "a.tif")
        content = photo.read_bytes()
        daemon.wait_until(lambda: disk.done("a"), "the result")
        daemon.interrupt()

    assert (disk.back / "archiv" / "a.tif").read_bytes() == content
    assert len(disk.files()) == 3


def page(daemon: DaemonProcess, disk: Disk) -> str:
    """The metrics of the daemon, from the port that its log names."""
    log = (disk.folder / "daemon.log").read_text("utf-8", "replace")
    start = log.index("http://127.0.0.1:")
    address = log[start : log.index("/", start + len("http://"))]
    for _ in range(600):  # the log line comes before the gauge
        with urlopen(f"{address}/metrics") as answer:
            text: str = answer.read().decode()
        if daemon.says('"action": "root_back"') == ("freisteller_root_reachable 1.0" in text):
            break
        time.sleep(0.1)
    return text
