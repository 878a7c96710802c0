"""A job's way through the folders ends before each of its effects on the disk, and then is taken again to its end.

The process really ends (fork, then _exit), so that no `finally` and no `except` removes what a kill would leave.
"""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from daemon.disk import no_replace
from daemon.disk.no_replace import LinksUnsupported
from daemon.hotfolder import place_files
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Grade

JOB = "job-1"
DIED = 9


def walk(root: Path) -> None:
    """Does what the daemon does with one photo at each start, until the journal says done."""
    journal = root.parent / "done"
    folders = HotFolder(root)
    folders.prepare()
    folders.jobs.finish_interrupted_claims()
    if not journal.exists():
        original = folders.jobs.claimed(JOB) or folders.jobs.claim(folders.inbox / "kunde" / "a.jpg", JOB)
        staging = folders.jobs.staging(JOB)
        files = [
            (staged(staging / "result.png", b"cut-out"), ".png"),
            (staged(staging / "report.json", b"{}"), ".json"),
        ]
        place_files.place(files, folders.grade(Grade.GUT), PurePosixPath("kunde/a"))
        place_files.retire(original, folders.archive, PurePosixPath("kunde/a.jpg"))
        journal.touch()
    folders.jobs.clear(JOB)


def staged(path: Path, content: bytes) -> Path:
    if not path.exists():
        scratch = path.with_name(f"unfinished-{path.name}")
        scratch.write_bytes(content)
        scratch.replace(path)
    return path


def dies_before(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a child process that ends before its effect number `step`. Returns whether it came that far."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            count_effects(step)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, DIED), "the child failed by itself"
    return code == DIED


def count_effects(step: int) -> None:
    effects = iter(range(10_000))

    def counted(real: Callable[..., object], counts: Callable[..., bool] = lambda *_: True) -> Callable[..., object]:
        def effect(*arguments: object, **keywords: object) -> object:
            if counts(*arguments) and next(effects) == step:
                os._exit(DIED)
            return real(*arguments, **keywords)

        return effect

    for name in ("mkdir", "rename", "replace", "link", "unlink", "rmdir", "write", "utime"):
        setattr(os, name, counted(getattr(os, name)))
    os.open = counted(os.open, lambda _, flags, *__: bool(flags & os.O_CREAT))  # type: ignore[assignment]
    no_replace._renameat2 = counted(no_replace._renameat2)  # type: ignore[assignment]


def without_links() -> None:
    def unsupported(source: str, name: str, folder: int) -> None:
        raise LinksUnsupported("Operation not supported")

    no_replace.link = unsupported


def without_links_or_renameat2() -> None:
    without_links()
    no_replace._renameat2 = lambda *_: False


def across_file_systems() -> None:
    real = os.rename

    def rename(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if src_dir_fd != dst_dir_fd:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    os.rename = rename  # type: ignore[assignment]


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


WORLDS: dict[str, Callable[[], None]] = {
    "links": lambda: None,
    "no links": without_links,
    "across file systems": across_file_systems,
}


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path, world: str) -> None:
    def act() -> None:
        WORLDS[world]()
        walk(root)

    for step in range(10_000):
        root = tmp_path / str(step) / "hot"
        HotFolder(root).prepare()
        (root / "inbox" / "kunde").mkdir()
        (root / "inbox" / "kunde" / "a.jpg").write_bytes(b"photo")

        died = dies_before(step, act)
        if died:
            assert not dies_before(-1, act)

        left = tree(root)
        left.pop(".freisteller/root.json")
        assert left == {"gut/kunde/a.png": b"cut-out", "gut/kunde/a.json": b"{}", "archiv/kunde/a.jpg": b"photo"}, step
        assert list((root / ".freisteller" / "work").iterdir()) == []
        if not died:
            assert step > 20  # the effects are really counted
            return
    raise AssertionError("it never came to its end")


@pytest.mark.slow
def test_two_crashes_in_a_row_are_no_worse_than_one(tmp_path: Path) -> None:
    def act() -> None:
        without_links()
        walk(root)

    for step in range(0, 60, 3):
        root = tmp_path / str(step) / "hot"
        HotFolder(root).prepare()
        (root / "inbox" / "kunde").mkdir()
        (root / "inbox" / "kunde" / "a.jpg").write_bytes(b"photo")

        for again in (step, 3, 1):
            dies_before(again, act)
        assert not dies_before(-1, act)

        left = tree(root)
        left.pop(".freisteller/root.json")
        assert left == {"gut/kunde/a.png": b"cut-out", "gut/kunde/a.json": b"{}", "archiv/kunde/a.jpg": b"photo"}, step


@pytest.mark.slow
def test_a_root_s_first_start_may_end_at_any_step(tmp_path: Path) -> None:
    for step in range(1000):
        root = tmp_path / str(step) / "hot"
        folders = HotFolder(root)
        died = dies_before(step, folders.prepare)

        identity = HotFolder(root).prepare()

        assert HotFolder(root).prepare() == identity
        assert (root / "inbox").is_dir()
        if not died:
            return
    raise AssertionError("it never came to its end")
