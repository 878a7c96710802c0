"""Puts finished files under a free name: replaces nothing, all or nothing, and only once even after a crash."""

import hashlib
import itertools
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from daemon.disk import no_replace, open_below, powers
from daemon.disk.names import name_key, name_keys, split_suffix
from daemon.disk.os_errors import translated
from daemon.disk.powers import Links
from daemon.errors import BadPhoto, Said
from daemon.hotfolder.free_names import EqualNames, entered, stems

IsAnothers = Callable[[Path], bool]
"""Whether a file belongs to another job. People link photos to one another, and so does a backup or a deduplication."""


def place(
    files: Sequence[tuple[Path, str]],
    folder: Path,
    stem: PurePosixPath,
    previous: str | None = None,
    equal_names: EqualNames = "unique",
    is_anothers: IsAnothers = lambda _: False,
) -> tuple[Path, ...]:
    """Publish staged files into `folder` under one free stem; they stay in staging as well.

    files: (staged file, suffix such as ".png"), published in this order; the report comes last, and so shows that all
    are there. What they hold is on the disk already: whoever wrote or claimed a file saw to that. stem: sub-folders and
    name, e.g. "shoes/red". If any file of that stem is taken, all get another stem, as equal_names says; names that
    differ only in case or in Unicode form count as one. previous: the stem that an earlier, interrupted run recorded,
    which is tried first. Files of ours that are already there are left as they are, so repeating the call after a crash
    completes the first try. Returns where each file is.
    is_anothers: whether a file in the folder belongs to another job, though it is the same file or has equal content.
    Raises NoRoom, RootAway, or BadPhoto if the name is taken and equal_names is "fail"; then nothing new is there.
    """
    with translated(f"Publishing {stem} into {folder}"), entered(folder, stem.parent.parts) as (descriptor, way):
        sources = tuple(_Source(str(path), suffix, path.lstat(), _is_readable(str(path))) for path, suffix in files)
        longest = max((suffix for _, suffix in files), key=lambda suffix: len(suffix.encode()))
        recorded = [PurePosixPath(previous).name] if previous else []

        def candidates() -> Iterator[str]:
            return itertools.chain(recorded, stems(equal_names, stem.name, longest))

        def publish(by: _Linking | _Copying) -> tuple[str, ...]:
            return _publish(sources, descriptor, candidates, by, lambda name: is_anothers(folder.joinpath(*way, name)))

        try:
            published = publish(_Linking(descriptor, files[0][0].parent))
        except (no_replace.LinksUnsupported, BadPhoto):  # BadPhoto: no name was free, so no link was tried yet
            published = publish(_Copying(descriptor))
        open_below.settle(descriptor)
        return tuple(folder.joinpath(*way, name) for name in published)


def retire(original: Path, folder: Path, name: PurePosixPath, is_anothers: IsAnothers = lambda _: False) -> Path:
    """Put a claimed original into `archiv/` or `failed/` under a free name; it stays where it is as well.

    name: sub-folders and file name. May be repeated, and raises, like `place`.
    """
    stem, suffix = split_suffix(name.name)
    return place([(original, suffix)], folder, name.with_name(stem), is_anothers=is_anothers)[0]


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    suffix: str
    stat: os.stat_result
    readable: bool


class _Linking:
    """Publishes by a second name for the same file: there is nothing to copy, and nothing is ever half there."""

    def __init__(self, folder: int, sources: Path) -> None:
        """sources: the folder that the files come from; it is on the same file system, or there is no link."""
        self._folder = folder
        self._sources = sources

    def here(self, sources: Sequence[_Source]) -> Iterator[str]:
        """Stems under which one of the files is already, even if the others were renamed or deleted since."""
        wanted = {source.stat.st_ino: source for source in sources if source.stat.st_nlink > 1}
        if wanted:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    source = wanted.get(entry.inode())
                    if source and entry.name.endswith(source.suffix) and self.ours(source, entry.name):
                        yield entry.name.removesuffix(source.suffix)

    def ours(self, source: _Source, name: str) -> bool:
        found = _stat(name, self._folder)
        if found is None or os.path.samestat(found, source.stat):
            return found is not None
        # Where each name of a file is a file of its own, the content decides. That is tried only if it may be equal.
        return (
            found.st_size == source.stat.st_size and self._are_separate and _is_equal(source, name, self._folder, found)
        )

    @cached_property
    def _are_separate(self) -> bool:
        """Whether link() succeeds here, and makes no second name of the same file, as on sshfs."""
        with open_below.opened(self._sources) as folder:
            return powers.links_in(folder) is Links.SEPARATE

    def publish(self, source: _Source, name: str) -> None:
        no_replace.link(source.path, name, self._folder)


class _Copying:
    """Publishes where a file cannot have two names. Equal content tells that a file there is ours."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def here(self, _: Sequence[_Source]) -> Iterator[str]:
        """No stems: only its name tells where a copy is."""
        return iter(())

    def ours(self, source: _Source, name: str) -> bool:
        found = _stat(name, self._folder)
        return found is not None and _is_equal(source, name, self._folder, found)

    def publish(self, source: _Source, name: str) -> None:
        if not source.readable:  # a file that we may neither link nor read, as another user's photo, can still be moved
            path = Path(source.path)
            with open_below.opened(path.parent) as home:
                no_replace.move(home, path.name, self._folder, name)
            return
        # Each try uses the same temporary name, so that a crash leaves one at most. Staging folders are named by job.
        key = hashlib.sha256("/".join(Path(source.path).parts[-2:]).encode(errors="surrogateescape")).hexdigest()[:16]
        with open_below.reading(source.path) as reader:
            no_replace.copy(reader, f".freisteller-{key}.part", name, self._folder)


def _publish(
    sources: Sequence[_Source],
    folder: int,
    candidates: Callable[[], Iterator[str]],
    way: _Linking | _Copying,
    is_anothers: Callable[[str], bool],
) -> tuple[str, ...]:
    """Find the stem and publish what is missing under it. Other programs may take a name at any moment."""
    while True:
        taken = name_keys(os.listdir(folder))
        for candidate in itertools.chain(way.here(sources), candidates()):
            pairs = [(source, candidate + source.suffix) for source in sources]
            there = [(source, name) for source, name in pairs if name_key(name) in taken]
            if all(way.ours(source, name) and not is_anothers(name) for source, name in there):
                break
        else:
            raise BadPhoto(Said("name_taken", name=pairs[0][1]))
        with suppress(FileExistsError):  # the name was taken since we looked: look again
            _publish_all([pair for pair in pairs if name_key(pair[1]) not in taken], folder, way.publish)
            return tuple(name for _, name in pairs)


def _publish_all(pairs: Sequence[tuple[_Source, str]], folder: int, publish: Callable[[_Source, str], None]) -> None:
    """Publish all of them or none."""
    done: list[str] = []
    try:
        for source, name in pairs:
            publish(source, name)
            done.append(name)
    except BaseException:
        for name in reversed(done):  # they are new and no report announces them, so nobody uses them yet
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
        raise


def _is_equal(source: _Source, name: str, folder: int, found: os.stat_result) -> bool:
    """Whether a file that was found has the same content as a source; False if we may not read the source."""
    if not stat.S_ISREG(found.st_mode) or found.st_size != source.stat.st_size or not source.readable:
        return False
    with open_below.reading(source.path) as mine, open_below.reading(name, folder) as theirs:
        return no_replace.digest(mine) == no_replace.digest(theirs)


def _stat(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_readable(path: str) -> bool:
    """Whether we may read a file. If not, it is not one that we wrote."""
    try:
        with open_below.reading(path):
            return True
    except PermissionError:
        return False
