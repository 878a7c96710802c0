"""Makes renditions of a result: lays them out, reads the cut-out once for all, draws, writes and proves each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from daemon.errors import BadPhoto, FreistellerError, Said
from daemon.pictures import credits, icc
from daemon.pictures.strip_picture import StripPicture
from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.drawn_rendition import draw
from daemon.renditions.encoded_rendition import CannotEncode, encoded_rendition, write
from daemon.renditions.evidence import ToProve
from daemon.renditions.grounds import Original
from daemon.renditions.layout import RenditionLayout, laid_out
from daemon.renditions.light_source import LightSource
from daemon.renditions.proof import prove
from daemon.renditions.subject_box import subject_box
from daemon.renditions.wanted import MadeRendition, Rendition
from daemon.work.composed_result import ComposedResult

_DPI = 300.0  # a tag that changes no pixel; shops that name one name this

To = tuple[Path, Rendition]
"""Where a rendition is written."""


def render(result: ComposedResult, original: Original, wanted: Sequence[To], tag: str) -> tuple[MadeRendition, ...]:
    """Write renditions of a result, each to its path, and hold each against its rules.

    original: gives the photo once more, whose colours are gone from memory by now. tag: the job's, for the metadata.
    One that cannot be made, also because it takes more memory than a worker gets, breaks the rule "made".
    Raises OSError, and what reading a photo in strips raises.
    """
    box = subject_box(result.rgba.alpha if isinstance(result.rgba, StripPicture) else result.rgba[..., 3])
    laid = [_or_fault(partial(laid_out, box, rendition)) for _, rendition in wanted]
    desk = _Desk(result, original, tag, _sources_of_all(result, [rendition for _, rendition in wanted], laid))
    return tuple(
        desk.made(path, rendition, layout)
        if isinstance(layout, RenditionLayout)
        else MadeRendition.not_made(rendition, str(layout))
        for (path, rendition), layout in zip(wanted, laid, strict=True)
    )


def _sources_of_all(
    result: ComposedResult, wanted: Sequence[Rendition], laid: Sequence[RenditionLayout | FreistellerError]
) -> dict[str, LightSource] | None:
    """As `_sources`; None if all at once take more memory than there is, so that each has to be read for by itself."""
    try:
        with _within_memory():
            return _sources(result, wanted, laid)
    except CannotDraw:
        return None


def _sources(
    result: ComposedResult, wanted: Sequence[Rendition], laid: Sequence[RenditionLayout | FreistellerError]
) -> dict[str, LightSource]:
    """The cut-out, read once for those renditions that are in sRGB, and once for those that keep its own colours."""
    layouts: dict[str, list[RenditionLayout]] = {}
    for rendition, layout in zip(wanted, laid, strict=True):
        if isinstance(layout, RenditionLayout):
            layouts.setdefault(rendition.encoding.colours, []).append(layout)
    profiles = {"srgb": result.photo.icc, "kept": None}
    with result.timed("render"):
        return {
            colours: LightSource.of(result.rgba, profiles[colours], of_these) for colours, of_these in layouts.items()
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    """Draws, writes and proves one rendition after the other."""

    result: ComposedResult
    original: Original
    tag: str
    sources: dict[str, LightSource] | None

    def made(self, path: Path, rendition: Rendition, layout: RenditionLayout) -> MadeRendition:
        """One rendition, as it was laid out. Raises OSError."""
        colours, timed = rendition.encoding.colours, self.result.timed
        profile = self.result.photo.icc if colours == "kept" else None
        metadata = credits.for_shops(self.result.photo.metadata, self.tag, profile, _DPI)
        try:
            with _within_memory(rendition.label):
                source = (self.sources or _sources(self.result, [rendition], [layout]))[colours]
                with timed("render"):
                    drawn = draw(source, layout, rendition, self.original, profile)
                with timed("encode"):
                    written = _with_ground_in(profile, rendition)
                    encoded = encoded_rendition(drawn.pixels, drawn.touched, written, metadata)
                    write(path, encoded)
                with timed("read_back"):
                    asked = ToProve(written, drawn.cover, drawn.touched, layout.share, layout.cut)
                    proofs = prove(path, asked)
        except _FAULTS as fault:
            return MadeRendition.not_made(rendition, str(fault))
        return MadeRendition(
            rendition,
            layout.size,
            len(encoded.content),
            layout.share,
            layout.scale,
            encoded.quality,
            proofs,
            drawn.remarks,
        )


def _with_ground_in(profile: bytes | None, rendition: Rendition) -> Rendition:
    """A rendition whose exact ground is asked for in the colours of its file. profile: the file's; None = sRGB."""
    colour = rendition.rules.exact_ground
    if profile is None or colour is None:
        return rendition
    red, green, blue = (int(part) for part in icc.out_of_srgb(np.array([[colour]], np.uint8), profile)[0, 0])
    return replace(rendition, rules=replace(rendition.rules, exact_ground=(red, green, blue)))


_FAULTS = (BadPhoto, CannotDraw, CannotEncode)


@contextmanager
def _within_memory(name: str = "") -> Iterator[None]:
    """Raise CannotDraw where the worker, whose memory is bounded by the size of the photo, gets no more."""
    try:
        yield
    except MemoryError as error:
        raise CannotDraw(Said("rendition_needs_memory", name=name)) from error
    except cv2.error as error:
        if getattr(error, "code", None) != cv2.Error.StsNoMem:
            raise
        raise CannotDraw(Said("rendition_needs_memory", name=name)) from error


def _or_fault(lay: Callable[[], RenditionLayout]) -> RenditionLayout | FreistellerError:
    try:
        return lay()
    except _FAULTS as fault:
        return fault
