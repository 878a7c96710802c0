"""The cache of pictures for browsers never holds more than it may, nor anything half written."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from daemon.errors import NoRoom
from daemon.pictures.picture_cache import PictureCache

MEBIBYTE = 1 << 20


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def cache_of(folder: Path, most_mb: int = 4) -> PictureCache:
    return PictureCache(folder, lambda: most_mb)


def keep(cache: PictureCache, name: str, mebibytes: int = 1, used_at: float | None = None) -> None:
    with cache.scratch() as scratch:
        (scratch / "made").write_bytes(bytes(mebibytes * MEBIBYTE))
        cache.keep(name, scratch / "made")
    found = cache.find(name)
    if used_at is not None and found:
        os.utime(found, (used_at, used_at))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    for number in range(4):
        keep(cache, f"{number}", used_at=1000.0 + number)
    cache.find("0")

    keep(cache, "new")

    assert names(tmp_path) == ["0", "2", "3", "new"]


def test_a_restart_knows_what_is_there_and_removes_what_was_left_unfinished(tmp_path: Path) -> None:
    first = cache_of(tmp_path)
    for number in range(4):
        keep(first, f"{number}", used_at=1000.0 + number)
    (tmp_path / ".new-left").mkdir()
    (tmp_path / ".new-left" / "half").write_bytes(b"half")

    keep(cache_of(tmp_path), "new")

    assert names(tmp_path) == ["1", "2", "3", "new"]


def test_nothing_is_found_before_it_is_whole(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    with cache.scratch() as scratch:
        (scratch / "made").write_bytes(b"half")
        assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []


def test_the_newest_stays_even_if_it_alone_is_too_large(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    keep(cache, "old")

    keep(cache, "large", mebibytes=6)

    assert names(tmp_path) == ["large"]


def test_a_lower_bound_counts_at_once(tmp_path: Path) -> None:
    most = [4]
    cache = PictureCache(tmp_path, lambda: most[0])
    for number in range(4):
        keep(cache, f"{number}", used_at=1000.0 + number)
    most[0] = 2

    keep(cache, "new")

    assert names(tmp_path) == ["3", "new"]


def nearly_full(free: Callable[[], int]) -> Callable[[Path], Usage]:
    return lambda _: Usage(1 << 40, 0, free())


def test_the_journal_keeps_its_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = cache_of(tmp_path, 1000)
    for number in range(3):
        keep(cache, f"{number}", used_at=1000.0 + number)
    there = (511 << 20) + (MEBIBYTE // 2)
    monkeypatch.setattr(shutil, "disk_usage", nearly_full(lambda: there + (3 - len(names(tmp_path))) * MEBIBYTE))

    with cache.scratch():
        kept = names(tmp_path)[1:]

    assert kept == ["1", "2"]


def test_a_full_disk_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", nearly_full(lambda: 0))

    with pytest.raises(NoRoom, match="nearly full"), cache_of(tmp_path).scratch():
        pass


def test_a_folder_that_cannot_be_made_is_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(NoRoom, match="cache_mb"), cache_of(tmp_path / "file").scratch():
        pass


def test_what_is_made_for_a_job_is_not_taken_for_what_an_earlier_run_left(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    (tmp_path / ".new-other").mkdir()
    folder = cache.scratch_of("job")
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(b"whole")

    for name in ("a", "b"):
        cache.keep(name, folder / name)

    assert names(tmp_path) == [".new-job", "a", "b"]
