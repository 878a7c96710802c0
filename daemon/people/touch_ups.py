"""Takes in alphas that people touched up by hand: each is another attempt, which can then be taken like any other."""

from collections.abc import Callable
from pathlib import Path

from daemon.disk.whole_file import write_whole
from daemon.errors import BadPhoto, IllegalMove, Said
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import ATTEMPTS_PER_PAGE, TOUCH_UP, Attempt, Recipe
from daemon.journal import JobRow, Journal
from daemon.journal.alphas import Alphas
from daemon.judgement.best_of_pages import best_of_page, of_page
from daemon.logs import log
from daemon.pictures.picture_cache import PictureCache
from daemon.pictures.thumbs import Thumb
from daemon.states import is_done

_SIGNATURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_GREY_8 = bytes([8, 0, 0, 0, 0])  # depth, colour, compression, filter, no interlace (PNG 1.2, 11.2.2)
_LOOK_PIXELS = 1600  # a subject that is smaller than a pixel of so many is none

Look = Callable[[Path, int, float, int], Thumb]
"""Makes a small picture of a stranger's file, in another process; see `PhotoWorkers.thumb`."""


class TouchUps:
    """Safe to use from many threads."""

    def __init__(
        self, journal: Journal, alphas: Alphas, scratch: PictureCache, look: Look, locks: JobLocks, runtime: Runtime
    ) -> None:
        self._journal = journal
        self._alphas = alphas
        self._scratch = scratch
        self._look = look
        self._locks = locks
        self._tick = runtime.tick

    def add(self, job_id: str, content: bytes, page: int = 1) -> int:
        """Keep an alpha as another attempt of a job that is done; returns its number. The result stays as it is.

        content: a grey PNG of 8 bit, as large as the result. page: of the file, from 1. The attempt has the verdict of
        the page's result: a person judges what came of it. Raises KeyError, IllegalMove if the job has no result of
        that page that can be touched up, BadPhoto if the PNG is not what it must be, NoRoom, WorkerLost.
        """
        self._refuse_strange(self._journal.row(job_id), content, page)
        with self._locks.held(job_id):
            row = self._journal.row(job_id)
            self._size(row, page)
            best = best_of_page(row.job, page)
            number = max((attempt.number for attempt in of_page(row.job, page)), default=0) + 1
            if best is None or best.verdict is None or number >= page * ATTEMPTS_PER_PAGE:
                raise IllegalMove(Said("nothing_to_touch_up", name=row.job.name))
            attempt = Attempt(number, Recipe(TOUCH_UP), verdict=best.verdict)
            self._tick(Effect.KEEP_ALPHA)
            self._alphas.keep_for_result(row.job, attempt.number, attempt.recipe, content)
            self._tick(Effect.RECORD_ATTEMPT)
            self._journal.record_attempts(row.job, [attempt])
        text = f"A person touched up {row.job.name}: that is attempt {number}."
        log.log("touched_up", text, job=job_id, name=row.job.name, attempt=number)
        return number

    def _size(self, row: JobRow, page: int) -> tuple[int, int]:
        """The size of a page's result that can be touched up. Raises IllegalMove."""
        job = row.job
        if not is_done(job.state) or job.grade is None:
            raise IllegalMove(Said("no_result_to_touch_up", name=job.name, state=job.state))
        known = self._journal.shown_sizes.of_jobs([job.id]).get(job.id)
        sizes = known.of_page(page) if known else None
        if sizes is None:
            raise IllegalMove(Said("no_page_to_touch_up", name=job.name, page=page))
        if sizes.result != sizes.original:
            raise IllegalMove(Said("result_trimmed", name=job.name))
        return sizes.result

    def _refuse_strange(self, row: JobRow, content: bytes, page: int) -> None:
        """Raise IllegalMove or BadPhoto unless it is an alpha of that size, whole, neither empty nor full."""
        width, height = self._size(row, page)
        wanted = _SIGNATURE + width.to_bytes(4) + height.to_bytes(4) + _GREY_8
        if content[: len(wanted)] != wanted:
            raise BadPhoto(Said("not_an_alpha", name=row.job.name, width=width, height=height))
        with self._scratch.scratch() as folder:
            path = folder / "alpha.png"
            write_whole(path, content)
            seen = self._look(path, _LOOK_PIXELS, float("inf"), 0).rgb
        if not seen.any() or seen.min() == 255:
            code = "alpha_shows_all" if seen.any() else "alpha_shows_nothing"
            raise BadPhoto(Said(code, name=row.job.name))
