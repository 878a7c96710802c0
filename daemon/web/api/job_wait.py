"""Waits for the end of a photo, as long as its sender does."""

import asyncio
import time
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from daemon.journal import JobRow, Journal
from daemon.states import is_over

_LOOK_SECONDS = 2.0  # another program may change the job, and the client may go away
_BREATH_SECONDS = 0.05  # between two looks, however many events come


async def wait_for_end(journal: Journal, job_id: str, seconds: float, request: Request) -> JobRow:
    """The job, as soon as it is over, or after so many seconds, or once the client has gone. Raises KeyError."""
    until = time.monotonic() + seconds
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the port is being closed
            loop.call_soon_threadsafe(news.set)

    end = journal.events.listen(wake)
    try:
        while True:
            news.clear()
            row = await run_in_threadpool(journal.row, job_id)
            left = until - time.monotonic()
            if is_over(row.job.state) or left <= 0 or await request.is_disconnected():
                return row
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(left, _LOOK_SECONDS))
            await asyncio.sleep(_BREATH_SECONDS)
    finally:
        end()
