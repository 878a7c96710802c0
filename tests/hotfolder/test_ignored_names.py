import pytest

from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder


@pytest.mark.parametrize(
    "name",
    [
        "._photo.jpg", ".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "~$photo.jpg", "photo.jpg~",
        "photo.tmp", "photo.jpg.part", "photo.jpg.partial", "photo.jpg.crdownload", "photo.jpg.filepart",
        ".~lock.photo.jpg#", ".photo.jpg.swp", ".nfs000123", ".fuse_hidden0001", ".smbdelete1", "photo.cos",
        ".freisteller-20261122-abc-photo.jpg", "Icon\r",
    ],
)  # fmt: skip
def test_what_programs_leave_behind_is_litter(name: str) -> None:
    assert is_ignored_file(name)


@pytest.mark.parametrize("name", ["photo.jpg", "~photo.jpg", "part.jpg", "tmp.png", "Thumbs.db.jpg", "a.b.c.tif"])
def test_a_photo_is_no_litter(name: str) -> None:
    assert not is_ignored_file(name)


@pytest.mark.parametrize(
    "name", ["@eaDir", ".Spotlight-V100", ".Trashes", "__MACOSX", ".stfolder", ".stversions", "CaptureOne", "#recycle"]
)
def test_a_program_s_own_folder_is_litter(name: str) -> None:
    assert is_ignored_folder(name)


@pytest.mark.parametrize("name", ["kunde", "x.jpg", "tmp", "Capture One Export"])
def test_a_person_s_folder_is_no_litter(name: str) -> None:
    assert not is_ignored_folder(name)
