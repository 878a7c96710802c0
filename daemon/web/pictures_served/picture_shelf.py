"""Gives out pictures for browsers, and has each built once, when somebody first wants to see it."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar, get_args

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.errors import BadPhoto, FreistellerError, Vanished, WorkerLost
from daemon.jobs import Job
from daemon.pictures.picture_cache import PictureCache, name_of
from daemon.pictures.pyramid import FIT, Layer, Part, tile_of
from daemon.web.pictures_served.shown_files import ATTEMPT, ShownFile, meaning_of

_BUILDS_AT_ONCE = 1  # a photo of 24 megapixels takes one core for some two seconds; photos in work come first
_READERS = 4
_REMEMBERED_SECONDS = 60.0  # a file that cannot be shown is not tried again for each of its tiles
_MOST_REMEMBERED = 1000

_Answer = TypeVar("_Answer")


class PyramidMaker(Protocol):
    """Decodes a stranger's file in another process; `work.photo_worker.PhotoWorkers` can."""

    def pyramid(self, path: Path, layers: Mapping[Layer, Path], page: int = 0) -> None:
        """See `pictures.pyramid.build_pyramid`."""


class AttemptMaker(Protocol):
    """Shows the alphas of attempts; `work.attempt_pictures.AttemptPictures` can."""

    def show(self, job: Job, original: Path, folders: Mapping[int, Path], longest: int) -> None:
        """Write the pyramids of attempts, by number, into these folders."""


class PictureShelf:
    """The pictures of all jobs. Its coroutines belong to one event loop; `close` may be called from any thread."""

    def __init__(self, root: Path, cache: PictureCache, maker: PyramidMaker, attempts: AttemptMaker) -> None:
        """root: the hot folder, in which the files lie that are shown."""
        self._root = root
        self._cache = cache
        self._maker = maker
        self._attempts = attempts
        self._builders = ThreadPoolExecutor(_BUILDS_AT_ONCE, thread_name_prefix="pyramid")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="tiles")
        self._builds: dict[str, asyncio.Task[None]] = {}  # by the name of the pyramid
        self._failures: dict[str, tuple[float, FreistellerError]] = {}  # when, and why

    def close(self) -> None:
        """Begin nothing more."""
        for executor in (self._builders, self._readers):
            executor.shutdown(wait=False, cancel_futures=True)

    async def run(self, look: Callable[[], _Answer]) -> _Answer:
        """Look something up on a disk or in the journal, in one of the few threads that do so."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, look)

    async def fit(self, shown: ShownFile, layer: str) -> bytes:
        """The picture that fits a screen. Raises what `tile` raises."""
        content = await self._read(shown, layer, "fit", Path.read_bytes)
        assert content is not None
        return content

    async def tile(self, shown: ShownFile, layer: str, level: int, column: int, row: int) -> bytes | None:
        """One tile, as `pyramid.tile_of` has it.

        Raises BadPhoto if the file cannot be shown, Vanished if it is not there any more, NoRoom if the cache has no
        room, RootAway, and EngineAway if the program stops.
        """
        return await self._read(shown, layer, "tiles", lambda path: tile_of(path, level, column, row))

    async def _read(
        self, shown: ShownFile, layer: str, part: Part, read: Callable[[Path], bytes | None]
    ) -> bytes | None:
        def kept() -> tuple[bytes | None] | None:
            name = _name(shown, layer, part)
            path = self._cache.find(name)
            try:
                return None if path is None else (read(path),)
            except OSError:  # it went to make room, or the disk damaged it
                self._cache.drop(name)
                return None

        found = await self.run(kept)
        if found is None:
            await self._built(shown)
            found = await self.run(kept)
        if found is None:
            raise Vanished(f"The pictures of {shown.place} were removed again to make room. Raise http.cache_mb.")
        return found[0]

    async def _built(self, shown: ShownFile) -> None:
        """Build a pyramid, or wait for whoever does so already."""
        name = f"{shown.key}.{'-'.join(shown.layers)}"
        when, failure = self._failures.get(name, (0.0, None))
        if failure is not None and time.monotonic() - when < _REMEMBERED_SECONDS:
            raise failure
        task = self._builds.get(name)
        if task is None:
            task = self._builds[name] = asyncio.create_task(self._build_in_turn(name, shown))
        await asyncio.shield(task)  # who goes away must not spoil it for the others

    async def _build_in_turn(self, name: str, shown: ShownFile) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._builders, self._build, shown)
        except (BadPhoto, WorkerLost) as error:
            while len(self._failures) >= _MOST_REMEMBERED:
                self._failures.pop(next(iter(self._failures)))
            meaning = BadPhoto(f"{PurePosixPath(shown.place).name} cannot be shown: {error}")
            self._failures[name] = time.monotonic(), meaning
            raise meaning from error
        finally:
            del self._builds[name]

    def _build(self, shown: ShownFile) -> None:
        with self._cache.scratch() as scratch:
            layers = {layer: scratch / layer for layer in shown.layers}
            for folder in layers.values():
                folder.mkdir()
            with self._source(shown, scratch) as path:
                if shown.job is None:
                    known = {layer: layers[layer] for layer in get_args(Layer) if layer in layers}
                    self._maker.pyramid(path, known, shown.page)
                else:
                    numbers = {int(layer.removeprefix(ATTEMPT)): folder for layer, folder in layers.items()}
                    self._attempts.show(shown.job, path, numbers, FIT)
            for layer, folder in layers.items():
                for part in get_args(Part):
                    if (folder / part).exists():
                        self._cache.keep(_name(shown, layer, part), folder / part)

    @contextmanager
    def _source(self, shown: ShownFile, scratch: Path) -> Iterator[Path]:
        """A path by which another process opens the very file that is shown, whatever its own path means by now.

        Raises Vanished if it is another file, before or after the block, and what `meaning_of` gives.
        """
        place = PurePosixPath(shown.place)
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(open_below.opened(self._root, place.parts[:-1]))
                descriptor = stack.enter_context(open_below.reading(place.name, folder))
            except OSError as error:
                raise meaning_of(error, shown.place) from error
            _refuse_another(shown, descriptor)
            path = scratch / place.name
            path.symlink_to(f"/proc/{os.getpid()}/fd/{descriptor}")
            yield path
            _refuse_another(shown, descriptor)


def _refuse_another(shown: ShownFile, descriptor: int) -> None:
    found, meant = FileId.of(os.fstat(descriptor)), shown.file
    if (found.inode, found.size_bytes, found.mtime_ns) != (meant.inode, meant.size_bytes, meant.mtime_ns):
        raise Vanished(f"{PurePosixPath(shown.place).name} is being changed just now.")


def _name(shown: ShownFile, layer: str, part: Part) -> str:
    return name_of(shown.key, shown.layers, layer, part)
