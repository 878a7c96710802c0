"""Errors of the system: which concern a folder as a whole, and what a person is told to do."""

import errno

import pytest

from daemon.disk.os_errors import root_error, translate, translated
from daemon.errors import NoRoom, RootAway


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "the disk is full. Make room"),
        (errno.EDQUOT, "the quota is used up. Make room"),
        (errno.EFBIG, "the file system allows no file of this size. Make room"),
        (errno.EROFS, "the file system is read-only. Mount it for writing"),
        (errno.EACCES, "access is not allowed. Allow the daemon's user to read and write there"),
        (errno.EPERM, "access is not allowed. Allow the daemon's user to read and write there"),
    ],
)
def test_a_disk_that_takes_nothing_has_no_room_and_a_remedy(number: int, remedy: str) -> None:
    meaning = translate(OSError(number, "as the system says it"), "The folder /hot")

    assert isinstance(meaning, NoRoom)
    assert str(meaning) == f"The folder /hot: {remedy}; the work goes on by itself."


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT])
def test_a_share_that_fails_is_away(number: int) -> None:
    assert isinstance(translate(OSError(number, ""), "The folder /hot"), RootAway)


def test_an_error_of_one_file_says_nothing_of_the_folder() -> None:
    assert translate(OSError(errno.ENOENT, "No such file"), "The folder /hot") is None
    with pytest.raises(FileNotFoundError), translated("The folder /hot"):
        raise FileNotFoundError(errno.ENOENT, "No such file")


def test_where_every_error_concerns_the_folder_an_unknown_one_is_away() -> None:
    assert isinstance(root_error(OSError(errno.ENOENT, "No such file"), "The folder /hot"), RootAway)
    assert isinstance(root_error(OSError(errno.ENOSPC, ""), "The folder /hot"), NoRoom)
