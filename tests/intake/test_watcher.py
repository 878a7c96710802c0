"""The watcher on real files, with the kernel's own events and writers in other processes."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pyvips

from daemon.disk import mounts
from daemon.disk.mounts import Mount
from daemon.errors import RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.event_listener import EventListener
from daemon.intake.scan_values import Arrival, Reject, Scan
from daemon.intake.watcher import Watcher
from daemon.settings import IntakeSettings
from daemon.work.open_file import prove_open_file
from tests.drawing import save_photo
from tests.intake.photos import photo

LONG = 30.0  # seconds that no test waits for: an event comes earlier


class Porch:
    """A hot folder, a watcher, and a loop that looks until a test has what it waits for."""

    def __init__(self, root: Path, **settings: float) -> None:
        self.folders = HotFolder(root)
        self.folders.prepare()
        values = {
            "quiet_seconds": 0.2,
            "remote_quiet_seconds": 0.2,
            "scan_seconds": LONG,
            "tiff_quiet_seconds": 0,
            **settings,
        }
        self.watcher = Watcher(self.folders, IntakeSettings.model_validate(values), prove_open_file, time.monotonic)
        self.stop = threading.Event()

    def wait_for(self, enough: Callable[[Scan], bool]) -> Scan:
        for _ in range(2000):
            scan = self.watcher.scan()
            if enough(scan):
                return scan
            self.watcher.wait(scan.next_look_seconds, self.stop)
        raise AssertionError(f"nothing came of it: {scan}")

    def arrival(self) -> Arrival:
        return self.wait_for(lambda scan: bool(scan.ready)).ready[0]

    def reject(self) -> Reject:
        return self.wait_for(lambda scan: bool(scan.rejected)).rejected[0]


@pytest.fixture
def porch(tmp_path: Path) -> Iterator[Porch]:
    porch = Porch(tmp_path / "hot")
    yield porch
    porch.watcher.close()


def writer(code: str, *arguments: Path) -> "subprocess.Popen[bytes]":
    """Another process that runs `code`: its arguments are paths in `argv`, and `pause(seconds)` sleeps."""
    head = "import os, sys, time; pause = time.sleep; argv = sys.argv[1:]\n"
    return subprocess.Popen([sys.executable, "-c", head + code, *map(str, arguments)])


def test_what_was_there_before_the_start_is_found(porch: Porch) -> None:
    save_photo(porch.folders.inbox / "a.jpg")
    porch.watcher.start()

    assert porch.arrival().found_by == "startup"


def test_a_photo_that_is_copied_in_is_found_by_its_event(porch: Porch) -> None:
    porch.watcher.start()
    assert porch.watcher.scan().incomplete == 0
    save_photo(porch.folders.inbox / "a.jpg")

    assert porch.watcher.hears_events
    assert porch.arrival().found_by == "event"


def test_an_event_ends_the_wait(porch: Porch) -> None:
    porch.watcher.start()
    porch.watcher.scan()
    ended = threading.Event()

    def wait() -> None:
        porch.watcher.wait(LONG, porch.stop)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    save_photo(porch.folders.inbox / "a.jpg")

    assert ended.wait(LONG / 2)
    thread.join()


def test_a_stop_ends_the_wait(porch: Porch) -> None:
    porch.watcher.start()
    thread = threading.Thread(target=porch.watcher.wait, args=(LONG, porch.stop))
    thread.start()

    porch.stop.set()
    porch.watcher.wake()
    thread.join(LONG / 2)

    assert not thread.is_alive()


def test_a_quiet_inbox_wakes_nobody(porch: Porch, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def wait(_: EventListener, seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(EventListener, "wait", wait)

    porch.watcher.wait(LONG, porch.stop)

    assert waits == [LONG]


def test_our_own_reading_is_no_event(porch: Porch) -> None:
    porch.watcher.start()
    save_photo(porch.folders.inbox / "a.jpg")
    porch.arrival()
    porch.watcher.wait(0.6, porch.stop)  # the events that the copying caused

    (porch.folders.inbox / "a.jpg").read_bytes()
    porch.watcher.scan()

    assert not porch.watcher._events.wait(0.6)


def test_a_folder_that_is_moved_in_is_found_with_all_that_is_in_it(porch: Porch, tmp_path: Path) -> None:
    porch.watcher.start()
    porch.watcher.scan()
    for number in range(5):
        save_photo(tmp_path / f"outside/deep/{number}.jpg", seed=number)

    (tmp_path / "outside").rename(porch.folders.inbox / "outside")

    assert len(porch.wait_for(lambda scan: len(scan.ready) == 5).ready) == 5


def test_a_slow_writer_is_waited_for(porch: Porch, tmp_path: Path) -> None:
    whole = save_photo(tmp_path / "whole.tif")
    target = porch.folders.inbox / "scan.tif"
    porch.watcher.start()

    code = (
        "content = open(argv[0], 'rb').read()\n"
        "with open(argv[1], 'wb', buffering=0) as file:\n"
        "    for start in range(0, len(content), 16384):\n"
        "        file.write(content[start:start + 16384]); pause(0.05)\n"
    )
    with writer(code, whole, target):
        arrival = porch.arrival()

    assert arrival.source == target
    assert arrival.size_bytes == whole.stat().st_size


def test_a_scanner_that_keeps_its_file_open_between_pages_is_waited_for(porch: Porch, tmp_path: Path) -> None:
    """After its first page, the file is a whole TIFF and is quiet; only that it is open shows that more will come."""
    whole = save_photo(tmp_path / "whole.tif")
    target = porch.folders.inbox / "scan.tif"
    porch.watcher.start()
    code = (
        "first = open(argv[0], 'rb').read()\n"
        "with open(argv[1], 'wb', buffering=0) as file:\n"
        "    file.write(first); pause(1.0); file.write(b'the second page')\n"
    )

    with writer(code, whole, target):
        arrival = porch.arrival()

    assert arrival.size_bytes == whole.stat().st_size + len(b"the second page")


APPEND = (
    "from PIL import Image\n"
    "for number, page in enumerate(argv[1:]):\n"
    "    if number: pause(1.5)\n"
    "    Image.open(page).save(argv[0], 'TIFF', save_all=True, append=os.path.exists(argv[0]))\n"
)
"""Writes each page and closes the file; the next goes behind it, or, as libtiff does, into a new file of its name."""


def test_a_scanner_that_closes_its_file_between_pages_is_waited_for(porch: Porch, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs Pillow, which appends pages to a TIFF")
    pages = [save_photo(tmp_path / f"{number}.png", seed=number) for number in range(3)]
    target = porch.folders.inbox / "scan.tif"
    porch.watcher.use_settings(IntakeSettings(quiet_seconds=0.2, scan_seconds=LONG, tiff_quiet_seconds=4.0))
    porch.watcher.start()

    with writer(APPEND, target, *pages):
        claimed = porch.folders.jobs.claim(porch.arrival().source, "job-1")

    assert pages_of(claimed) == 3


def test_no_page_is_lost_of_a_scanner_that_pauses_for_too_long(porch: Porch, tmp_path: Path) -> None:
    """A page that comes after its file was taken becomes a file of its own."""
    pytest.importorskip("PIL", reason="needs Pillow, which appends pages to a TIFF")
    pages = [save_photo(tmp_path / f"{number}.png", seed=number) for number in range(3)]
    target = porch.folders.inbox / "scan.tif"
    porch.watcher.use_settings(IntakeSettings(quiet_seconds=0.2, scan_seconds=LONG, tiff_quiet_seconds=0.3))
    porch.watcher.start()
    taken: list[Path] = []

    with writer(APPEND, target, *pages):
        while sum(map(pages_of, taken)) < len(pages):
            taken.append(porch.folders.jobs.claim(porch.arrival().source, f"job-{len(taken)}"))

    assert len(taken) > 1
    assert {pyvips.Image.new_from_file(str(path)).avg() for path in taken} == {
        pyvips.Image.new_from_file(str(page)).avg() for page in pages
    }


def pages_of(tiff: Path) -> int:
    return int(pyvips.Image.new_from_file(str(tiff)).get("n-pages"))


def test_full_size_first_and_data_later_is_waited_for(porch: Porch, tmp_path: Path) -> None:
    whole = save_photo(tmp_path / "whole.png")
    target = porch.folders.inbox / "a.png"
    porch.watcher.start()
    code = (
        "content = open(argv[0], 'rb').read()\n"
        "with open(argv[1], 'wb') as file: file.truncate(len(content))\n"
        "pause(0.7)\n"
        "with open(argv[1], 'r+b') as file: file.write(content[:5000]); pause(0.7); file.write(content[5000:])\n"
    )

    with writer(code, whole, target):
        porch.arrival()

    assert target.read_bytes() == whole.read_bytes()


def test_placeholder_then_data_is_one_photo(porch: Porch, tmp_path: Path) -> None:
    whole = save_photo(tmp_path / "whole.jpg")
    target = porch.folders.inbox / "a.jpg"
    porch.watcher.start()
    code = "open(argv[1], 'wb').close(); pause(0.7); open(argv[1], 'wb').write(open(argv[0], 'rb').read())"

    with writer(code, whole, target):
        assert porch.arrival().size_bytes == whole.stat().st_size


def test_a_temporary_name_and_a_rename_is_one_photo(porch: Porch, tmp_path: Path) -> None:
    whole = save_photo(tmp_path / "whole.jpg")
    target = porch.folders.inbox / "a.jpg"
    porch.watcher.start()
    code = (
        "open(argv[1] + '.part', 'wb').write(open(argv[0], 'rb').read()); pause(0.3)\n"
        "os.rename(argv[1] + '.part', argv[1])"
    )

    with writer(code, whole, target):
        arrival = porch.arrival()

    assert (arrival.source, arrival.found_by) == (target, "event")


def test_a_file_that_is_replaced_while_it_waits_is_judged_anew(porch: Porch, tmp_path: Path) -> None:
    whole = save_photo(tmp_path / "whole.jpg")
    target = porch.folders.inbox / "a.jpg"
    target.write_bytes(photo()[:1000])
    porch.watcher.start()
    porch.watcher.scan()
    code = "pause(0.5); os.link(argv[0], argv[1] + '~'); os.rename(argv[1] + '~', argv[1])"

    with writer(code, whole, target):
        arrival = porch.arrival()

    assert arrival.size_bytes == whole.stat().st_size


def test_two_writers_of_one_file_are_both_waited_for(porch: Porch, tmp_path: Path) -> None:
    whole = save_photo(tmp_path / "whole.tif")
    target = porch.folders.inbox / "a.tif"
    target.touch()
    porch.watcher.start()
    code = (
        "content = open(argv[0], 'rb').read(); half = len(content) // 2\n"
        "mine = range(0, half, 8192) if len(argv[2]) == 1 else range(half, len(content), 8192)\n"
        "with open(argv[1], 'r+b', buffering=0) as file:\n"
        "    for start in mine:\n"
        "        end = start + 8192 if start >= half else min(start + 8192, half)\n"
        "        file.seek(start); file.write(content[start:end]); pause(0.05)\n"
    )

    with writer(code, whole, target, Path("1")), writer(code, whole, target, Path("22")):
        porch.arrival()

    assert target.read_bytes() == whole.read_bytes()


def test_a_writer_that_dies_half_way_and_never_comes_back_is_rejected(tmp_path: Path) -> None:
    porch = Porch(tmp_path / "hot", patience_seconds=1.0)
    target = porch.folders.inbox / "a.jpg"
    half = tmp_path / "half"
    half.write_bytes(photo()[:2000])
    porch.watcher.start()

    with writer("open(argv[1], 'wb').write(open(argv[0], 'rb').read()); os._exit(1)", half, target):
        reject = porch.reject()
    porch.watcher.close()

    assert reject.source == target
    assert "a.jpg is not whole" in reject.reason


def test_what_a_person_renamed_to_jpg_is_called_by_its_name(porch: Porch) -> None:
    (porch.folders.inbox / "Brief.jpg").write_bytes(b"Sehr geehrte Damen und Herren, anbei die Fotos.")
    porch.watcher.start()

    assert porch.reject().reason.startswith("Brief.jpg is not a photo")


def test_a_photo_whose_name_is_no_text_is_proven(porch: Porch) -> None:
    (porch.folders.inbox / os.fsdecode(b"\xff\n[page=1].jpg")).write_bytes(photo())
    porch.watcher.start()

    assert porch.arrival().name == "__[page=1].jpg"


def test_on_a_share_there_are_no_events_and_the_timer_finds_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "read", lambda: {"/": Mount("/", "cifs")})
    porch = Porch(tmp_path / "hot", scan_seconds=0.2)
    before = threading.active_count()
    porch.watcher.start()
    porch.watcher.scan()
    assert not porch.watcher.hears_events
    assert threading.active_count() == before

    save_photo(porch.folders.inbox / "a.jpg")

    assert porch.arrival().found_by == "scan"


def test_without_watches_left_the_timer_finds_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from watchdog.observers import Observer

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Observer, "start", refuse)
    porch = Porch(tmp_path / "hot", scan_seconds=0.2)
    porch.watcher.start()
    assert not porch.watcher.hears_events
    save_photo(porch.folders.inbox / "a.jpg")

    assert porch.arrival().name == "a.jpg"
    porch.watcher.close()


def test_a_root_that_went_away_is_never_an_empty_inbox(porch: Porch) -> None:
    save_photo(porch.folders.inbox / "a.jpg")
    porch.watcher.start()
    porch.watcher.scan()
    away = porch.folders.root.rename(porch.folders.root.with_name("away"))
    with pytest.raises(RootAway):
        porch.watcher.scan()

    away.rename(porch.folders.root)

    assert porch.arrival().name == "a.jpg"


def test_an_inbox_that_is_deleted_while_it_is_read_is_no_crash(porch: Porch, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def delete_then_open(path: object, *arguments: int, **keywords: int) -> int:
        if path == porch.folders.inbox and porch.folders.inbox.exists():
            porch.folders.inbox.rmdir()
        return real(path, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", delete_then_open)
    with pytest.raises(RootAway, match="It is tried again"):
        porch.watcher.scan()
    monkeypatch.undo()

    assert porch.watcher.scan().incomplete == 0


def test_a_process_out_of_descriptors_waits_for_better_times(porch: Porch, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("daemon.intake.watcher.mounts.read", dict)
        patch.setattr(os, "open", refuse)
        with pytest.raises(RootAway, match="Too many open files"):
            porch.watcher.scan()

    assert porch.watcher.scan().incomplete == 0


def test_an_inbox_that_was_deleted_is_made_and_heard_again(porch: Porch) -> None:
    porch.watcher.start()
    porch.watcher.scan()
    porch.folders.inbox.rmdir()
    for _ in range(200):
        if not porch.watcher.hears_events:
            break
        porch.watcher.wait(0.1, porch.stop)
    porch.watcher.scan()
    assert porch.watcher.hears_events

    save_photo(porch.folders.inbox / "a.jpg")

    assert porch.arrival().found_by == "event"


@pytest.mark.slow
def test_more_files_than_the_kernel_queues_events_for_are_all_found(porch: Porch) -> None:
    """The queue usually holds 16,384 events; each name causes one when it is created and one when it is closed."""
    porch.watcher.start()
    porch.watcher.scan()
    for number in range(17_000):
        (porch.folders.inbox / f"{number}.jpg").touch()

    assert porch.watcher.scan().incomplete == 17_000


def test_closing_twice_is_fine(porch: Porch) -> None:
    porch.watcher.start()
    porch.watcher.close()
    porch.watcher.close()

    assert not porch.watcher.hears_events


def test_watchdog_s_complaint_at_being_stopped_is_not_heard_and_all_others_are(
    porch: Porch, caplog: pytest.LogCaptureFixture
) -> None:
    porch.watcher.start()
    watchdog = logging.getLogger("watchdog.observers.inotify")

    watchdog.error("InotifyEmitter.queue_events() called when the thread is inactive")
    watchdog.error("Unable to rebuild recursive inotify watches")

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "Unable to rebuild recursive inotify watches"
    ]


def test_importing_the_watcher_does_not_load_watchdog() -> None:
    code = "import sys, daemon.intake.watcher; assert 'watchdog' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
