"""Says how much more memory a photo takes while its renditions are made."""

from collections.abc import Sequence

from daemon.renditions.wanted import Rendition

_SOURCE_BYTES = 8  # a pixel of the subject at a rendition's size: light and alpha, 16 bit each; of all at once
_CANVAS_BYTES = 16  # a pixel of the one that is drawn, encoded and read back: measured, 24 megapixels at their own size
_PHOTO_BYTES = 11  # a pixel of a photo in work, see `pictures.memory_need`; half of it is free again by then
_MOST_LARGER = 2.0  # times the photo: a canvas that grows no further than the subject's own pixels


def need_with_renditions(photo_bytes: int, renditions: Sequence[Rendition]) -> int:
    """Bytes that a photo with these renditions takes at most. photo_bytes: what it takes without them."""
    sizes = [_pixels(rendition, photo_bytes / _PHOTO_BYTES) for rendition in renditions]
    beside = _SOURCE_BYTES * sum(sizes) + _CANVAS_BYTES * max(sizes, default=0)
    return photo_bytes + max(0, round(beside) - photo_bytes // 2)


def _pixels(rendition: Rendition, photo_pixels: float) -> float:
    canvas = rendition.canvas
    ratio = canvas.ratio or 1.0
    pixels = canvas.longest**2 * min(ratio, 1 / ratio)
    is_bounded = (canvas.grows or canvas.ratio is None) and not rendition.placing.enlarge
    return min(pixels, _MOST_LARGER * photo_pixels) if is_bounded else pixels
