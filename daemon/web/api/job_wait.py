"""Waits for the end of a photo, as long as its sender does."""

import asyncio
import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from daemon.journal import JobRow, Journal
from daemon.states import is_over

_LOOK_SECONDS = 0.25


async def wait_for_end(journal: Journal, job_id: str, seconds: float, request: Request) -> JobRow:
    """The job, as soon as it is over, or after so many seconds, or once the client has gone. Raises KeyError."""
    until = time.monotonic() + seconds
    while True:
        row = await run_in_threadpool(journal.row, job_id)
        left = until - time.monotonic()
        if is_over(row.job.state) or left <= 0 or await request.is_disconnected():
            return row
        await asyncio.sleep(min(left, _LOOK_SECONDS))
