"""Gives out pictures for browsers, and has each built once, when somebody first wants to see it."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar, get_args

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.errors import BadPhoto, EngineAway, FreistellerError, Said, Vanished, WorkerLost
from daemon.jobs import Job
from daemon.pictures.opened_picture import PictureToShow
from daemon.pictures.picture_cache import PictureCache, name_of
from daemon.pictures.pyramid import Layer, Part, tile_of
from daemon.web.pictures_served.picture_build import Answer, PictureBuild, Piece
from daemon.web.pictures_served.shown_files import ATTEMPT, ShownFile, meaning_of

_OPEN_AT_ONCE = 2  # files that somebody waits for: decoding 24 megapixels takes a core for half a second
_BUILDS_AT_ONCE = 1  # a pyramid of them takes a core for two seconds; photos in work come first
_BUILDERS = 4  # files that are decoded and wait for that
_MOST_AHEAD = 8  # files that may be looked at soon; of more, people have passed the oldest by
_LOOK_SECONDS = 0.05  # between two looks for what is wanted, while another pyramid is built
_READERS = 4
_REMEMBERED_SECONDS = 60.0  # a file that cannot be shown is not tried again for each of its tiles
_MOST_REMEMBERED = 1000

_Answer = TypeVar("_Answer")


class PictureMaker(Protocol):
    """Decodes a stranger's file in another process; `work.photo_worker.PhotoWorkers` can."""

    def picture(
        self, path: Path, layers: Collection[Layer], page: int = 0, *, hurried: bool = False
    ) -> AbstractContextManager[PictureToShow]:
        """See `PhotoWorkers.picture`."""


class AttemptMaker(Protocol):
    """Shows the alphas of attempts; `work.attempt_pictures.AttemptPictures` can."""

    def opened(
        self, job: Job, original: Path, layers: Mapping[str, int], *, hurried: bool = False
    ) -> AbstractContextManager[PictureToShow]:
        """See `AttemptPictures.opened`."""


class PictureShelf:
    """The pictures of all jobs. Its coroutines belong to one event loop; `close` may be called from any thread."""

    def __init__(self, root: Path, cache: PictureCache, maker: PictureMaker, attempts: AttemptMaker) -> None:
        """root: the hot folder, in which the files lie that are shown."""
        self._root = root
        self._cache = cache
        self._maker = maker
        self._attempts = attempts
        self._builders = ThreadPoolExecutor(_BUILDERS, thread_name_prefix="pyramid")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="tiles")
        self._opening = threading.Semaphore(_OPEN_AT_ONCE)
        self._building = threading.Semaphore(_BUILDS_AT_ONCE)
        self._builds: dict[str, PictureBuild] = {}  # by the name of the pyramid
        self._ahead: dict[str, ShownFile] = {}  # the same, for those that are not begun yet
        self._failures: dict[str, tuple[float, FreistellerError]] = {}  # when, and why

    def close(self) -> None:
        """Begin nothing more."""
        for executor in (self._builders, self._readers):
            executor.shutdown(wait=False, cancel_futures=True)

    @property
    def busy(self) -> bool:
        """Whether some picture is built, or will be without anybody's asking again."""
        return bool(self._builds or self._ahead)

    async def run(self, look: Callable[[], _Answer]) -> _Answer:
        """Look something up on a disk or in the journal, in one of the few threads that do so."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, look)

    async def fit(self, shown: ShownFile, layer: str) -> bytes:
        """The picture that fits a screen. Raises what `tile` raises."""
        content = await self._read(shown, Piece(layer))
        if content is None:
            raise Vanished(Said("alpha_not_kept", layer=layer, place=shown.place))
        return content

    async def tile(self, shown: ShownFile, layer: str, level: int, column: int, row: int) -> bytes | None:
        """One tile, as `pyramid.tile_of` has it.

        Raises BadPhoto if the file cannot be shown, Vanished if it is not there any more, NoRoom if the cache has no
        room, RootAway, and EngineAway if the program stops.
        """
        return await self._read(shown, Piece(layer, (level, column, row)))

    def build_ahead(self, shown: ShownFile) -> None:
        """Have a file built when nothing else is, because somebody may look closely at it soon."""
        name = _name_of_all(shown)
        when, failure = self._failures.get(name, (0.0, None))
        failed = failure is not None and time.monotonic() - when < _REMEMBERED_SECONDS
        kept = all(self._cache.find(_name(shown, layer, "tiles")) for layer in shown.layers)
        if name not in self._builds and not failed and not kept:
            self._ahead.pop(name, None)
            self._ahead[name] = shown
            while len(self._ahead) > _MOST_AHEAD:
                self._ahead.pop(next(iter(self._ahead)))
        self._go_ahead()

    def _go_ahead(self) -> None:
        if self._ahead and not self._builds:
            name = next(iter(self._ahead))
            self._begin(name, self._ahead[name], hurried=False)

    async def _read(self, shown: ShownFile, piece: Piece) -> bytes | None:
        def kept() -> Answer:
            return self._kept(shown, piece)

        found = await self.run(kept) or await self._built(shown, piece) or await self.run(kept)
        if found is None:
            raise Vanished(Said("pictures_made_room", name=shown.place))
        return found[0]

    def _kept(self, shown: ShownFile, piece: Piece) -> Answer:
        name = _name(shown, piece.layer, "tiles" if piece.tile else "fit")
        path = self._cache.find(name)
        try:
            if path is None:
                return None
            return (tile_of(path, *piece.tile) if piece.tile else path.read_bytes(),)
        except OSError:  # it went to make room, or the disk damaged it
            self._cache.drop(name)
            return None

    async def _built(self, shown: ShownFile, piece: Piece) -> Answer:
        """A piece of a file that is built for it, or by now; None if it is kept now."""
        name = _name_of_all(shown)
        when, failure = self._failures.get(name, (0.0, None))
        if failure is not None and time.monotonic() - when < _REMEMBERED_SECONDS:
            raise failure
        build = self._builds.get(name) or self._begin(name, shown, hurried=True)
        return await asyncio.shield(asyncio.wrap_future(build.want(piece)))  # others may wait for the same

    def _begin(self, name: str, shown: ShownFile, *, hurried: bool) -> PictureBuild:
        self._ahead.pop(name, None)
        build = self._builds[name] = PictureBuild()
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(self._builders, self._build, shown, build, hurried)

        def over(done: "asyncio.Future[None]") -> None:
            del self._builds[name]
            error = EngineAway(Said("program_stops")) if done.cancelled() else done.exception()
            if isinstance(error, BadPhoto | WorkerLost):
                while len(self._failures) >= _MOST_REMEMBERED:
                    self._failures.pop(next(iter(self._failures)))
                meaning = BadPhoto(Said("cannot_be_shown", name=PurePosixPath(shown.place).name, detail=error))
                self._failures[name] = time.monotonic(), meaning
                error = meaning
            build.end(error)
            self._go_ahead()

        task.add_done_callback(over)
        return build

    def _build(self, shown: ShownFile, build: PictureBuild, hurried: bool) -> None:
        with self._cache.scratch() as scratch:
            layers = {layer: scratch / layer for layer in shown.layers}
            for folder in layers.values():
                folder.mkdir()
            with self._source(shown, scratch) as path:
                self._show(shown, path, layers, build, hurried)
            for layer, folder in layers.items():
                for part in get_args(Part):
                    if (folder / part).exists():
                        self._cache.keep(_name(shown, layer, part), folder / part)

    def _show(
        self, shown: ShownFile, path: Path, folders: Mapping[str, Path], build: PictureBuild, hurried: bool
    ) -> None:
        """Cut what somebody waits for as soon as the file is decoded, then build everything in its turn."""
        with ExitStack() as stack:
            with self._opening if hurried else nullcontext():
                picture = stack.enter_context(self._opened(shown, path, hurried))

            def cut(piece: Piece) -> bytes | None:
                return picture.tile(piece.layer, *piece.tile) if piece.tile else picture.fit(piece.layer)

            build.serve(cut, patient=hurried)
            while not self._building.acquire(timeout=_LOOK_SECONDS):
                build.serve(cut, patient=False)
            stack.callback(self._building.release)
            for layer, folder in folders.items():
                picture.build(layer, folder, partial(build.serve, cut, patient=False))
                build.serve(cut, patient=False)

    def _opened(self, shown: ShownFile, path: Path, hurried: bool) -> AbstractContextManager[PictureToShow]:
        if shown.job is None:
            layers: list[Layer] = [layer for layer in get_args(Layer) if layer in shown.layers]
            return self._maker.picture(path, layers, shown.page, hurried=hurried)
        numbers = {layer: int(layer.removeprefix(ATTEMPT)) for layer in shown.layers}
        return self._attempts.opened(shown.job, path, numbers, hurried=hurried)

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
        raise Vanished(Said("being_changed", name=PurePosixPath(shown.place).name))


def _name_of_all(shown: ShownFile) -> str:
    return f"{shown.key}.{'-'.join(shown.layers)}"


def _name(shown: ShownFile, layer: str, part: Part) -> str:
    return name_of(shown.key, shown.layers, layer, part)
