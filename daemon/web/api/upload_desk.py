"""Serves those who send photos: so many at once, each request once, in threads of its own."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import Request

from daemon.errors import Said
from daemon.intake.uploads import Uploads
from daemon.journal import Journal
from daemon.settings.current import CurrentSettings
from daemon.web.api.incoming_photo import MEGABYTE, IncomingPhoto, too_large
from daemon.web.problems import Refused

MOST_AT_ONCE = 32
_THREADS = 8  # for disk and proofs; whoever comes later waits for one
_THREADS_ASIDE = 4
_PIECE_BYTES = 1 << 20  # of a body, for each change of threads
_AGAIN_SECONDS = 5
_FORM_BYTES = MEGABYTE  # beside the photo: the other fields, and what stands between them

T = TypeVar("T")


class UploadDesk:
    """The event loop alone calls it, but for `close`."""

    def __init__(self, uploads: Uploads, journal: Journal, settings: CurrentSettings) -> None:
        self.uploads = uploads
        self.journal = journal
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="upload")
        self._aside = ThreadPoolExecutor(_THREADS_ASIDE, thread_name_prefix="fetch")
        self._served = 0
        self._keys: set[tuple[str, str]] = set()

    @property
    def most_megabytes(self) -> int:
        """How large a photo may be."""
        return self._settings.now.http.upload_mb

    @property
    def unfinished_bytes(self) -> int:
        """How much all photos may have together that come in several requests; at least one has room."""
        http = self._settings.now.http
        return max(http.unfinished_mb, http.upload_mb) * MEGABYTE

    @property
    def wait_seconds(self) -> float:
        """How long a request may wait for the end of its photo."""
        return self._settings.now.http.wait_seconds

    @property
    def may_fetch(self) -> bool:
        """Whether a photo may be fetched from an address that somebody sends."""
        return self._settings.now.http.fetch_urls

    @property
    def places(self) -> tuple[int, int]:
        """How many requests may be under way at once, and how many more may come now."""
        return MOST_AT_ONCE, max(0, MOST_AT_ONCE - self._served)

    @contextmanager
    def serving(self, request: Request, encoded: float = 1.0) -> Iterator[IncomingPhoto]:
        """A photo to receive from a request. encoded: how many bytes of the body may stand for one of the photo.

        Raises Refused: 413 if the sender announces too much, 429 if too many send at once.
        """
        announced = int(request.headers.get("content-length") or 0)
        if announced > self.most_megabytes * MEGABYTE * encoded + _FORM_BYTES:
            raise too_large(self.most_megabytes)
        if self._served >= MOST_AT_ONCE:
            raise busy(Said("too_many_sent", n=MOST_AT_ONCE))
        self._served += 1
        photo = IncomingPhoto(self.uploads, self.most_megabytes, int(announced / encoded))
        try:
            yield photo
        finally:
            self._served -= 1
            photo.discard()

    @contextmanager
    def only_one(self, who: str, key: str) -> Iterator[None]:
        """One request of this key at a time. Raises Refused (409) if another one is under way."""
        if (who, key) in self._keys:
            raise Refused(
                HTTPStatus.CONFLICT,
                "still_running",
                "a request with this key is still running; ask again for its answer",
                {"Retry-After": str(_AGAIN_SECONDS)},
            )
        self._keys.add((who, key))
        try:
            yield
        finally:
            self._keys.discard((who, key))

    async def pour(self, request: Request, take: Callable[[bytes], None]) -> None:
        """Give the body of a request to `take`, piece by piece, in a thread. Raises what it raises."""
        gathered = bytearray()
        async for data in request.stream():
            gathered += data
            if len(gathered) >= _PIECE_BYTES:
                await self.run(take, bytes(gathered))
                gathered.clear()
        if gathered:
            await self.run(take, bytes(gathered))

    async def run(self, act: Callable[..., T], *values: object) -> T:
        """Do something in a thread of ours. It goes on even if nobody waits for it any more."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(act, *values))

    async def run_aside(self, act: Callable[[], T]) -> T:
        """Do something that waits for a stranger's machine, so that no photo of others waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, act)

    def close(self) -> None:
        """End the threads once they are done."""
        for threads in (self._threads, self._aside):
            threads.shutdown(wait=True, cancel_futures=True)


def busy(why: Said) -> Refused:
    """The answer to one who comes too soon."""
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, "too_many", why, {"Retry-After": str(_AGAIN_SECONDS)})
