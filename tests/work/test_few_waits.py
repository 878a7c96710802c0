"""A photo waits for the disk only where a promise needs it."""

from pathlib import Path

import pytest

from benchmarks.counted_syncs import Sync, of_photos

QUIET = {"http": {"bind": ""}}


@pytest.fixture(scope="module")
def waits(tmp_path_factory: pytest.TempPathFactory) -> list[Sync]:
    """All waits of one photo, in their order, each with its file."""
    folder = tmp_path_factory.mktemp("waits")
    return of_photos(folder, 1, "double", QUIET)[0].all


def test_each_commit_of_a_photo_keeps_a_promise_of_its_own(waits: list[Sync]) -> None:
    commits = [each.by.rpartition(".")[2] for each in waits if each.kind == "commit"]

    assert commits.pop(0) == "prove_room"  # of the start: with a new journal, photos wait until reports are read back
    assert commits == ["admit", "take", "record_content", "decide", "record_places", "complete"]


def test_no_file_is_brought_to_the_disk_twice(waits: list[Sync]) -> None:
    files = [Path(each.what).name for each in waits if each.kind == "fsync" and Path(each.what).suffix]

    assert len(files) == len(set(files))


def test_a_photo_waits_for_no_folder_twice_in_one_step(waits: list[Sync]) -> None:
    """A name that another one follows into the same folder is durable with that."""
    folders = [each.what for each in waits if each.kind == "fsync" and not Path(each.what).suffix]

    assert len(folders) == len(set(folders)) == 8


def test_a_result_is_on_the_disk_before_people_find_it(waits: list[Sync]) -> None:
    names = [f"{Path(each.what).parent.name}/{Path(each.what).name}" for each in waits if each.kind == "fsync"]
    shown = next(number for number, name in enumerate(names) if name.endswith("/sehr_gut"))
    made = [name for name in names[:shown] if "unfinished-" in name or name.endswith(".part")]
    job = next(name.partition("/")[0] for name in names if "unfinished-" in name)

    assert sum(name.startswith(job) for name in made) >= 3  # the picture, the report, the note
    assert f"staging/{job}" in names[:shown]
