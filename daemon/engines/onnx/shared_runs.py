"""Runs a network on several pictures at once where several wait for it; a lone picture waits for no other."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from daemon.engines.onnx.fallback_session import is_full_memory
from daemon.engines.onnx.network_input import Network
from daemon.errors import EngineAway, Said
from daemon.logs import log
from daemon.words.counted import counted


class NetworkSession(Protocol):
    """What runs the network: a `FallbackSession`."""

    @property
    def provider(self) -> str:
        """What runs it now, by ONNX Runtime's name."""

    def maps(self, pictures: Network, /) -> tuple[Network, bool]:
        """See `FallbackSession.maps`."""


@dataclass(frozen=True, slots=True)
class FoundMap:
    """The network's map of one picture, (rows, columns). stood_in: the processor ran it in place of a card.

    seconds: the picture's share of the run's time.
    """

    values: Network
    stood_in: bool
    seconds: float


@dataclass(slots=True, eq=False)
class _Waiting:
    """A picture, (1, 3, H, W), whose thread sleeps until `turn`: then it leads a run, or has its map or an error."""

    picture: Network
    turn: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    found: FoundMap | None = None
    error: BaseException | None = None


class SharedRuns:
    """The runs of one network. Any thread may ask; the pictures are taken in the order in which they came.

    While a run is going on, pictures wait. When it ends, the first of them begins the next run, and takes along others
    of its size that wait behind it. Each picture gets its own map or its own error: a run of several that fails is done
    again in halves if memory was full, else one by one.
    """

    def __init__(self, model: str, session: NetworkSession, most: int, at_once: Callable[[str], int]) -> None:
        """model: its name. most: pictures in one run; 1 = each run begins when it is asked for.

        at_once: else how many runs a provider does at a time.
        """
        self._session = session
        self._sizes: Counter[int] = Counter()
        self._model = model
        self._takes_turns = most > 1
        self._most = most
        self._found_for = session.provider
        self._at_once = at_once
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._running = 0

    @property
    def provider(self) -> str:
        """What runs the network now."""
        return self._session.provider

    @property
    def sizes(self) -> Counter[int]:
        """How many runs had so many pictures."""
        with self._lock:
            return Counter(self._sizes)

    @property
    def most(self) -> int:
        """How many pictures a run has at most now. 1 once the processor runs what was found best for a card."""
        return self._most if self.provider == self._found_for else 1

    def map_of(self, picture: Network) -> FoundMap:
        """The map of one picture, (1, 3, H, W). Raises what `FallbackSession.maps` raises; EngineAway once closed."""
        own = _Waiting(picture)
        if self._takes_turns:
            with self._lock:
                self._queue.append(own)
                self._call_next()
            own.turn.wait()
            if own.leads:
                self._lead(own)
        else:
            self._run((own,))
        if own.error is not None:
            raise own.error
        if own.found is None:
            raise RuntimeError("A run ended without a map.")
        return own.found

    def close(self) -> None:
        """Send those away who wait. Runs that have begun end by themselves."""
        with self._lock:
            away = [each for each in self._queue if not each.leads]
            self._queue = [each for each in self._queue if each.leads]
        for each in away:
            each.error = EngineAway(Said("local_closed"))
            each.turn.set()

    def _call_next(self) -> None:
        """Let those who came first begin runs, as many as may begin now. The lock is held."""
        for each in [each for each in self._queue if not each.leads]:
            if self._running >= self._at_once(self.provider):
                return
            self._running += 1
            each.leads = True
            each.turn.set()

    def _lead(self, own: _Waiting) -> None:
        with self._lock:
            together = (own, *self._company(own))
            self._queue = [each for each in self._queue if each not in together]
        try:
            self._run(together)
        finally:
            with self._lock:
                self._running -= 1
                self._call_next()
            for each in together:
                each.turn.set()

    def _company(self, own: _Waiting) -> Sequence[_Waiting]:
        """Who comes along, in order. A run has 2, 4, 8 … pictures or the most: a card prepares once for each number."""
        waiting = [each for each in self._queue if not each.leads and each.picture.shape == own.picture.shape]
        fitting = min(1 + len(waiting), self.most)
        together = fitting if fitting == self.most else 1 << (fitting.bit_length() - 1)
        return waiting[: together - 1]

    def _run(self, together: Sequence[_Waiting]) -> None:
        """Give each its map or its error."""
        pictures, began = [each.picture for each in together], time.perf_counter()
        try:
            found, stood_in = self._session.maps(np.concatenate(pictures) if len(pictures) > 1 else pictures[0])
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread of each picture
            if len(together) > 1:
                self._run_parts(together, error)
            else:
                together[0].error = error
            return
        seconds = (time.perf_counter() - began) / len(together)
        for each, values in zip(together, found, strict=True):
            each.found = FoundMap(values, stood_in, seconds)
        with self._lock:
            self._sizes[len(together)] += 1

    def _run_parts(self, together: Sequence[_Waiting], error: BaseException) -> None:
        """Run halves if memory was full, and remember that; else each by itself."""
        if isinstance(error, Exception) and is_full_memory(error):
            middle = len(together) // 2
            self._take_fewer(middle, "memory was full", error)
            self._run(together[:middle])
            self._run(together[middle:])
            return
        for each in together:
            self._run((each,))
        if all(each.error is None for each in together):  # no picture is to blame
            self._take_fewer(1, "such a run fails", error)

    def _take_fewer(self, most: int, why: str, error: BaseException) -> None:
        with self._lock:
            fewer = most < self._most
            self._most = min(most, self._most)
        if fewer:
            text = (
                f"{self._model} runs with at most {counted(most, 'photo')} at once from now on, because {why}: {error}"
            )
            log.log("smaller_runs", text, level=logging.WARNING, model=self._model, pictures=most)
