"""Decodes files for their proof aside from the scan, so that a file that takes long holds up no other."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from daemon.disk.file_id import FileId

Decode = Callable[[int, str, float], None]
"""Decodes an open file to its end; takes a descriptor, the file's name and the most megapixels allowed.

Raises what `pictures.reading.prove_decodes` raises, and WorkerLost if it took its process along.
"""

MOST_AT_ONCE = 8
AHEAD = min(MOST_AT_ONCE, len(os.sched_getaffinity(0)))
"""How many files a scan has decoded beside each other: one after the other, a thousand photos of 24 megapixels took
minutes, however many processors there were."""
PATIENCE_SECONDS = 2.0  # most files are proven in less
_MOST_REMEMBERED = 100


class BackgroundDecoding:
    """Remembers what is being decoded. Only one thread uses it."""

    def __init__(self, decode: Decode, on_late: Callable[[], None]) -> None:
        """on_late: is called when a file is decoded that nobody waited for; from another thread."""
        self._decode = decode
        self._on_late = on_late
        self._executor = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="proof")
        self._begun: dict[FileId, Future[None]] = {}
        self._not_waited_for: set[FileId] = set()

    def is_busy_with(self, file_id: FileId) -> bool:
        """Whether a file is being decoded now, so that there is nothing to find out about it yet.

        Waits for one that was only begun.
        """
        decoding = self._begun.get(file_id)
        if decoding is None:
            return False
        self._wait_once(file_id, decoding)
        return not decoding.done()

    def has_ended(self, file_id: FileId) -> bool:
        """Whether a file was begun, and is decoded."""
        decoding = self._begun.get(file_id)
        return decoding is not None and decoding.done()

    def begin(self, file_id: FileId, descriptor: int, name: str, max_megapixels: float) -> bool:
        """Begin to decode a file, and do not wait for it. Returns False if too many are being decoded."""
        if file_id in self._begun:
            return True
        if sum(not other.done() for other in self._begun.values()) >= MOST_AT_ONCE:
            return False
        self._forget_old()
        ours = os.dup(descriptor)  # the caller closes its own
        self._begun[file_id] = self._executor.submit(self._run, ours, name, max_megapixels)
        self._not_waited_for.add(file_id)
        return True

    def decode(self, file_id: FileId, descriptor: int, name: str, max_megapixels: float) -> bool:
        """Decode a file; raises what that raised. Returns False if it is not over yet: ask again."""
        if not self.begin(file_id, descriptor, name, max_megapixels):
            return False
        decoding = self._begun[file_id]
        self._wait_once(file_id, decoding)
        if not decoding.done():
            return False
        del self._begun[file_id]
        decoding.result()
        return True

    def close(self) -> None:
        """Begin nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _wait_once(self, file_id: FileId, decoding: Future[None]) -> None:
        if file_id in self._not_waited_for:
            self._not_waited_for.remove(file_id)
            if not wait([decoding], PATIENCE_SECONDS).done:
                decoding.add_done_callback(lambda _: self._on_late())

    def _run(self, descriptor: int, name: str, max_megapixels: float) -> None:
        try:
            self._decode(descriptor, name, max_megapixels)
        finally:
            os.close(descriptor)

    def _forget_old(self) -> None:
        """Files that vanished or changed meanwhile are never asked for again."""
        if len(self._begun) > _MOST_REMEMBERED:
            self._begun = {file_id: decoding for file_id, decoding in self._begun.items() if not decoding.done()}
            self._not_waited_for &= self._begun.keys()
