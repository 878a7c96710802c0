"""What the file system of a folder can do, seen by trying it: what its type or an answer promises is not believed.

sshfs lets link() succeed, and shows each name as a file of its own; a mount of rclone answers link() with EIO.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from daemon.disk import no_replace


class Links(StrEnum):
    """What a second name for a file is."""

    ONE_FILE = "one_file"
    """The same file, with one inode."""
    SEPARATE = "separate"
    """A file of its own, though link() succeeds: only its content tells whose it is."""
    NONE = "none"
    """Refused: a file is copied."""


@dataclass(frozen=True, slots=True)
class Powers:
    """links: what a second name is. noreplace: whether a rename can refuse to replace, at once. steady: whether a file
    keeps its inode when it is closed and renamed.
    """

    links: Links
    noreplace: bool
    steady: bool


def try_out(folder: int) -> Powers:
    """Try it in this folder of ours, given by a descriptor; nothing is left there. Raises OSError."""
    with _free_names(folder) as (first, second, third):
        steady = _keeps_inode(folder, first, third)
        links = _links(folder, third, second)
        return Powers(links, no_replace.is_kept_from_replacing(folder, third, first), steady)


def links_in(folder: int) -> Links:
    """What a second name is in this folder. Raises OSError."""
    with _free_names(folder) as (first, second, _):
        _make(folder, first)
        return _links(folder, first, second)


def in_words(seen: Powers, kind: str) -> str:
    """For people: how files are put in place by what was seen. kind: the type of the file system."""
    ways = {
        Links.ONE_FILE: "files can have a second name, so results are put in place by one",
        Links.SEPARATE: "a second name is a file of its own, so after a crash the content tells what is in place",
        Links.NONE: "files have no second name, so results are copied into place and read back",
    }
    said = f"on {kind} {ways[seen.links]}"
    return (
        said if seen.steady else f"{said}; files change their inode there, so a file that is moved is not known again"
    )


@contextmanager
def _free_names(folder: int) -> Iterator[tuple[str, str, str]]:
    """Three names that are free, and are free again behind the block."""
    stem = f".tried-{uuid.uuid4().hex}"
    names = (f"{stem}-1", f"{stem}-2", f"{stem}-3")
    try:
        yield names
    finally:
        for name in names:
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def _make(folder: int, name: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(name, flags, 0o600, dir_fd=folder))  # it need not be durable: nobody waits for the disk


def _keeps_inode(folder: int, name: str, renamed: str) -> bool:
    _make(folder, name)
    before = os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino
    os.rename(name, renamed, src_dir_fd=folder, dst_dir_fd=folder)
    return os.stat(renamed, dir_fd=folder, follow_symlinks=False).st_ino == before


def _links(folder: int, name: str, second: str) -> Links:
    try:
        no_replace.link(f"/proc/self/fd/{folder}/{name}", second, folder)
    except no_replace.LinksUnsupported:
        return Links.NONE
    one, two = (os.stat(each, dir_fd=folder, follow_symlinks=False) for each in (name, second))
    return Links.ONE_FILE if os.path.samestat(one, two) and two.st_nlink > 1 else Links.SEPARATE
