"""Works on the pixels of one file, in whatever process it is made in."""

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.engines.least_size import narrowed, widened
from daemon.errors import BadPage, BadPhoto, RootAway, Said
from daemon.jobs import Attempt, Recipe, View
from daemon.judgement.witness import Witness
from daemon.observe.stage_clock import Timed, untimed
from daemon.pictures import codec, fitting, framing, writing
from daemon.pictures.laid_out import LaidOut, Layout, lay_out
from daemon.pictures.opened_picture import OpenedPicture
from daemon.pictures.photo import Coverage, Seen
from daemon.pictures.pyramid import Layer
from daemon.pictures.reading import memory_need, open_for_work, pages_of, prove_decodes
from daemon.pictures.thumbs import Thumb, thumb_of_page
from daemon.pictures.values import ONLY_PAGE, Page, Samples
from daemon.pictures.written_metadata import Private
from daemon.renditions.grounds import original_at
from daemon.renditions.wanted import MadeRendition, Rendition
from daemon.settings.output_formats import OutputFormat
from daemon.settings.pixel_settings import PixelSettings
from daemon.work import composed_renditions
from daemon.work.composed_result import ComposedResult
from daemon.work.open_attempts import OpenAttempts
from daemon.work.photo_in_work import PhotoInWork
from daemon.work.photo_worker import KeptAttempts


class OpenFile:
    """A file and its decoded page. It is a `PhotoWorker`; the methods are explained there."""

    def __init__(self, path: Path, settings: PixelSettings, timed: Timed = untimed) -> None:
        self.page = ONLY_PAGE
        self._timed = timed
        self._path = path
        self._settings = settings
        self._in_work: PhotoInWork | None = None
        self._result: ComposedResult | None = None
        self._proxy: Rgb | None = None

    def pages(self) -> tuple[Page, ...]:
        """The pictures of the file that are to be cut out. Raises BadPhoto."""
        found = pages_of(self._path)
        if self._settings.outputs.pages == "first":
            return (Page(found[0], left_out=len(found) - 1),)
        return tuple(Page(index, number, len(found)) for number, index in enumerate(found, 1))

    def memory_need(self, page: Page) -> int:
        """How many bytes the work on a page takes at most. Raises BadPhoto."""
        return memory_need(self._path, self._settings.max_megapixels, page.index).work_bytes

    def decode(self, page: Page) -> None:
        """Decode a page, make its small picture, and forget the page before. Raises BadPhoto."""
        self._in_work = self._result = self._proxy = None  # before another page is decoded, which may be as large
        self.page = page
        with self._timed("decode"):
            photo = open_for_work(self._path, self._settings.max_megapixels, page.index)
        self._refuse_too_large(photo.width, photo.height)
        outputs = self._settings.outputs
        private = Private(outputs.gps, outputs.maker_notes)
        remarks = list(writing.left_out_of(photo.metadata, outputs.formats, private))
        if page.left_out:
            remarks.append(f"only the first of its {page.left_out + 1} pages was cut out")
        if remarks:
            photo = replace(photo, remarks=(*photo.remarks, *remarks))
        if photo.own_alpha is not None and not photo.own_alpha.any():
            raise BadPage(Said("all_transparent", name=self._path.name))
        self._in_work = PhotoInWork.of(photo, self._settings, self._timed)

    def proxy(self, view: View) -> Rgb:
        """The picture that an engine sees of this view."""
        return self._photo.proxy(view)

    def encoded_proxy(self, view: View) -> EncodedProxy:
        """The same as engines get it over the network."""
        proxy = self._proxy = self._photo.proxy(view)
        with self._timed("upload"):
            return EncodedProxy.of(widened(proxy))

    def read_answer(
        self, number: int, recipe: Recipe, base: Attempt | None, png: bytes, channel: int, size: tuple[int, int]
    ) -> bytes:
        """Keep the alpha that an engine gave for what `encoded_proxy` made last."""
        assert self._proxy is not None
        with self._timed("fetch"):
            steps = codec.decode_steps(png, channel, size)
            steps = np.ascontiguousarray(narrowed(steps, self._proxy))
            if steps.dtype != np.uint8:
                steps = codec.steps_of(codec.alpha_of(steps))
            kept = codec.encode_steps(steps)
        self._photo.add(number, recipe, codec.alpha_of(steps), base)
        return kept

    def add(self, number: int, recipe: Recipe, alpha: Alpha, base: Attempt | None) -> None:
        """Keep the raw alpha of an attempt."""
        self._photo.add(number, recipe, alpha, base)

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        """Keep the raw alpha of an attempt, in a PNG."""
        return self._photo.add_kept(number, recipe, png, base)

    def hear(self, model: str, steps: Samples) -> None:
        """Keep what a witness sees in the page."""
        self._photo.hear(Witness(model, codec.alpha_of(steps)))

    def judge(self, attempt: Attempt) -> Attempt:
        """Search the best finish of the attempt's alpha, and judge it."""
        return self._photo.judge(attempt)

    def judge_again(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Attempts with the verdicts that they get beside all alphas that are known by now."""
        return self._photo.judge_again(attempts)

    def seen(self) -> Seen:
        """What is known of the decoded page, for the report."""
        return self._photo.photo.seen

    def compose(self, best: Attempt) -> Coverage:
        """Cut the page out, at full size, by the alpha of an attempt."""
        photo = self._photo
        alpha = partial(photo.full_alpha, best)
        self._result = ComposedResult.of(photo.photo, alpha, self._settings.outputs, self._timed)
        return self._result.coverage

    def show_original(self, folder: Path) -> None:
        """Write what fits a screen of the page."""
        with self._timed("show"):
            fitting.show_original(self._photo.photo, folder)

    def show_result(self, colour: Path, alpha: Path) -> None:
        """Write what fits a screen of what `compose` made."""
        assert self._result is not None
        with self._timed("show"):
            framed = self._result.framed
            if framed is not None:
                fitting.show_result(framed, self._result.photo.icc, colour, alpha)

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> tuple[int, int]:
        """Write what `compose` made, and read it back; returns its size."""
        assert self._result is not None
        return self._result.write(path, output_format, job_id)

    def render(self, wanted: Sequence[tuple[Path, Rendition]], job_id: str) -> tuple[MadeRendition, ...]:
        """Write renditions of what `compose` made, and hold each against its rules."""
        assert self._result is not None
        original = original_at(self._path, self._settings.max_megapixels, self.page.index)
        return composed_renditions.render(self._result, original, wanted, job_id)

    def _refuse_too_large(self, width: int, height: int) -> None:
        """Raise BadPage if the result is sure to be too large for one of its formats, before an engine is asked."""
        outputs = self._settings.outputs
        if outputs.trim:
            return  # nobody knows yet how much will be left
        for output_format in outputs.formats:
            writing.refuse_too_large(output_format, framing.fitted_size(width, height, outputs.max_side))

    @property
    def _photo(self) -> PhotoInWork:
        assert self._in_work is not None
        return self._in_work


def memory_to_prove(descriptor: int, max_megapixels: float) -> int:
    """How many bytes the proof of an open file takes at most; 0 if it is no photo, which its proof will say."""
    path = Path(f"/proc/self/fd/{descriptor}")
    try:
        return memory_need(path, max_megapixels).proof_bytes
    except (BadPhoto, RootAway):
        return 0


def memory_to_show(path: Path, max_megapixels: float, page: int) -> int:
    """How many bytes `OpenedPicture` takes at most for a page of a file. Raises BadPhoto."""
    return memory_need(path, max_megapixels, pages_of(path)[page - 1] if page else None).whole_bytes


def prove_open_file(descriptor: int, name: str, max_megapixels: float) -> None:
    """Prove that an open file decodes to its end, as `pictures.reading.prove_decodes` does.

    It is read by a path that names this very file, whatever its own path means by now, however long or strange it is.
    """
    prove_decodes(Path(f"/proc/self/fd/{descriptor}"), max_megapixels, name)


class WorkInThisProcess:
    """Works on files in this process: a file that kills it takes everything along. It is a `PhotoWorkers`."""

    def __init__(self, timed: Timed = untimed) -> None:
        self._timed = timed

    @contextmanager
    def work_on(self, path: Path, settings: PixelSettings) -> Iterator[OpenFile]:
        """A worker for this file."""
        yield OpenFile(path, settings, self._timed)

    def prove(self, descriptor: int, name: str, max_megapixels: float) -> None:
        """As `PhotoWorkers.prove`, but without a look at memory."""
        with self._timed("prove"):
            prove_open_file(descriptor, name, max_megapixels)

    def thumb(self, path: Path, longest: int, max_megapixels: float, page: int) -> Thumb:
        """The small picture of a file."""
        return thumb_of_page(path, longest, max_megapixels, page)

    @contextmanager
    def picture(
        self, path: Path, layers: Collection[Layer], page: int = 0, *, hurried: bool = False
    ) -> Iterator[OpenedPicture]:
        """A file that is shown to people, however large it is. This process keeps its priority."""
        del hurried
        yield OpenedPicture(path, layers, math.inf, page)

    def lay_out(self, path: Path, layout: Layout, target: Path) -> LaidOut:
        """A finished cut-out as a program asks, however large it is."""
        return lay_out(path, layout, target, math.inf)

    @contextmanager
    def attempts(
        self, path: Path, settings: PixelSettings, kept: KeptAttempts, *, hurried: bool = False
    ) -> Iterator[OpenAttempts]:
        """The alphas of attempts at a file. This process keeps its priority."""
        del hurried
        yield OpenAttempts(path, settings, kept)

    def close(self) -> None:
        """Nothing runs elsewhere."""
