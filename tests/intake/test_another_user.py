"""The daemon runs as an ordinary user beside files that belong to others, as on a studio's server."""

import os
import shutil
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from daemon.errors import NoRoom
from daemon.hotfolder import place_files
from daemon.hotfolder.hot_folder import HotFolder
from tests.intake.photos import World, photo

NOBODY = 65534

pytestmark = pytest.mark.slow


@pytest.fixture
def folders() -> Iterator[HotFolder]:
    """A hot folder that belongs to the user nobody, outside pytest's private folders."""
    if os.geteuid():
        pytest.skip("needs root, to be two users")
    base = Path(tempfile.mkdtemp(prefix="freisteller-"))
    base.chmod(0o755)
    (base / "hot").mkdir()
    os.chown(base / "hot", NOBODY, NOBODY)
    folders = HotFolder(base / "hot")
    as_nobody(folders.prepare)
    yield folders
    shutil.rmtree(base)


def as_nobody(act: Callable[[], object]) -> None:
    """Run `act`, including its assertions, in a child process without any of root's rights."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def not_decoded(descriptor: int, name: str, max_megapixels: float) -> None:
    """A double for decoding: libvips does not survive a fork, and the tests are about what comes before and after."""


def drop(folders: HotFolder, name: str, mode: int = 0o644) -> Path:
    path = folders.inbox / name
    path.write_bytes(photo())
    path.chmod(mode)
    return path


def test_a_photo_that_belongs_to_somebody_else_goes_all_its_way(folders: HotFolder) -> None:
    drop(folders, "a.jpg")

    def act() -> None:
        folders.prepare()
        world = World(folders.inbox, decode=not_decoded)
        world.look()
        (arrival,) = world.look(after=2.0).ready
        original = folders.jobs.claim(arrival.source, "job-1", (arrival.size_bytes, arrival.mtime_ns))
        for _ in range(2):  # the kernel may forbid a hard link to it (fs.protected_hardlinks): then it is copied
            place_files.retire(original, folders.archive, PurePosixPath("a.jpg"))
        folders.jobs.clear("job-1")

    as_nobody(act)

    found = {str(path.relative_to(folders.root)) for path in folders.root.rglob("*") if path.is_file()}
    assert found == {".freisteller/root.json", "archiv/a.jpg"}
    assert (folders.archive / "a.jpg").read_bytes() == photo()


def test_an_unreadable_photo_is_rejected_with_that_reason_and_can_be_moved(folders: HotFolder) -> None:
    source = drop(folders, "secret.jpg", mode=0o000)

    def act() -> None:
        folders.prepare()
        world = World(folders.inbox, decode=not_decoded)
        world.look()
        assert world.look(after=2.0).incomplete == 1
        (reject,) = world.look(after=58.0).rejected
        assert "secret.jpg cannot be read (Permission denied)" in reject.reason
        original = folders.jobs.claim(reject.source, "job-1")
        note = folders.jobs.staging("job-1") / "reason.txt"
        note.write_text(reject.reason)
        place_files.place(((original, ".jpg"), (note, ".jpg.txt")), folders.failed, PurePosixPath("secret"))
        folders.jobs.clear("job-1")

    as_nobody(act)

    assert not source.exists()
    assert sorted(path.name for path in folders.failed.iterdir()) == ["secret.jpg", "secret.jpg.txt"]
    assert (folders.failed / "secret.jpg").read_bytes() == photo()


def test_folders_that_nothing_can_be_read_or_taken_from_are_counted_and_left_alone(folders: HotFolder) -> None:
    (folders.inbox / "theirs").mkdir(mode=0o755)
    source = drop(folders, "theirs/a.jpg")
    (folders.inbox / "closed").mkdir(mode=0o700)

    def act() -> None:
        scan = World(folders.inbox, decode=not_decoded).look()
        assert scan.ignored == {"folder_not_readable": 1, "folder_not_writable": 1}
        assert scan.incomplete == 0

    as_nobody(act)

    assert source.exists()


def test_a_folder_that_may_not_be_written_stops_the_start_with_a_remedy(folders: HotFolder) -> None:
    os.chown(folders.root / "gut", 0, 0)

    def act() -> None:
        with pytest.raises(NoRoom, match=r"gut cannot be written\. Allow the daemon's user to"):
            folders.prepare()

    as_nobody(act)


def test_what_could_not_be_read_or_taken_goes_its_way_once_it_may(folders: HotFolder) -> None:
    drop(folders, "a.jpg", mode=0o000)
    for name, mode in (("read only", 0o555), ("locked", 0o000)):
        (folders.inbox / name).mkdir()
        drop(folders, f"{name}/b.jpg")
        (folders.inbox / name).chmod(mode)

    world = World(folders.inbox, not_decoded)

    def nothing() -> None:
        world.look()
        for _ in range(5):
            assert world.look(after=5.0).ready == ()

    def everything() -> None:
        world.look()
        world.look(after=2.0)
        found = world.look(after=30.0)  # a.jpg was seen for so long before its mode changed
        assert sorted(world.names(found)) == ["a.jpg", "locked/b.jpg", "read only/b.jpg"]
        for number, arrival in enumerate(found.ready):
            folders.jobs.claim(arrival.source, f"job-{number}", (arrival.size_bytes, arrival.mtime_ns))

    def both() -> None:
        folders.prepare()
        nothing()
        os.write(asked[1], b"!")
        os.read(given[0], 1)
        everything()

    asked, given = os.pipe(), os.pipe()
    root = threading.Thread(target=as_nobody, args=(both,))
    root.start()
    os.read(asked[0], 1)
    (folders.inbox / "a.jpg").chmod(0o644)
    for name in ("read only", "locked"):
        (folders.inbox / name).chmod(0o777)
    os.write(given[1], b"!")
    root.join()
    assert len(folders.jobs.in_work()) == 3


def test_rights_that_are_taken_away_while_it_runs_lose_nothing(folders: HotFolder) -> None:
    drop(folders, "a.jpg")

    def act() -> None:
        folders.prepare()
        original = folders.jobs.claim(folders.inbox / "a.jpg", "job-1")
        folders.archive.chmod(0o500)
        with pytest.raises(NoRoom, match="access is not allowed"):
            place_files.retire(original, folders.archive, PurePosixPath("a.jpg"))
        folders.archive.chmod(0o700)
        assert place_files.retire(original, folders.archive, PurePosixPath("a.jpg")) == folders.archive / "a.jpg"

    as_nobody(act)
