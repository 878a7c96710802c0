"""JPEG 2000 pictures, bare or in the boxes of a JP2; their codestream is decoded by OpenCV (OpenJPEG).

OpenCV hands on all 16 bits, where Pillow keeps 8 of them, and is there wherever this program is. It gets the codestream
alone and gives its components as they are; what the boxes say of palettes, colours and alpha is done here. A codestream
that is cut off is refused by OpenJPEG, which is strict unless it is told otherwise.
"""

import os
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures import jp2_codestream
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.exif import orientation_in
from daemon.pictures.jp2_boxes import CMYK, GREY, SRGB, SYCC, Jpeg2000, told_by
from daemon.pictures.partial_file import PartialFile
from daemon.pictures.values import Decodable, Header, Samples

_COLOURS = {GREY: 1, SRGB: 3, SYCC: 3, CMYK: 4}
_READABLE_COMPONENTS, _BITS = (1, 3, 4), range(8, 17)  # that OpenCV hands on
_PREMULTIPLIED = 2
_CODES = 1 << 16
_AS_DECODED = {1: (0,), 3: (2, 1, 0), 4: (2, 1, 0, 3)}  # OpenCV begins with the third of several


def opened(descriptor: int) -> Decodable:
    """The picture in a JPEG 2000 file: (H, W, 1..4), 8 bit or 16. Raises Undecodable or Unsupported."""
    told = told_by(descriptor)
    places, colours = _channels(told)
    deepest = max(_bits_of(told, place) for place in places)
    header = Header(
        told.size.width,
        told.size.height,
        len(places),
        colours,
        sample="uchar" if deepest == 8 else "ushort",
        pages=1,
        orientation=orientation_in(told.metadata.exif),
        metadata=told.metadata,
    )
    pixels = partial(_pixels, descriptor, told, places, colours, header.sample == "ushort")
    return Decodable(header, pixels, pixels)


def _channels(told: Jpeg2000) -> tuple[tuple[tuple[int, int | None], ...], int]:
    """Of each channel of the picture its component and its column of the palette; and how many of them are colours.

    Colours come in their order, then the alpha if there is one. Raises Unsupported.
    """
    parts = told.size.components
    if len(parts) not in _READABLE_COMPONENTS:
        raise Unsupported(Said("jp2_channels", n=len(parts)))
    if any(each.is_signed for each in parts):
        raise Unsupported(Said("jp2_signed"))
    if not told.size.is_at_origin or not all(each.is_whole for each in parts):
        raise Unsupported(Said("jp2_subsampled"))
    if max(each.bits for each in parts) not in _BITS:
        raise Unsupported(Said("jp2_bits", n=max(each.bits for each in parts)))
    if told.space is not None and told.space not in _COLOURS:
        raise Unsupported(Said("jp2_colours", n=told.space))
    mapping = told.mapping if told.palette else tuple((number, None) for number in range(len(parts)))
    if not mapping or not all(_is_there(told, place) for place in mapping):
        raise Undecodable(Said("jp2_odd_channels"))
    colours = _COLOURS.get(told.space or 0) or _colours_of(told.metadata.icc) or (1 if len(mapping) < 3 else 3)
    named = {each.of: each.number for each in told.meanings if each.kind == 0}
    alphas = [each.number for each in told.meanings if each.kind in (1, _PREMULTIPLIED)]
    if not told.meanings and len(mapping) > colours:
        alphas = [colours]  # so most programs take a channel that no box speaks of
    order = [named.get(number + 1, number) for number in range(colours)] + alphas[:1]
    if max(order) >= len(mapping):
        raise Undecodable(Said("jp2_odd_channels"))
    return tuple(mapping[number] for number in order), colours


def _is_there(told: Jpeg2000, place: tuple[int, int | None]) -> bool:
    component, column = place
    columns = len(told.palette.bits) if told.palette and told.palette.rows else 0
    return component < len(told.size.components) and (column is None or column < columns)


def _bits_of(told: Jpeg2000, place: tuple[int, int | None]) -> int:
    component, column = place
    bits = told.size.components[component].bits
    if column is not None and told.palette:
        bits = told.palette.bits[column]
    return 8 if bits <= 8 else 16


def _colours_of(profile: bytes | None) -> int | None:
    return {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}.get((profile or b"")[16:20])


def _pixels(
    descriptor: int, told: Jpeg2000, places: tuple[tuple[int, int | None], ...], colours: int, is_deep: bool
) -> Samples:
    components = _decoded(descriptor, told)
    order = _AS_DECODED[components.shape[2]]
    full = 65535 if is_deep else 255
    picture: Samples = np.empty((*components.shape[:2], len(places)), np.uint16 if is_deep else np.uint8)
    for channel, (component, column) in enumerate(places):
        if column is not None and told.palette:
            bits, values = told.palette.bits[column], np.array([row[column] for row in told.palette.rows])
        else:
            bits, values = told.size.components[component].bits, np.arange(_CODES)
        scaled = np.rint(np.minimum(values / ((1 << bits) - 1), 1) * full).astype(picture.dtype)
        codes = components[..., order[component]]
        if not is_deep and bits == 8 and column is None:
            picture[..., channel] = codes
        else:
            np.take(scaled, codes, out=picture[..., channel], mode="clip")
    if told.space == SYCC:
        _to_rgb(picture)
    if len(places) > colours and any(each.kind == _PREMULTIPLIED for each in told.meanings):
        _divide_by_alpha(picture, full)
    return picture


def _decoded(descriptor: int, told: Jpeg2000) -> NDArray[np.uint8 | np.uint16]:
    """The components, (H, W, components), in the order of `_AS_DECODED`. Raises Undecodable."""
    try:  # OpenJPEG takes zeros for the end
        end = jp2_codestream.end_of(PartialFile(descriptor), told.start, told.end)
    except NotWholeYet as error:
        raise Undecodable(said_of(error)) from error
    content = np.frombuffer(os.pread(descriptor, end - told.start, told.start), np.uint8)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is told by us
    try:
        decoded = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise Undecodable(Said("jp2_broken")) from error
    if decoded is None or decoded.shape[:2] != (told.size.height, told.size.width):
        raise Undecodable(Said("jp2_broken"))
    components: NDArray[np.uint8 | np.uint16] = np.asarray(
        decoded.reshape(*decoded.shape[:2], -1), np.uint8 if decoded.dtype == np.uint8 else np.uint16
    )
    if components.shape[2] != len(told.size.components):
        raise Undecodable(Said("jp2_broken"))
    return components


def _to_rgb(picture: Samples) -> None:
    """sYCC (IEC 61966-2-1, amendment 1) in place: luma and two differences as in a JPEG."""
    for row in picture:
        red_last = np.ascontiguousarray(row[None, :, [0, 2, 1]])
        row[:, :3] = cv2.cvtColor(red_last, cv2.COLOR_YCrCb2RGB)[0]


def _divide_by_alpha(picture: Samples, full: int) -> None:
    """Colours that were multiplied by the alpha become themselves, in place."""
    for row in picture:
        alpha = np.maximum(row[:, -1:].astype(np.float32), 1)
        row[:, :-1] = np.rint(np.minimum(row[:, :-1] / alpha, 1) * full)
