"""Reads a file as a photo: upright, at its own depth, in its own colours.

The first bytes of a file say what it is, its name never does. If a file holds several pictures (a phone's JPEG with a
preview behind it, a burst in HEIC), the main one is the photo; each page of a TIFF is a photo. Animations (WebP, PNG,
GIF) are not photos.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from daemon.errors import BadPage, BadPhoto, NotWholeYet, Said, Vanished, said_of
from daemon.pictures import decoding, icc, iptc, signatures, tiff_page, tiff_pages
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.file_structure import remarks_on
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.memory_need import Need, comes_in_strips, need_of
from daemon.pictures.opened_file import opened
from daemon.pictures.photo import Photo
from daemon.pictures.png_chunks import is_animated
from daemon.pictures.tiles import TILE
from daemon.pictures.told_colours import Told, told_colours
from daemon.pictures.upright import QUARTER_TURNS
from daemon.pictures.values import Header, Metadata, Samples

# libvips searches all tiles of a row for each tile that it reads: two rows of 1,600 take 0.3 s, of 3,100 take 2.5 s.
_MOST_TILES_IN_A_ROW = 2048
_SMALLER = "page {} was not cut out: it has the shape of another page and at most half its size"


def pages_of(path: Path) -> tuple[int, ...]:
    """Which pictures of a file are photos, counted from 0: the pages of a TIFF, the first picture of other files.

    Raises BadPhoto and RootAway as `open_photo` does.
    """
    with _as_bad_photo(path.name), opened(path, path.name) as descriptor:
        return _photos_in(descriptor, _kind(descriptor, path.name)).photos


def open_photo(path: Path, max_megapixels: float, page: int | None = None) -> Photo:
    """Decode a photo. page: of a TIFF, counted from 0, as in `pages_of`; None for the first of these.

    Raises BadPhoto with a reason that a person understands, BadPage if that concerns this page alone, and RootAway if
    the disk does not answer.
    """
    return _decoded(path, _found(path, max_megapixels, page))


def open_for_work(path: Path, max_megapixels: float, page: int | None = None) -> Photo | LargePhoto:
    """The same photo; if it is large and its file can be read row by row, it is not in memory (`comes_in_strips`).

    Raises what `open_photo` raises.
    """
    found = _found(path, max_megapixels, page)
    if not found.in_strips:
        return _decoded(path, found)
    strips = partial(_strips, path, found)
    size = found.header.width, found.header.height
    with _as_bad_photo(_called(path, found.page)), opened(path, path.name) as descriptor:
        profile = decoding.decoded_profile(descriptor, found.kind, found.profile, found.page)
    metadata = replace(found.metadata, icc=profile)
    return LargePhoto.of(strips, size, metadata=metadata, format=found.kind, remarks=found.remarks)


def open_small(path: Path, longest: int, max_megapixels: float, page: int | None = None) -> Photo:
    """The same photo with no side longer than `longest` pixels, for looking at; it is never in memory at full size.

    Raises what `open_photo` raises.
    """
    return _decoded(path, _found(path, max_megapixels, page), longest)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file says of one page.

    profile: the ICC profile to decode with. alpha_extra: as `decoding.decode`. told: its colours beside an ICC profile.
    """

    page: int
    kind: str
    header: Header
    profile: bytes | None
    metadata: Metadata
    remarks: tuple[str, ...]
    alpha_extra: int | None
    in_strips: bool
    told: Told


def _found(path: Path, max_megapixels: float, wanted: int | None) -> _Found:
    name = _called(path, wanted)
    with _as_bad_photo(name), opened(path, path.name) as descriptor:
        kind = _kind(descriptor, path.name)
        photos, smaller = _photos_in(descriptor, kind)
        page = photos[0] if wanted is None else wanted
        header = _header(descriptor, kind, name, max_megapixels, page)
        tags = tiff_page.Tags(descriptor, page) if kind in ("tiff", "raw") else None
        profile, remarks = icc.usable_profile(header)
        metadata = replace(header.metadata, iptc=iptc.records(header.metadata.iptc))
        if tags is not None:
            metadata = tags.added_to(metadata)
        told = told_colours(descriptor, kind, replace(header, metadata=metadata))
        if profile is None or told.counts:
            profile = told.profile
        if metadata.dpi_down and header.orientation in QUARTER_TURNS:
            metadata = replace(metadata, dpi=metadata.dpi_down, dpi_down=metadata.dpi)
        alpha_extra = 0 if tags is None else tags.alpha_extra
        remarks += told.remarks
        if page == photos[0]:  # of the whole file, which is followed to its end for that
            remarks += (*remarks_on(descriptor), *(_SMALLER.format(number + 1) for number in smaller))
        in_strips = comes_in_strips(kind, header, tags)
        return _Found(page, kind, header, profile, metadata, remarks, alpha_extra, in_strips, told)


def _decoded(path: Path, found: _Found, longest: int | None = None) -> Photo:
    with _as_bad_photo(_called(path, found.page)), opened(path, path.name) as descriptor:
        rgba, has_alpha, profile = decoding.decode(
            descriptor, found.kind, found.profile, found.alpha_extra, found.page, longest, found.header.orientation
        )
    rgba = found.told.applied(rgba)
    return Photo(rgba, has_alpha, replace(found.metadata, icc=profile), found.kind, found.remarks)


def _strips(path: Path, found: _Found) -> Iterator[Samples]:
    with _as_bad_photo(_called(path, found.page)), opened(path, path.name) as descriptor:
        for strip in decoding.decode_in_strips(descriptor, found.kind, found.profile, found.page, TILE):
            yield found.told.applied(strip)


def memory_need(path: Path, max_megapixels: float, page: int | None = None) -> Need:
    """How much memory a file takes at most, to be proven and to be worked on, by its header alone.

    Raises BadPhoto and RootAway as `open_photo` does.
    """
    name = _called(path, page)
    with _as_bad_photo(name), opened(path, path.name) as descriptor:
        kind = _kind(descriptor, path.name)
        page = _photos_in(descriptor, kind).photos[0] if page is None else page
        header = _header(descriptor, kind, name, max_megapixels, page)
        tags = tiff_page.Tags(descriptor, page) if kind == "tiff" else None
        return need_of(kind, header, os.fstat(descriptor).st_size, tags)


def prove_decodes(path: Path, max_megapixels: float, name: str = "") -> None:
    """Prove that a file is a photo and decodes to its last line; holds only a few lines of it in memory.

    Of a TIFF of several pages, the first that can be decoded: the others are seen to when they are cut out.
    name: what people call the file; "" = the last part of its path.

    Raises BadPhoto if it will never be a photo (another kind of file, too large, animated), NotWholeYet if it is
    damaged, cut off or locked, which time may put right, Vanished if it is gone, and RootAway if the disk does not
    answer.
    """
    name = name or path.name
    with opened(path, name) as descriptor:
        kind = _kind(descriptor, name)
        first, *others = _photos_in(descriptor, kind).photos
        try:
            _prove_page(descriptor, kind, name, max_megapixels, first)
        except (BadPage, NotWholeYet):
            if not any(_is_proven(descriptor, kind, name, max_megapixels, page) for page in others):
                raise


def _prove_page(descriptor: int, kind: str, name: str, max_megapixels: float, page: int) -> None:
    try:
        _header(descriptor, kind, name, max_megapixels, page)
        decoding.prove(descriptor, kind, page)
    except Unsupported as error:
        raise BadPage(_unsupported(name, error)) from error
    except Undecodable as error:
        raise NotWholeYet(_damaged(name, error)) from error


def _is_proven(descriptor: int, kind: str, name: str, max_megapixels: float, page: int) -> bool:
    with suppress(BadPhoto, NotWholeYet):
        _prove_page(descriptor, kind, name, max_megapixels, page)
        return True
    return False


@contextmanager
def _as_bad_photo(name: str) -> Iterator[None]:
    """Nothing will be waited for: whatever is wrong with the file, it is a bad photo."""
    try:
        yield
    except Unsupported as error:
        raise BadPage(_unsupported(name, error)) from error
    except Undecodable as error:
        raise BadPage(_damaged(name, error)) from error
    except (Vanished, NotWholeYet) as error:
        raise BadPhoto(said_of(error)) from error


def _kind(descriptor: int, name: str) -> str:
    head = os.pread(descriptor, signatures.HEAD_BYTES, 0)
    kind = signatures.kind_of(head)
    if kind == "tiff" and tiff_pages.is_camera_raw(descriptor):
        return "raw"
    if kind is not None:
        return kind
    if signatures.may_become_a_photo(head):
        raise NotWholeYet(Said("begins_with_nothing", name=name))
    raise BadPhoto(Said("not_a_photo", name=name, what=signatures.stranger(head)))


def _photos_in(descriptor: int, kind: str) -> tiff_pages.PhotoPages:
    return tiff_pages.photo_pages(descriptor) if kind == "tiff" else tiff_pages.PhotoPages((0,))


def _header(descriptor: int, kind: str, name: str, max_megapixels: float, page: int) -> Header:
    """The header of a file that is worth decoding. Raises BadPhoto or Undecodable."""
    header = decoding.read_header(descriptor, kind, page)
    megapixels = header.width * header.height / 1e6
    if megapixels > max_megapixels:
        raise BadPage(
            Said(
                "too_many_pixels",
                name=name,
                width=header.width,
                height=header.height,
                megapixels=round(megapixels),
                most=max_megapixels,
            )
        )
    if (kind in ("webp", "gif", "jxl") and header.pages > 1) or (kind == "png" and is_animated(descriptor)):
        raise BadPhoto(Said("animated", name=name))
    if kind == "tiff" and tiff_page.Tags(descriptor, page).in_bare_ycbcr:
        raise Unsupported(Said("bare_ycbcr"))
    if header.tile[0] and header.width > header.tile[0] * _MOST_TILES_IN_A_ROW:
        raise Unsupported(Said("wide_row_of_tiles", width=header.width, tile=header.tile[0]))
    if header.colours == 0:
        raise BadPage(Said("no_photo_channels", name=name))
    return header


def _called(path: Path, page: int | None) -> str:
    return f"{path.name}, page {page + 1}," if page else path.name


def _damaged(name: str, reason: Exception) -> Said:
    return Said("damaged", name=name, detail=reason)


def _unsupported(name: str, reason: Exception) -> Said:
    return Said("unreadable_kind", name=name, detail=reason)
