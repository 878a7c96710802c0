"""Keeps the pictures that fit a screen, made while a result is rendered, so that a browser need not wait for them."""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from daemon.errors import FreistellerError
from daemon.jobs import Job
from daemon.logs import log
from daemon.pictures.picture_cache import PictureCache, key_of, name_of
from daemon.pictures.result_names import picture_in

ORIGINAL, COLOUR, ALPHA = "original", "colour", "alpha"


class Shower(Protocol):
    """What shows a photo that is in work: the worker that holds it."""

    def show_original(self, folder: Path) -> None:
        """Write what fits a screen of the photo into a folder, before `compose`. Raises OSError."""

    def show_result(self, colour: Path, alpha: Path) -> None:
        """Write what fits a screen of what `compose` made into two folders. Raises OSError."""


class RenderedPictures:
    """Keeps pictures of photos with one page. What fails here costs a browser a second later, never a photo."""

    def __init__(self, cache: PictureCache, wanted: Callable[[], bool]) -> None:
        """wanted: whether there are browsers to serve."""
        self._cache = cache
        self._wanted = wanted

    @contextmanager
    def showing(self, job: Job, maker: Shower, pages: int) -> Iterator[None]:
        """Show the original before the block, which composes the result, and the result after it."""
        folder = self._cache.scratch_of(job.id) if self._wanted() and pages == 1 else None
        if folder is None:
            yield
            return
        self._try(job, lambda: maker.show_original(_made(folder / ORIGINAL)))
        yield
        self._try(job, lambda: maker.show_result(_made(folder / COLOUR), _made(folder / ALPHA)))

    def keep(self, job: Job, content: bytes, sums: Mapping[str, str]) -> None:
        """Keep what was shown under the names of its content.

        content: SHA-256 of the original. sums: SHA-256 of the results by suffix, in hex.
        """
        folder, suffix = self._cache.scratch_of(job.id), picture_in(tuple(sums))
        if not folder.is_dir():
            return
        original, result = key_of(content), key_of(bytes.fromhex(sums[suffix])) if suffix else ""
        both = (COLOUR, ALPHA)
        names = {
            ORIGINAL: name_of(original, (COLOUR,), COLOUR, "fit"),
            **({layer: name_of(result, both, layer, "fit") for layer in both} if suffix else {}),
        }
        for layer, name in names.items():
            path = folder / layer / "fit"
            if path.is_file():
                self._try(job, partial(self._cache.keep, name, path))
        shutil.rmtree(folder, ignore_errors=True)

    def _try(self, job: Job, show: Callable[[], None]) -> None:
        try:
            show()
        except (OSError, FreistellerError) as error:
            text = f"{job.name} is done, but not shown ahead: {error}"
            log.log("not_shown_ahead", text, level=logging.DEBUG, job=job.id, name=job.name)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
