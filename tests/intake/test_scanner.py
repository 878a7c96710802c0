import os
import socket
import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.disk.mounts import Mount
from daemon.intake import walk_inbox
from tests.intake.photos import World, decodes, numbered, photo, two_pages


@pytest.fixture
def world(tmp_path: Path) -> World:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return World(inbox)


def test_a_whole_photo_is_ready_once_it_is_quiet(world: World) -> None:
    source = world.drop("kunde/a.jpg")

    early, ready = world.look(), world.look(after=2.0)

    assert (early.ready, early.incomplete) == ((), 1)
    (arrival,) = ready.ready
    assert (arrival.source, arrival.name) == (source, "kunde/a.jpg")
    assert (arrival.size_bytes, arrival.mtime_ns) == (source.stat().st_size, source.stat().st_mtime_ns)
    assert (arrival.found_by, arrival.waited_seconds) == ("startup", 2.0)


def test_the_next_look_comes_when_the_quiet_time_ends(world: World) -> None:
    world.drop("a.jpg")

    assert world.look().next_look_seconds == pytest.approx(2.0)
    assert world.look(after=1.5).next_look_seconds == pytest.approx(0.5)


def test_an_empty_inbox_is_looked_at_by_the_timer(world: World) -> None:
    assert world.look().next_look_seconds == world.settings.scan_seconds


def test_a_file_that_keeps_growing_is_left_alone(world: World) -> None:
    content = photo("tif")
    for end in range(0, len(content), len(content) // 20):
        world.drop("scan.tif", content[:end])
        scan = world.look(after=1.9)
        assert (scan.ready, scan.rejected, scan.incomplete) == ((), (), 1)

    world.drop("scan.tif", content)
    world.look(after=1.9)

    assert world.names(world.look(after=10.0)) == ["scan.tif"]


def test_a_file_of_full_size_without_its_data_waits_for_it(world: World) -> None:
    content = photo("png")
    world.drop("a.png", content[:1000] + bytes(len(content) - 1000))
    world.look()
    assert world.look(after=2.0).incomplete == 1

    world.drop("a.png", content)
    world.look(after=1.0)

    assert world.names(world.look(after=3.0)) == ["a.png"]


def test_a_placeholder_is_no_photo_until_its_data_comes(world: World) -> None:
    world.drop("a.jpg", b"")
    world.look(closed=["a.jpg"])
    assert world.look(after=10.0).incomplete == 1

    world.drop("a.jpg")
    world.look(after=1.0, closed=["a.jpg"])

    assert world.names(world.look(after=20.0)) == ["a.jpg"]


def test_a_name_that_becomes_a_photo_s_by_a_rename_is_a_new_photo(world: World) -> None:
    half = world.drop("a.jpg.filepart")
    assert world.look().ignored == {"litter": 1}

    half.rename(world.inbox / "a.jpg")
    world.look(after=1.0, closed=["a.jpg"])

    (arrival,) = world.look(after=0.5).ready
    assert arrival.found_by == "event"


def test_a_name_that_comes_by_hard_link_needs_no_event(world: World) -> None:
    os.link(world.drop("a.jpg.filepart"), world.inbox / "a.jpg")

    world.look()

    assert world.names(world.look(after=2.0)) == ["a.jpg"]


def test_a_multi_page_tiff_that_grew_once_is_given_longer(world: World) -> None:
    first = photo("tif")
    world.drop("pages.tif", first[:50_000])
    for _ in range(9):  # the first page takes long: the writer leaves a gap of eight seconds
        world.look(after=1.0)

    world.drop("pages.tif", first)
    world.look(after=1.0)
    assert world.look(after=8.0).incomplete == 1  # a whole TIFF, but this writer was seen to leave gaps
    world.drop("pages.tif", two_pages(first))
    world.look(after=1.0)

    assert world.look(after=11.0).incomplete == 1
    assert world.names(world.look(after=2.0)) == ["pages.tif"]


def test_a_scanner_that_closes_its_file_between_two_pages_brings_both(world: World) -> None:
    first = photo("tif")
    world.drop("pages.tif", first)
    world.look(closed=["pages.tif"])

    assert world.look(after=8.0).incomplete == 1  # whole and closed, but nothing is known of the writers of this folder
    world.drop("pages.tif", two_pages(first))
    world.look(closed=["pages.tif"])
    (arrival,) = world.look(after=12.0).ready

    assert arrival.size_bytes == len(two_pages(first))


def test_a_tiff_that_promises_further_pages_is_waited_for_and_then_believed(world: World) -> None:
    world.drop("pages.tif", numbered(photo("tif"), page=0, of=3))
    world.drop("third.tif", numbered(photo("tif"), page=2, of=3))  # cut out of another file
    world.look()

    assert world.names(world.look(after=11.0)) == ["third.tif"]
    assert world.names(world.look(after=48.0)) == ["third.tif"]
    assert world.names(world.look(after=2.0)) == ["pages.tif", "third.tif"]


def test_a_page_that_comes_too_late_is_a_file_of_its_own_and_people_are_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    source = world.drop("pages.tif", photo("tif"))
    world.look()
    assert world.names(world.look(after=10.0)) == ["pages.tif"]
    source.unlink()
    world.look()

    world.drop("pages.tif", photo("tif", seed=1))
    world.look(after=5.0)

    assert world.names(world.look(after=10.0)) == ["pages.tif"]
    assert "pages.tif came again 15 s after" in caplog.text
    assert "intake.tiff_quiet_seconds" in caplog.text


def test_a_tiff_that_is_copied_in_with_its_time_waits_for_no_page(world: World) -> None:
    copied = world.drop("copied.tif", photo("tif"))
    yesterday = copied.stat().st_mtime - 86400
    os.utime(copied, (yesterday, yesterday))  # as `cp -p`, rsync, Explorer and Finder do it
    world.drop("scanned.tif", photo("tif", seed=1))
    world.look()

    assert world.names(world.look(after=2.0)) == ["copied.tif"]
    assert world.names(world.look(after=8.0)) == ["copied.tif", "scanned.tif"]


def test_a_page_that_is_appended_to_a_copied_tiff_after_all_makes_it_wait(world: World) -> None:
    first = photo("tif")
    copied = world.drop("pages.tif", first)
    os.utime(copied, (1e9, 1e9))
    world.look(after=1.0)
    world.drop("pages.tif", two_pages(first))  # its time is no longer an old one
    world.look()

    assert world.look(after=9.0).ready == ()
    assert world.names(world.look(after=1.0)) == ["pages.tif"]


def test_what_is_there_when_it_is_run_once_gets_no_further_page(world: World) -> None:
    world.drop("pages.tif", photo("tif"))
    world.look(urgent=True)

    assert world.names(world.look(after=2.0, urgent=True)) == ["pages.tif"]


def test_a_writer_s_next_file_gains_from_what_was_learned(world: World) -> None:
    world.drop("scanner/1.jpg", photo()[:500])
    for _ in range(9):
        world.look(after=1.0)
    source = world.drop("scanner/1.jpg")
    world.look(after=1.0)
    assert world.names(world.look(after=12.0)) == ["scanner/1.jpg"]
    source.unlink()

    world.drop("scanner/2.jpg")
    world.drop("elsewhere/2.jpg")
    world.drop("scanner/2.png", photo("png"))  # by all that can be seen, from another program
    world.look()

    assert sorted(world.names(world.look(after=2.0))) == ["elsewhere/2.jpg", "scanner/2.png"]
    assert "scanner/2.jpg" in world.names(world.look(after=10.0))


def test_a_writer_that_dies_half_way_and_comes_back_is_waited_for(world: World) -> None:
    content = photo()
    world.drop("a.jpg", content[: len(content) // 2])
    world.look()
    assert world.look(after=59.0).rejected == ()

    world.drop("a.jpg", content)
    world.look(after=0.5)

    assert world.names(world.look(after=40.0)) == ["a.jpg"]


def test_what_never_gets_whole_is_rejected_when_patience_ends(world: World) -> None:
    source = world.drop("kunde/half.jpg", photo()[:1000])
    world.look()
    world.look(after=2.0)

    (reject,) = world.look(after=58.0).rejected

    assert (reject.source, reject.name) == (source, "kunde/half.jpg")
    assert reject.reason == (
        "half.jpg is not whole: it ends before the end mark of a JPEG. Copy it again. "
        "It had not changed for 60 seconds."
    )


@pytest.mark.parametrize("content", [b"", bytes(50_000)], ids=["empty", "zeros"])
def test_nothing_but_a_name_is_rejected_when_patience_ends(world: World, content: bytes) -> None:
    world.drop("a.jpg", content)
    world.look()
    world.look(after=2.0)

    assert len(world.look(after=58.0).rejected) == 1


def test_what_is_no_photo_is_rejected_soon(world: World) -> None:
    world.drop("notes.jpg", b"junk, saved as a picture")
    world.look()
    assert world.look(after=2.0).rejected == ()

    (reject,) = world.look(after=8.0).rejected

    assert reject.reason == "notes.jpg is no photo"


def test_a_black_ended_photo_is_taken_late_but_taken(tmp_path: Path) -> None:
    world = World(tmp_path, lambda *_: None)
    whole = photo("bmp")
    world.drop("a.bmp", whole[:-9600] + bytes(9600))
    world.look()
    assert world.look(after=2.0).incomplete == 1

    assert world.names(world.look(after=58.0)) == ["a.bmp"]


def test_run_once_is_not_patient(world: World) -> None:
    world.drop("half.jpg", photo()[:1000])
    world.look(urgent=True)
    world.look(after=2.0, urgent=True)

    assert len(world.look(after=4.0, urgent=True).rejected) == 1


def test_a_file_is_proven_once_per_change(tmp_path: Path) -> None:
    calls: list[str] = []

    def counted(descriptor: int, name: str, max_megapixels: float) -> None:
        calls.append(name)
        decodes(descriptor, name, max_megapixels)

    world = World(tmp_path, counted)
    source = world.drop("a.jpg", photo())
    world.look()

    for _ in range(10):
        assert world.names(world.look(after=2.0)) == ["a.jpg"]
    assert len(calls) == 1

    os.utime(source)
    world.look(after=1.0)
    world.look(after=30.0)
    assert len(calls) == 2


def test_the_next_file_of_a_name_is_a_photo_of_its_own(world: World) -> None:
    source = world.drop("a.jpg")
    world.look()
    world.look(after=2.0)
    taken = world.inbox.parent / "taken.jpg"
    source.rename(taken)  # between two scans it is taken, and the next one comes

    world.drop("a.jpg", photo(seed=1))
    assert world.look(after=5.0).ready == ()

    (arrival,) = world.look(after=2.0).ready
    assert (arrival.found_by, arrival.waited_seconds) == ("scan", 2.0)


def test_the_oldest_photo_comes_first(world: World) -> None:
    for name, age in (("b.jpg", 1), ("a.jpg", 2), ("c.jpg", 3)):
        os.utime(world.drop(name), (1000 - age, 1000 - age))
    world.look()
    world.drop("0.jpg")
    world.look(after=0.1)

    assert world.names(world.look(after=3.0)) == ["c.jpg", "a.jpg", "b.jpg", "0.jpg"]


def test_proofs_are_spread_over_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.intake.scanner.AHEAD", 1)
    world = World(tmp_path, lambda *_: slow())

    def slow() -> None:
        world.clock.pass_by(0.6)

    for number in range(5):
        world.drop(f"{number}.jpg")
    world.look()

    scans = [world.look(after=2.0), world.look(), world.look()]

    assert [len(scan.ready) for scan in scans] == [2, 4, 5]
    assert scans[0].incomplete == 3
    assert scans[0].next_look_seconds < 0.1


def test_how_a_photo_was_found_is_known(world: World) -> None:
    world.look()
    world.drop("heard.jpg")
    world.drop("unheard.jpg")
    world.look(after=1.0, touched=["heard.jpg"])

    found = {arrival.name: arrival.found_by for arrival in world.look(after=2.0).ready}

    assert found == {"heard.jpg": "event", "unheard.jpg": "scan"}


def test_an_event_for_a_path_that_is_gone_does_not_matter(world: World) -> None:
    assert world.look(closed=["gone.jpg"]).incomplete == 0


def test_what_is_left_alone_is_counted_once(world: World) -> None:
    world.drop("notes.txt", b"buy milk")
    world.drop("._a.jpg", b"resource fork")
    world.drop("@eaDir/a.jpg")
    (world.inbox / "link.jpg").symlink_to("/etc/hostname")
    os.mkfifo(world.inbox / "pipe.jpg")

    first, again = world.look(), world.look(after=100.0)

    assert first.ignored == {"litter": 2, "not_a_photo_suffix": 1, "symlink": 1, "special_file": 1}
    assert (again.ignored, again.ready, again.incomplete) == ({}, (), 0)
    assert (world.inbox / "notes.txt").read_bytes() == b"buy milk"


@pytest.mark.parametrize("name", ["products.csv", "Liste.CSV", "kunde.tsv"])
def test_a_list_of_products_is_neither_a_photo_nor_in_the_way(world: World, name: str) -> None:
    world.drop(name, b"file;sku\na.jpg;4711\n")

    first, later = world.look(), world.look(after=1000.0)

    assert (first.ignored, first.left_alone, later.rejected, later.incomplete) == ({}, (), (), 0)
    assert (world.inbox / name).exists()


def test_a_socket_is_never_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.inbox)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("socket.jpg")

        assert world.look().ignored == {"special_file": 1}


def test_a_device_is_never_opened(world: World) -> None:
    try:
        os.mknod(world.inbox / "device.jpg", 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero: it never ends
    except PermissionError:
        pytest.skip("making devices is not allowed here")

    assert world.look().ignored == {"special_file": 1}


def test_a_directory_named_like_a_photo_is_a_directory(world: World) -> None:
    world.drop("x.jpg/y.jpg")
    world.look()

    assert world.names(world.look(after=2.0)) == ["x.jpg/y.jpg"]


def test_no_symbolic_link_leads_out_of_the_inbox(world: World, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.jpg").write_bytes(photo())
    (world.inbox / "way.out").symlink_to(outside)

    world.look()
    scan = world.look(after=10.0)

    assert (scan.ready, scan.incomplete) == ((), 0)


def test_a_folder_that_is_swapped_for_a_link_while_we_look_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jpg").write_bytes(photo())
    world = World(tmp_path / "inbox")
    world.drop("kunde/a.jpg")

    def swap(name: str) -> bool:
        (world.inbox / "kunde" / "a.jpg").unlink()
        (world.inbox / "kunde").rmdir()
        (world.inbox / "kunde").symlink_to(outside)
        return False

    monkeypatch.setattr("daemon.intake.walk_inbox.is_ignored_folder", swap)

    assert world.look().incomplete == 0


def test_a_file_that_is_swapped_for_a_pipe_before_its_proof_blocks_nobody(world: World) -> None:
    source = world.drop("a.jpg")
    world.look()
    real = world.scanner._prover.prove

    def swap(*arguments: object) -> None:
        source.unlink()
        os.mkfifo(source)
        assert real(*arguments) is None  # type: ignore[arg-type]

    world.scanner._prover.prove = swap  # type: ignore[assignment, method-assign]

    assert world.look(after=2.0).ready == ()


@pytest.mark.parametrize(
    "name",
    [
        b"line\nbreak.jpg",
        b"bell\x07.jpg",
        b"invalid \xff\xfe utf-8.jpg",
        b"x" * 251 + b".jpg",
        "emoji 👟 ZWJ 👩\u200d🎨.jpg".encode(),
        b"CON.jpg",
        b"-rf.jpg",
        b"UPPER.JPG",
        b" leading space.jpg",
    ],
)
def test_a_photo_of_any_name_is_taken(world: World, name: bytes) -> None:
    Path(os.fsdecode(os.path.join(os.fsencode(world.inbox), name))).write_bytes(photo())  # noqa: PTH118
    world.look()

    (arrival,) = world.look(after=2.0).ready

    assert os.fsencode(arrival.source.name) == name
    assert arrival.source.exists()
    arrival.name.encode()


def deep_folder(base: Path, depth: int, name: str = "d" * 200) -> None:
    folder = os.open(base, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    file = os.open("a.jpg", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(file, photo())
    os.close(file)
    os.close(folder)


def test_a_photo_deeper_than_any_path_may_be_long_is_found_and_proven(tmp_path: Path) -> None:
    seen: list[str] = []
    world = World(tmp_path, lambda descriptor, name, _: seen.append(name))
    deep_folder(world.inbox, depth=30)
    world.look()

    (arrival,) = world.look(after=2.0).ready

    assert len(str(arrival.source)) > 4096
    assert arrival.name.endswith("/a.jpg")


def test_folders_within_folders_have_an_end(world: World) -> None:
    deep_folder(world.inbox, depth=walk_inbox.MAX_DEPTH + 40, name="d")

    scan = world.look()

    assert (scan.ignored, scan.incomplete) == ({"too_deep": 1}, 0)


def test_many_sub_folders_are_all_read(world: World) -> None:
    for number in range(10_000):
        (world.inbox / str(number)).mkdir(parents=True)
    for number in range(0, 10_000, 1000):
        world.drop(f"{number}/a.jpg")
    world.look()

    assert len(world.look(after=2.0).ready) == 10


def test_a_file_that_vanishes_between_two_scans_is_forgotten(world: World) -> None:
    source = world.drop("a.jpg")
    world.look()
    source.unlink()

    scan = world.look(after=2.0)

    assert (scan.ready, scan.rejected, scan.incomplete) == ((), (), 0)


def test_a_mounted_share_is_given_more_time(tmp_path: Path) -> None:
    share = tmp_path / "share"
    world = World(tmp_path, mounts={str(share): Mount(str(share), "cifs")})
    world.drop("local.jpg")
    world.drop("share/sub/remote.jpg")
    world.drop("share/sub/half.jpg", photo()[:1000])
    world.look()

    assert world.names(world.look(after=2.0)) == ["local.jpg"]
    assert set(world.names(world.look(after=3.0))) == {"local.jpg", "share/sub/remote.jpg"}
    assert world.look(after=594.0).rejected == ()
    assert len(world.look(after=1.0).rejected) == 1


def test_a_folder_that_nothing_may_be_taken_from_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drop("theirs/a.jpg")
    # Root may write everywhere, so we script the kernel's answer.
    monkeypatch.setattr(os, "access", lambda *_, **__: False)

    assert world.look().ignored == {"folder_not_writable": 1}


def test_an_inbox_that_is_gone_is_no_empty_inbox(world: World) -> None:
    world.drop("a.jpg")
    world.look()
    away = world.inbox.rename(world.inbox.with_name("away"))
    with pytest.raises(FileNotFoundError):
        world.look(after=1.0)

    away.rename(world.inbox)

    (arrival,) = world.look(after=1.0).ready
    assert arrival.waited_seconds == 2.0  # it was never forgotten


@pytest.fixture
def reading_fails(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = os.pread

    def fail(descriptor: int, length: int, position: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "pread", fail)
    yield
    monkeypatch.setattr(os, "pread", real)


@pytest.mark.usefixtures("reading_fails")
def test_an_unreadable_file_is_waited_for_and_then_rejected_with_that_reason(world: World) -> None:
    world.drop("a.jpg")
    world.look()
    assert world.look(after=2.0).rejected == ()

    (reject,) = world.look(after=58.0).rejected

    assert "a.jpg cannot be read (Permission denied)" in reject.reason


@pytest.mark.parametrize(("seconds", "processor_seconds", "pause"), [(2.0, 0.0, 40.0), (0.5, 0.4, 160.0)])
def test_all_of_an_inbox_is_read_the_less_often_the_longer_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float, processor_seconds: float, pause: float
) -> None:
    """By timer, reading takes at most a twentieth of the time and a quarter of a percent of a processor."""
    walks: list[float] = []

    def slow_walk(*arguments: object) -> Iterator[object]:
        walks.append(world.clock.now)
        world.clock.pass_by(seconds)
        world.processor.pass_by(processor_seconds)
        return iter(())

    monkeypatch.setattr("daemon.intake.inbox_reader.walk", slow_walk)

    while len(walks) < 2:
        world.clock.pass_by(world.look().next_look_seconds)

    assert pause <= walks[1] - walks[0] <= pause + 2 * world.settings.scan_seconds


class BigInbox(World):
    """An inbox that takes long to read as a whole. reads: how often that was done."""

    def __init__(self, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(inbox, patience_seconds=86_400.0)
        self.reads = 0

        def busy_walk(*arguments: object) -> Iterator[object]:
            yield from real_walk(*arguments)  # type: ignore[arg-type]
            self.reads += 1
            self.processor.pass_by(1.0)

        real_walk = walk_inbox.walk
        monkeypatch.setattr("daemon.intake.inbox_reader.walk", busy_walk)
        for folder in ("a", "b", "b/within"):
            self.drop(f"{folder}/waits.jpg", b"")
        self.look()
        self.look(after=5.0)

    def glances(self, number: int) -> list[str]:
        """The names that are ready in so many looks by timer, none of which reads everything."""
        scans = [self.look(after=5.0) for _ in range(number)]
        assert self.reads == 1
        return [name for scan in scans for name in self.names(scan)]


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BigInbox:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return BigInbox(inbox, monkeypatch)


@pytest.mark.parametrize("name", ["new.jpg", "b/within/new.jpg", "c/new.jpg", "b/within/d/e/new.jpg"])
def test_a_new_photo_in_a_big_inbox_is_found_by_the_times_of_its_folder(big: BigInbox, name: str) -> None:
    big.drop(name)

    assert name in big.glances(2)


def test_a_glance_lists_nothing_but_what_changed(big: BigInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    scandir = os.scandir

    def noted(folder: int) -> object:
        listed.append(str(Path(f"/proc/self/fd/{folder}").readlink()).removeprefix(str(big.inbox)))
        return scandir(folder)

    big.drop("b/new.jpg")
    monkeypatch.setattr("os.scandir", noted)
    big.glances(1)

    assert listed == ["/b"]


def test_a_photo_of_a_big_inbox_that_still_grows_is_waited_for(big: BigInbox) -> None:
    for end in range(1000, 10_000, 1000):
        big.drop("a/new.jpg", photo()[:end])
        assert big.glances(1) == []
    big.drop("a/new.jpg")

    assert big.glances(2) == ["a/new.jpg"]


def test_what_leaves_a_big_inbox_is_forgotten_and_may_come_again(big: BigInbox) -> None:
    source = big.drop("a/new.jpg")
    assert big.glances(2)[:1] == ["a/new.jpg"]
    source.unlink()
    waiting = big.look(after=5.0).incomplete
    big.drop("a/new.jpg", photo(seed=1))

    assert waiting == 3
    assert big.glances(3)[:1] == ["a/new.jpg"]


def test_a_folder_that_leaves_a_big_inbox_takes_its_files_along(big: BigInbox, tmp_path: Path) -> None:
    (big.inbox / "b").rename(tmp_path / "away")

    assert big.look(after=5.0).incomplete == 1
    (tmp_path / "away").rename(big.inbox / "back")
    assert big.look(after=5.0).incomplete == 3
    assert big.reads == 1


def test_a_photo_that_nobody_takes_is_offered_by_each_look_at_a_big_inbox(big: BigInbox) -> None:
    big.drop("a/held.jpg")

    assert big.glances(5)[-2:] == ["a/held.jpg", "a/held.jpg"]


def test_looking_at_a_big_inbox_again_takes_no_more_time_than_it_must(
    big: BigInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing a folder that only seems changed costs as much as reading everything, and is as rare."""

    def busy_walk(*arguments: object) -> Iterator[object]:
        big.processor.pass_by(1.0)
        return real_walk(*arguments)  # type: ignore[arg-type]

    real_walk = walk_inbox.walk_below
    monkeypatch.setattr("daemon.intake.inbox_reader.walk_below", busy_walk)
    quiet = big.look(after=5.0).next_look_seconds
    os.utime(big.inbox / "a", (1, 1))
    seems_changed = big.look(after=5.0).next_look_seconds
    big.drop("a/new.jpg")
    has_changed = big.look(after=5.0).next_look_seconds

    (big.inbox / "new").mkdir()
    has_a_folder = big.look(after=5.0).next_look_seconds

    assert max(quiet, has_changed, has_a_folder) <= 5.0
    assert seems_changed >= 400.0


def test_a_folder_is_listed_again_until_its_times_can_tell(big: BigInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that comes within the same tick of the clock does not change them."""
    monkeypatch.setattr("daemon.intake.changed_folders._stamp", lambda _: (0, 0, 0, 0))
    big.look(after=401.0)
    big.drop("a/new.jpg")

    assert big.look(after=1.0).incomplete == 4


def test_where_folders_keep_no_times_all_is_read_now_and_then(big: BigInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.intake.changed_folders._stamp", lambda _: (0, 0, 0, 0))
    big.look(after=401.0)  # from here on
    big.look(after=5.0)
    big.drop("a/new.jpg")
    glances = [name for _ in range(10) for name in big.names(big.look(after=5.0))]

    assert glances == []
    big.look(after=400.0)
    assert big.names(big.look(after=5.0)) == ["a/new.jpg"]


def test_a_waiting_file_does_not_make_a_big_inbox_be_walked_all_the_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.drop("a.jpg")

    def slow_walk(inbox: Path, *arguments: object) -> Iterator[object]:
        yield from real_walk(inbox, *arguments)  # type: ignore[arg-type]
        world.clock.pass_by(1.0)

    real_walk = walk_inbox.walk
    monkeypatch.setattr("daemon.intake.inbox_reader.walk", slow_walk)

    assert world.look().next_look_seconds == 4.0


def test_files_that_wait_are_not_opened_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        world.drop(f"{number % 5}/{number}.jpg", photo()[:1000])
    world.look()
    world.look(after=2.0)
    opened: list[object] = []
    real = os.open

    def counted(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        opened.append(path)
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", counted)

    world.look(after=1.0)

    assert len(opened) == 6  # the inbox and its five folders


def test_a_waiting_file_costs_little_memory(world: World) -> None:
    """100,000 files must fit into 200 MB; a photo's name is some 30 letters long."""
    for number in range(2000):
        world.drop(f"kunde/photo number {number:06d}.jpg", b"half")
    tracemalloc.start()
    try:
        world.look()
        world.look()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used / 2000 < 1500
