"""One file whose pictures are built: what somebody waits for is cut first, as soon as the file is decoded."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

_NEXT_SECONDS = 0.25  # a browser asks for two tiles at a time; after this pause it has what it looks at
_MOST_SECONDS = 10.0  # then the pyramid is built all the same: somebody looks around in it


class Piece(NamedTuple):
    """A picture that fits a screen, or a tile of a layer: level, column, row."""

    layer: str
    tile: tuple[int, int, int] | None = None


Answer = tuple[bytes | None] | None
"""What came of a wanted piece: (its content, None if there is no such tile), or None: the build is over, look again."""


@dataclass(eq=False)
class PictureBuild:
    """What is wanted of a file while it is built. Safe to use from many threads."""

    _wanted: dict[Piece, "Future[Answer]"] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _over: bool = False

    def want(self, piece: Piece) -> "Future[Answer]":
        """Ask for a piece. The answer may be an error of the build."""
        with self._changed:
            future = self._wanted.get(piece)
            if future is None:
                future = Future()
                if self._over:
                    future.set_result(None)
                else:
                    self._wanted[piece] = future
                    self._changed.notify()
            return future

    def serve(self, cut: Callable[[Piece], bytes | None], *, patient: bool) -> None:
        """Cut what is wanted. patient: also what is asked for in the next moment. Raises what `cut` raises."""
        until = time.monotonic() + _MOST_SECONDS
        while piece := self._next(_NEXT_SECONDS if patient and time.monotonic() < until else 0.0):
            content = cut(piece)
            with self._changed:
                future = self._wanted.pop(piece)
            future.set_result((content,))

    def _next(self, seconds: float) -> Piece | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted, seconds)
            return next(iter(self._wanted), None)

    def end(self, error: BaseException | None) -> None:
        """Nothing is cut any more; what is still wanted is kept by now, or not to be had for this error."""
        with self._changed:
            self._over = True
            left, self._wanted = list(self._wanted.values()), {}
        for future in left:
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(None)
