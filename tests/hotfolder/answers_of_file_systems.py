"""File systems that answer otherwise than a local disk, played on one."""

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from daemon.disk import no_replace

Answer = Callable[[pytest.MonkeyPatch], None]


def sshfs(patch: pytest.MonkeyPatch) -> None:
    """link() succeeds, and the second name is a file of its own; a rename that replaces nothing is unknown."""

    def link(source: str, name: str, dst_dir_fd: int | None = None, **_: object) -> None:
        target = Path(f"/proc/self/fd/{dst_dir_fd}" if dst_dir_fd is not None else ".") / name
        with Path(source).open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer)
        shutil.copystat(source, target)

    patch.setattr(os, "link", link)
    patch.setattr(no_replace, "_renameat2", lambda *_: False)


def rclone(patch: pytest.MonkeyPatch) -> None:
    """link() is an input/output error; a rename that replaces nothing is unknown."""

    def link(source: str, name: str, **_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), source, None, name)

    patch.setattr(os, "link", link)
    patch.setattr(no_replace, "_renameat2", lambda *_: False)


def bindfs(patch: pytest.MonkeyPatch) -> None:
    """Links are links; a rename that replaces nothing is unknown."""
    patch.setattr(no_replace, "_renameat2", lambda *_: False)


def without_links(patch: pytest.MonkeyPatch) -> None:
    """link() is not permitted, as on sshfs with disable_hardlink, exFAT and some servers of SMB."""

    def link(source: str, name: str, **_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), source, None, name)

    patch.setattr(os, "link", link)


ANSWERS: Mapping[str, Answer] = {answer.__name__: answer for answer in (sshfs, rclone, bindfs, without_links)}
