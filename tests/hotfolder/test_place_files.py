import os
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from daemon.disk import no_replace
from daemon.disk.no_replace import LinksUnsupported
from daemon.errors import BadPhoto, NoRoom, RootAway
from daemon.hotfolder.place_files import place, retire
from tests.hotfolder.answers_of_file_systems import sshfs


class Desk:
    """A staging folder of one job and a grade folder."""

    def __init__(self, root: Path, job: str = "job-1") -> None:
        self.folder = root / "gut"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.staging = root / "staging" / job
        self.staging.mkdir(parents=True)

    def files(self, content: str = "cut-out") -> list[tuple[Path, str]]:
        pairs = [(self.staging / "result.png", ".png"), (self.staging / "report.json", ".json")]
        for path, suffix in pairs:
            path.write_text(content + suffix)
        return pairs

    def published(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.folder)): path.read_text() for path in self.folder.rglob("*") if path.is_file()
        }


@pytest.fixture(params=["links", "no links", "no links, no renameat2"])
def desk(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk on each kind of file system: every rule must hold on all of them."""
    if request.param != "links":
        monkeypatch.setattr(no_replace, "link", no_links)
    if request.param == "no links, no renameat2":
        monkeypatch.setattr(no_replace, "_renameat2", lambda *_: False)
    return Desk(tmp_path)


def no_links(source: str, name: str, folder: int) -> None:
    raise LinksUnsupported("Operation not supported")


def test_finished_files_appear_under_their_name(desk: Desk) -> None:
    paths = place(desk.files(), desk.folder, PurePosixPath("kunde/schuh"))

    assert paths == (desk.folder / "kunde/schuh.png", desk.folder / "kunde/schuh.json")
    assert desk.published() == {"kunde/schuh.png": "cut-out.png", "kunde/schuh.json": "cut-out.json"}


def test_staged_files_stay_until_they_are_cleared(desk: Desk) -> None:
    files = desk.files()

    place(files, desk.folder, PurePosixPath("a"))

    assert all(path.exists() for path, _ in files)


def test_nothing_is_ever_replaced(desk: Desk) -> None:
    (desk.folder / "a.png").write_text("somebody's")

    paths = place(desk.files(), desk.folder, PurePosixPath("a"))

    assert [path.name for path in paths] == ["a-2.png", "a-2.json"]
    assert desk.published() == {"a.png": "somebody's", "a-2.png": "cut-out.png", "a-2.json": "cut-out.json"}


def test_one_taken_name_of_a_result_moves_all_of_it(desk: Desk) -> None:
    (desk.folder / "a.json").write_text("somebody's")
    (desk.folder / "a-2.png").write_text("somebody's")

    paths = place(desk.files(), desk.folder, PurePosixPath("a"))

    assert [path.name for path in paths] == ["a-3.png", "a-3.json"]


@pytest.mark.parametrize("taken", ["A.PNG", unicodedata.normalize("NFD", "Grün.png")])
def test_a_name_that_some_client_takes_for_the_same_is_taken(desk: Desk, taken: str) -> None:
    (desk.folder / taken).write_text("somebody's")
    stem = "Grün" if "u" in taken else "a"

    paths = place(desk.files(), desk.folder, PurePosixPath(stem))

    assert paths[0].name == f"{stem}-2.png"


def test_publishing_again_after_a_crash_changes_nothing(desk: Desk) -> None:
    files = desk.files()
    first = place(files, desk.folder, PurePosixPath("sub/a"))
    before = desk.published()

    assert place(files, desk.folder, PurePosixPath("sub/a")) == first
    assert desk.published() == before


def test_publishing_again_completes_what_a_crash_left_half(desk: Desk) -> None:
    (desk.folder / "a.png").write_text("somebody's")
    files = desk.files()
    place(files, desk.folder, PurePosixPath("a"))
    (desk.folder / "a-2.json").unlink()  # as if the power had gone before the report

    paths = place(files, desk.folder, PurePosixPath("a"))

    assert [path.name for path in paths] == ["a-2.png", "a-2.json"]
    assert len(desk.published()) == 3


def test_what_was_published_is_found_again_when_a_better_name_got_free(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    taken = desk.folder / "a.png"
    taken.write_text("somebody's")
    files = desk.files()
    first = place(files, desk.folder, PurePosixPath("a"))

    taken.unlink()

    assert place(files, desk.folder, PurePosixPath("a")) == first
    assert len(desk.published()) == 2


def test_the_name_that_was_noted_is_tried_first(desk: Desk) -> None:
    files = desk.files()
    (desk.folder / "a.png").write_text("somebody's")
    first = place(files, desk.folder, PurePosixPath("a"))
    (desk.folder / "a.png").unlink()

    again = place(files, desk.folder, PurePosixPath("a"), previous="a-2")

    assert again == first
    assert len(desk.published()) == 2


def test_two_photos_of_one_name_get_two_names(tmp_path: Path, desk: Desk) -> None:
    other = Desk(tmp_path, "job-2")

    first = place(desk.files("red"), desk.folder, PurePosixPath("a"))
    second = place(other.files("blue"), desk.folder, PurePosixPath("a"))

    assert {path.name for path in (*first, *second)} == {"a.png", "a.json", "a-2.png", "a-2.json"}
    assert second[0].read_text() == "blue.png"


def test_a_name_that_is_taken_at_the_last_moment_costs_nobody_anything(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.listdir
    pending = ["a.json"]

    def list_then_lose(folder: int) -> list[str]:
        names = real(folder)
        if pending:
            (desk.folder / pending.pop()).write_text("somebody's")
        return names

    monkeypatch.setattr(os, "listdir", list_then_lose)

    paths = place(desk.files(), desk.folder, PurePosixPath("a"))

    assert [path.name for path in paths] == ["a-2.png", "a-2.json"]
    assert desk.published() == {"a.json": "somebody's", "a-2.png": "cut-out.png", "a-2.json": "cut-out.json"}


@pytest.mark.parametrize("broken", [0, 1])
def test_a_disk_that_gets_full_leaves_nothing_half_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    desk = Desk(tmp_path)
    files = desk.files()
    monkeypatch.setattr(no_replace, "link", failing(no_replace.link, broken))

    with pytest.raises(NoRoom, match="Make room"):
        place(files, desk.folder, PurePosixPath("a"))

    assert desk.published() == {}


def test_a_disk_that_gets_full_while_copying_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    monkeypatch.setattr(no_replace, "link", no_links)
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == len(desk.files()):  # at the copy of the last one
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(NoRoom):
        place(desk.files(), desk.folder, PurePosixPath("a"))

    assert list(desk.folder.iterdir()) == []


def failing(real: Callable[[str, str, int], None], fails_at: int) -> Callable[[str, str, int], None]:
    calls: list[str] = []

    def act(source: str, name: str, folder: int) -> None:
        calls.append(name)
        if len(calls) > fails_at:
            raise OSError(28, "No space left on device")
        real(source, name, folder)

    return act


def test_a_copy_that_a_crash_left_half_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    monkeypatch.setattr(no_replace, "link", no_links)
    real = no_replace.move
    monkeypatch.setattr(no_replace, "move", lambda *_: power_cut())
    monkeypatch.setattr(os, "unlink", lambda *_, **__: None)

    def power_cut() -> None:
        raise SystemError("the power went")

    with pytest.raises(SystemError):
        place(desk.files(), desk.folder, PurePosixPath("a"))
    (half,) = desk.folder.iterdir()
    assert half.name.startswith(".freisteller-")
    monkeypatch.undo()
    monkeypatch.setattr(no_replace, "link", no_links)
    assert no_replace.move is real

    place(desk.files(), desk.folder, PurePosixPath("a"))

    assert set(desk.published()) == {"a.png", "a.json"}


def test_a_copy_that_comes_back_with_other_bytes_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    monkeypatch.setattr(no_replace, "link", no_links)
    answers = iter(range(10))
    monkeypatch.setattr(no_replace, "digest", lambda _: str(next(answers)).encode())

    with pytest.raises(Exception, match="other bytes"):
        place(desk.files(), desk.folder, PurePosixPath("a"))
    assert list(desk.folder.iterdir()) == []


def test_a_long_name_is_cut_and_keeps_its_ending(desk: Desk) -> None:
    stem = "ü" * 127  # 254 bytes
    first = place(desk.files(), desk.folder, PurePosixPath(stem))
    second = place(Desk(desk.folder.parent, "job-2").files("other"), desk.folder, PurePosixPath(stem))

    for path in (*first, *second):
        assert len(path.name.encode()) <= 255
        assert path.exists()
    assert second[0].name.endswith("-2.png")
    assert first[0].stem == first[1].stem


def test_a_sub_folder_that_another_spelling_made_is_used(desk: Desk) -> None:
    theirs = desk.folder / unicodedata.normalize("NFD", "Müller")
    theirs.mkdir()

    paths = place(desk.files(), desk.folder, PurePosixPath("Müller/a"))

    assert paths[0].parent == theirs


def test_no_link_in_a_grade_folder_is_followed(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (desk.folder / "kunde").symlink_to(outside)

    paths = place(desk.files(), desk.folder, PurePosixPath("kunde/a"))

    assert paths[0] == desk.folder / "kunde-2" / "a.png"
    assert list(outside.iterdir()) == []


def test_a_link_under_the_name_of_a_result_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("private")
    (desk.folder / "a.png").symlink_to(tmp_path / "private")

    paths = place(desk.files(), desk.folder, PurePosixPath("a"))

    assert paths[0].name == "a-2.png"
    assert (tmp_path / "private").read_text() == "private"


def test_a_file_where_a_sub_folder_should_be_is_left_alone(desk: Desk) -> None:
    (desk.folder / "kunde").write_text("a file")

    paths = place(desk.files(), desk.folder, PurePosixPath("kunde/a"))

    assert paths[0] == desk.folder / "kunde-2" / "a.png"
    assert (desk.folder / "kunde").read_text() == "a file"


def test_an_original_is_retired_with_its_suffix_and_its_time(desk: Desk) -> None:
    original = desk.staging / "photo.jpg"
    original.write_text("photo")
    os.utime(original, ns=(1_000_000_000, 2_000_000_000))

    path = retire(original, desk.folder, PurePosixPath("kunde/photo.v2.jpg"))

    assert path == desk.folder / "kunde/photo.v2.jpg"
    assert path.stat().st_mtime_ns == 2_000_000_000
    assert original.exists()


def test_an_original_is_retired_once(desk: Desk) -> None:
    (desk.folder / "photo.jpg").write_text("another photo")
    original = desk.staging / "photo.jpg"
    original.write_text("photo")

    first = retire(original, desk.folder, PurePosixPath("photo.jpg"))

    assert first == desk.folder / "photo-2.jpg"
    assert retire(original, desk.folder, PurePosixPath("photo.jpg")) == first
    assert len(desk.published()) == 2


def test_an_original_that_is_another_job_s_too_gets_a_name_of_its_own(desk: Desk) -> None:
    first, second = desk.staging / "a.jpg", desk.staging / "b.jpg"
    first.write_text("photo")
    second.hardlink_to(first)
    theirs = retire(first, desk.folder, PurePosixPath("a.jpg"))

    for _ in range(2):
        mine = retire(second, desk.folder, PurePosixPath("a.jpg"), lambda path: path == theirs)
        assert mine == desk.folder / "a-2.jpg"
    assert sorted(desk.published()) == ["a-2.jpg", "a.jpg"]


def test_where_a_link_is_a_file_of_its_own_the_content_tells_ours(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sshfs(monkeypatch)
    files = desk.files()
    place(files[:1], desk.folder, PurePosixPath("a"))  # the program died after the first file

    placed = place(files, desk.folder, PurePosixPath("a"))

    assert sorted(found.name for found in placed) == ["a.json", "a.png"]
    assert sorted(desk.published()) == ["a.json", "a.png"]
    assert [path.name for path in desk.staging.iterdir() if path.name.startswith(".")] == []


def test_a_copy_of_ours_on_a_local_disk_is_somebody_else_s(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    files = desk.files()
    (desk.folder / "a.png").write_bytes(files[0][0].read_bytes())

    placed = place(files, desk.folder, PurePosixPath("a"))

    assert sorted(found.name for found in placed) == ["a-2.json", "a-2.png"]


def test_a_file_s_protected_links_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)

    def protected(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", protected)

    place(desk.files(), desk.folder, PurePosixPath("a"))

    assert desk.published() == {"a.png": "cut-out.png", "a.json": "cut-out.json"}


def test_a_hundred_results_of_one_name_do_not_get_in_each_other_s_way(tmp_path: Path) -> None:
    for number in range(100):
        desk = Desk(tmp_path, f"job-{number}")
        place(desk.files(str(number)), desk.folder, PurePosixPath("a"))

    assert len(desk.published()) == 200


def test_a_name_is_no_way_out_of_a_folder(desk: Desk) -> None:
    with pytest.raises(ValueError, match="not a name within"):
        place(desk.files(), desk.folder, PurePosixPath("../elsewhere/a"))


@pytest.mark.slow
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        desk = Desk(tmp_path)  # staging on another disk: copied
        files = desk.files("x" * 40_000)

        with pytest.raises(NoRoom, match="the disk is full"):
            place(files, disk, PurePosixPath("a"))

        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_that_has_another_name_outside_is_never_written(tmp_path: Path) -> None:
    outside = tmp_path / "theirs.jpg"
    outside.write_text("their photo")
    desk = Desk(tmp_path)
    original = desk.staging / "a.jpg"
    os.link(outside, original)

    retire(original, desk.folder, PurePosixPath("a.jpg"))
    original.unlink()

    assert outside.read_text() == "their photo"
    assert (desk.folder / "a.jpg").read_text() == "their photo"


def test_a_grade_folder_that_is_gone_is_not_made_by_publishing(desk: Desk) -> None:
    """On an empty mount point, the folder would be made on the wrong disk."""
    desk.folder.rmdir()

    with pytest.raises(RootAway, match="Bring it back"):
        place(desk.files(), desk.folder, PurePosixPath("a"))
    assert not desk.folder.exists()


def test_versions_are_counted_from_the_first_result_on(tmp_path: Path, desk: Desk) -> None:
    other = Desk(tmp_path, "job-2")

    first = place(desk.files("red"), desk.folder, PurePosixPath("a"), equal_names="version")
    second = place(other.files("blue"), desk.folder, PurePosixPath("a"), equal_names="version")
    again = place(other.files("blue"), desk.folder, PurePosixPath("a"), previous="a-v2", equal_names="version")

    assert [path.name for path in first] == ["a-v1.png", "a-v1.json"]
    assert [path.name for path in second] == ["a-v2.png", "a-v2.json"] == [path.name for path in again]


def test_a_studio_that_wants_no_second_name_is_told(tmp_path: Path, desk: Desk) -> None:
    other = Desk(tmp_path, "job-2")
    files = desk.files("red")
    first = place(files, desk.folder, PurePosixPath("a"), equal_names="fail")

    with pytest.raises(BadPhoto, match=r"a\.png is there already"):
        place(other.files("blue"), desk.folder, PurePosixPath("a"), equal_names="fail")

    assert place(files, desk.folder, PurePosixPath("a"), equal_names="fail") == first
    assert set(desk.published()) == {"a.png", "a.json"}
