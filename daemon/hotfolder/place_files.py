"""Putting finished files under a free name: never replacing anything, whole or not at all, once even after a crash."""

import hashlib
import itertools
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from daemon.disk import no_replace, open_below
from daemon.disk.names import same, shorten, split_suffix
from daemon.disk.os_errors import named
from daemon.errors import BadPhoto, RootAway

EqualNames = Literal["unique", "version", "fail"]
"""What a result is called: "red", and where that is taken "red-2", "red-3"…; or "red-v1", "red-v2"… from the first
one on; or "red", and nothing else."""


def place(
    files: Sequence[tuple[Path, str]],
    folder: Path,
    stem: PurePosixPath,
    previous: str | None = None,
    equal_names: EqualNames = "unique",
) -> tuple[Path, ...]:
    """Publish staged files into `folder` under one free stem; they stay in staging as well.

    files: (staged file, suffix such as ".png"), published in this order: the report last says that all are there.
    stem: sub-folders and name, e.g. "shoes/red". Where any file of that stem is taken, all get another one, as
    equal_names says; names that differ only in case or in Unicode form count as one. previous: the stem an earlier,
    interrupted run noted, tried first. Files of ours that are already there are left as they are, so a repeat after a
    crash completes the first try. Returns where each file is.
    Raises NoRoom, RootAway, or BadPhoto where the name is taken and equal_names is "fail"; then nothing new is there.
    """
    with named(f"Publishing {stem} into {folder}"), _entered(folder, stem.parent.parts) as (descriptor, way):
        sources = tuple(_Source(str(path), suffix, path.lstat(), _settled(str(path))) for path, suffix in files)
        longest = max((suffix for _, suffix in files), key=lambda suffix: len(suffix.encode()))
        noted = [PurePosixPath(previous).name] if previous else []

        def stems() -> Iterator[str]:
            return itertools.chain(noted, _STEMS[equal_names](stem.name, longest))

        try:
            published = _publish(sources, descriptor, stems, _Linking(descriptor))
        except (no_replace.LinksUnsupported, BadPhoto):  # no links, or no free name and so no link tried yet
            published = _publish(sources, descriptor, stems, _Copying(descriptor))
        open_below.settle(descriptor)
        return tuple(folder.joinpath(*way, name) for name in published)


def retire(original: Path, folder: Path, name: PurePosixPath) -> Path:
    """Put a claimed original into `archiv/` or `failed/` under a free name; it stays where it is as well.

    name: sub-folders and file name. Idempotent, and raises, like `place`.
    """
    stem, suffix = split_suffix(name.name)
    return place([(original, suffix)], folder, name.with_name(stem))[0]


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    suffix: str
    stat: os.stat_result
    readable: bool


class _Linking:
    """Publishing by a second name for the same file: nothing to copy, and nothing half there."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def here(self, sources: Sequence[_Source]) -> Iterator[str]:
        """Stems under which one of the files already is, whatever else was renamed or deleted since."""
        wanted = {source.stat.st_ino: source for source in sources if source.stat.st_nlink > 1}
        if wanted:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    source = wanted.get(entry.inode())
                    if source and entry.name.endswith(source.suffix) and self.ours(source, entry.name):
                        yield entry.name.removesuffix(source.suffix)

    def ours(self, source: _Source, name: str) -> bool:
        found = _stat(name, self._folder)
        return found is not None and os.path.samestat(found, source.stat)

    def publish(self, source: _Source, name: str) -> None:
        no_replace.link(source.path, name, self._folder)


class _Copying:
    """Publishing where a file cannot have two names: equal content is what tells our own file."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def here(self, _: Sequence[_Source]) -> Iterator[str]:
        """Nothing tells where a copy is but its name."""
        return iter(())

    def ours(self, source: _Source, name: str) -> bool:
        found = _stat(name, self._folder)
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_size != source.stat.st_size:
            return False
        if not source.readable:
            return False
        with _reading(source.path) as mine, _reading(name, self._folder) as theirs:
            return no_replace.digest(mine) == no_replace.digest(theirs)

    def publish(self, source: _Source, name: str) -> None:
        if not source.readable:  # what we may neither link nor read, as another user's photo, can still be moved
            path = Path(source.path)
            with open_below.opened(path.parent) as home:
                no_replace.move(home, path.name, self._folder, name)
            return
        # The same temporary name at each try, so that a crash leaves one at most; staging folders are named by job.
        key = hashlib.sha256("/".join(Path(source.path).parts[-2:]).encode(errors="surrogateescape")).hexdigest()[:16]
        with _reading(source.path) as reader:
            no_replace.copy(reader, f".freisteller-{key}.part", name, self._folder)


def _publish(
    sources: Sequence[_Source], folder: int, stems: Callable[[], Iterator[str]], way: _Linking | _Copying
) -> tuple[str, ...]:
    """Find the stem, publish what is missing under it; somebody else may take a name at any moment."""
    while True:
        taken = {same(name) for name in os.listdir(folder)}
        for candidate in itertools.chain(way.here(sources), stems()):
            names = [candidate + source.suffix for source in sources]
            missing = [(source, name) for source, name in zip(sources, names, strict=True) if same(name) not in taken]
            there = [(source, name) for source, name in zip(sources, names, strict=True) if same(name) in taken]
            if all(way.ours(source, name) for source, name in there):
                break
        else:
            raise BadPhoto(f"{names[0]} is there already. Rename the photo, or move that away, and drop it again.")
        with suppress(FileExistsError):  # taken since we looked: look again
            _publish_all(missing, folder, way.publish)
            return tuple(names)


def _publish_all(pairs: Sequence[tuple[_Source, str]], folder: int, publish: Callable[[_Source, str], None]) -> None:
    """All of them or none."""
    done: list[str] = []
    try:
        for source, name in pairs:
            publish(source, name)
            done.append(name)
    except BaseException:
        for name in reversed(done):  # ours since a moment, and not announced by a report: nobody's yet
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
        raise


def _only(stem: str, longest: str) -> Iterator[str]:
    yield shorten(stem, longest).removesuffix(longest)


def _unique(stem: str, longest: str) -> Iterator[str]:
    yield from _only(stem, longest)
    for number in itertools.count(2):
        yield shorten(stem, f"-{number}{longest}").removesuffix(longest)


def _versions(stem: str, longest: str) -> Iterator[str]:
    for number in itertools.count(1):
        yield shorten(stem, f"-v{number}{longest}").removesuffix(longest)


_STEMS: Mapping[EqualNames, Callable[[str, str], Iterator[str]]] = {
    "unique": _unique,
    "version": _versions,
    "fail": _only,
}


@contextmanager
def _entered(folder: Path, parts: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """A descriptor of the sub-folder, made where it is missing, and the names of the way there."""
    open_below.refuse_ways_out(parts)
    try:
        here = os.open(folder, open_below.FOLDER)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RootAway(f"{folder} is not there. Bring it back; the work goes on by itself.") from error
    way: list[str] = []
    try:
        for part in parts:
            below, name = _enter(here, part)
            os.close(here)
            here = below
            way.append(name)
        yield here, tuple(way)
    finally:
        os.close(here)


def _enter(folder: int, part: str) -> tuple[int, str]:
    """Open a sub-folder under its name, another spelling of it, or, where those are no folders, "name-2"…"""
    for stem in _unique(part, ""):
        spellings = [name for name in os.listdir(folder) if same(name) == same(stem)]
        for name in sorted(spellings, key=lambda name: name != stem):
            with suppress(NotADirectoryError):  # a file or a symbolic link; neither is ours to follow or to replace
                return os.open(name, open_below.FOLDER, dir_fd=folder), name
        if not spellings:
            with suppress(FileExistsError):
                os.mkdir(stem, dir_fd=folder)
                open_below.settle(folder)
            with suppress(NotADirectoryError, FileNotFoundError):
                return os.open(stem, open_below.FOLDER, dir_fd=folder), stem
    raise AssertionError("counting never ends")


def _stat(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextmanager
def _reading(name: str, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, open_below.FILE, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _settled(path: str) -> bool:
    """Bring a file to the disk; False where we may not read it, so that it is none that we wrote."""
    try:
        with _reading(path) as descriptor:
            os.fsync(descriptor)
    except PermissionError:
        return False
    return True
