"""Gives all who listen what happened after the last event that they saw, with one read of the journal for all."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from daemon.errors import NoRoom
from daemon.journal.events import Events, JobEvent

RECENT = 2000
"""So many events are kept in memory. Whoever is further behind reads them from the journal."""
MOST_BEHIND = 5000
"""Whoever is further behind begins anew: loading the list again costs less than so many events."""
GATHER_SECONDS = 0.1  # many commits in a row are one read
LOOK_SECONDS = 2.0  # events by other programs wake nobody
_AT_ONCE = 1000
_UNKNOWN = -1


class TooFarBehind(Exception):
    """Events were missed. Answer: load anew what is shown, and go on after `newest`."""

    def __init__(self, newest: int) -> None:
        super().__init__()
        self.newest = newest


class EventFeed:
    """One feed for all listeners, in one event loop. No read of the journal lasts longer than one batch."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pump: asyncio.Task[None] | None = None
        self._listeners: set[asyncio.Event] = set()
        self._recent: deque[JobEvent] = deque()
        self._before_recent = self._newest = _UNKNOWN  # all events between these two numbers are in `_recent`
        self.closed = False
        """Whether listeners shall end."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Event]:
        """Gives what is set when there is something new, or the feed is closed; its owner clears it."""
        woken = asyncio.Event()
        self._listeners.add(woken)
        if self._pump is None or self._pump.done():
            self._recent.clear()
            self._before_recent = self._newest = _UNKNOWN
            self._loop = asyncio.get_running_loop()
            self._pump = self._loop.create_task(self._keep_reading())
        try:
            yield woken
        finally:
            self._listeners.discard(woken)
            if not self._listeners:
                self._pump.cancel()
                self._pump = None

    async def after(self, number: int) -> tuple[JobEvent, ...]:
        """The next events after this one, at most 1,000; empty if there are none yet. Raises TooFarBehind."""
        if self._pump is not None and self._pump.done():
            self._pump.result()  # raises what ended it
        if number == self._newest:
            return ()
        if self._before_recent <= number < self._newest:
            return tuple(event for event in self._recent if event.number > number)[:_AT_ONCE]
        return await asyncio.to_thread(self._read_after, number)

    async def newest(self) -> int:
        """The number of the last event."""
        return await asyncio.to_thread(self._events.newest)

    def close(self) -> None:
        """Tell all listeners to end. Safe to call from any thread."""
        self.closed = True
        self._wake_soon(self._wake_all)

    def _read_after(self, number: int) -> tuple[JobEvent, ...]:
        newest = self._events.newest()
        if newest - number > MOST_BEHIND or not self._events.knows_all_after(number):
            raise TooFarBehind(newest)
        return self._events.after(number, _AT_ONCE)

    async def _keep_reading(self) -> None:
        committed = asyncio.Event()
        end = self._events.listen(lambda: self._wake_soon(committed.set))
        try:
            self._before_recent = self._newest = await asyncio.to_thread(self._events.newest)
            self._wake_all()
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(committed.wait(), LOOK_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
                committed.clear()
                with suppress(NoRoom):  # another program holds the journal: later
                    await self._read_new()
        finally:
            end()
            self._wake_all()

    async def _read_new(self) -> None:
        while found := await asyncio.to_thread(self._events.after, self._newest, _AT_ONCE):
            self._recent.extend(found)
            self._newest = found[-1].number
            while len(self._recent) > RECENT:
                self._before_recent = self._recent.popleft().number
            self._wake_all()

    def _wake_all(self) -> None:
        for woken in self._listeners:
            woken.set()

    def _wake_soon(self, wake: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed, so nobody listens any more
                self._loop.call_soon_threadsafe(wake)
