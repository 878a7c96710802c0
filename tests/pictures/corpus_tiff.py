"""The TIFFs of the corpus: depths, colour models, layouts, compressions, transparency, pages, metadata, ends, sizes."""

import io
import struct
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.pictures.drawing import image_of, inward_profile, profile_with_a_poor_way_back
from tests.pictures.pieces import (
    CAMERA,
    DPI,
    HEIGHT,
    SIZES,
    WIDTH,
    Piece,
    as_grey,
    caption,
    exif_block,
    grey,
    grey_profile,
    in_profile,
    light_of,
    numbered,
    packet,
    rgb_profile,
    saved,
    scene,
    turned,
    wide,
)

_BYTES, _TEXT, _UNDEFINED = 1, 2, 7


def tiff(*pictures: NDArray[Any], **options: Any) -> bytes:
    """A TIFF as tifffile writes it, a page for each picture; `each` may give more options to each page."""
    file = io.BytesIO()
    each = options.pop("each", [{}] * len(pictures))
    with tifffile.TiffWriter(
        file, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")
    ) as writer:
        for picture, more in zip(pictures or (scene(),), each or [{}], strict=True):
            settings = {"photometric": "rgb" if picture.ndim == 3 else "minisblack", **options, **more}
            writer.write(picture, metadata=None, software=False, contiguous=False, **settings)
    return file.getvalue()


def pieces() -> Iterator[Piece]:
    """All TIFFs."""
    yield from numbered("tiff", "tif", _all())


def _all() -> Iterator[Piece]:
    yield from _depths()
    yield from _layouts()
    yield from _colours()
    yield from _transparency()
    yield from _pages()
    yield from _metadata()
    yield from _ends()
    for orientation in range(1, 9):
        lying = turned(scene(), orientation)
        yield _piece(f"orientation-{orientation}", tiff(lying, extratags=[(274, 3, 1, orientation, True)]))
    for width, height in SIZES:
        yield _piece(f"{width}x{height}", tiff(scene(width, height)), shown=scene(width, height))


def _piece(name: str, content: bytes, **more: Any) -> Piece:
    return Piece(name, content, "TIFF", **{"shown": scene(), **more})


def _depths() -> Iterator[Piece]:
    deep = wide(scene())
    yield _piece("rgb-8", tiff())
    yield _piece("rgb-16", tiff(deep))
    yield _piece("rgb-32", tiff(deep.astype(np.uint32) * 65537), as_is=False)
    yield _piece("rgb-float", tiff(light_of(scene()).astype(np.float32)), as_is=False, within=1.0)
    yield _piece("rgb-double", tiff(light_of(scene()).astype(np.float64)), refused=True)
    yield _piece("rgb-half", tiff(light_of(scene()).astype(np.float16)), as_is=False, within=1.0)
    yield _piece("rgb-signed", tiff((deep >> 1).astype(np.int16)), refused=True)
    steps = grey(scene())
    yield _piece("grey-8", tiff(steps), shown=as_grey(steps))
    yield _piece("grey-16", tiff(wide(steps)), shown=as_grey(steps))
    yield _piece("grey-32", tiff(wide(steps).astype(np.uint32) * 65537), shown=as_grey(steps), as_is=False)
    yield _piece("grey-8-white-is-0", tiff(255 - steps, photometric="miniswhite"), shown=as_grey(steps))
    yield _piece("grey-16-white-is-0", tiff(wide(255 - steps), photometric="miniswhite"), shown=as_grey(steps))
    two = as_grey(np.where(steps > 127, 255, 0).astype(np.uint8))
    for white_is_0, compression in product((False, True), ("none", "ccittfax4", "deflate", "packbits")):
        image = image_of(two[..., 0])
        content = bytes(
            image.tiffsave_buffer(bitdepth=1, miniswhite=white_is_0, compression=compression, predictor="none")
        )
        yield _piece(
            f"bilevel-{compression}-{'white' if white_is_0 else 'black'}-is-0", content, shown=two, as_is=False
        )
    for bits in (2, 4):
        few = steps >> (8 - bits)
        shown = as_grey(np.rint(few * (255 / (2**bits - 1))).astype(np.uint8))
        yield _piece(f"grey-{bits}", bytes(image_of(steps).tiffsave_buffer(bitdepth=bits)), shown=shown, within=40.0, as_is=False)  # fmt: skip # noqa: E501
    palette = np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 3, 0)
    yield _piece("palette-8", tiff(steps, photometric="palette", colormap=palette), shown=as_grey(steps))


def _layouts() -> Iterator[Piece]:
    for depth, compression in product((8, 16), ("none", "lzw", "deflate", "packbits")):
        image = image_of(scene() if depth == 8 else wide(scene()))
        for tiled in (False, True):
            tiles = {"tile": True, "tile_width": 16, "tile_height": 16} if tiled else {}
            content = bytes(image.tiffsave_buffer(compression=compression, **tiles))
            yield _piece(f"{compression}-{depth}-{'tiles' if tiled else 'strips'}", content)
    for compression in ("lzw", "deflate"):
        image = image_of(wide(scene()))
        content = bytes(image.tiffsave_buffer(compression=compression, predictor="horizontal"))
        yield _piece(f"{compression}-predicted", content)
    for tiled in (False, True):
        tiles = {"tile": True, "tile_width": 16, "tile_height": 16} if tiled else {}
        content = bytes(image_of(scene()).tiffsave_buffer(compression="jpeg", Q=96, **tiles))
        yield _piece(f"jpeg-{'tiles' if tiled else 'strips'}", content, within=12.0, as_is=False)
    yield _piece("big-endian", tiff(wide(scene()), byteorder=">"))
    yield _piece("bigtiff", tiff(bigtiff=True))
    yield _piece("bigtiff-big-endian", tiff(wide(scene()), bigtiff=True, byteorder=">"))
    for depth in (8, 16):
        planes = np.moveaxis(scene() if depth == 8 else wide(scene()), -1, 0)
        yield _piece(f"planes-{depth}", tiff(np.ascontiguousarray(planes), planarconfig="separate"))
        tiled_planes = tiff(np.ascontiguousarray(planes), planarconfig="separate", tile=(16, 16))
        yield _piece(f"planes-{depth}-tiles", tiled_planes)
    yield _piece("rows-by-one", tiff(rowsperstrip=1))
    yield _piece("rows-by-five", tiff(rowsperstrip=5, compression="zlib"))


def _colours() -> Iterator[Piece]:
    keeps = frozenset({"icc"})
    for name, depth in product(("srgb", "p3", "linear"), (8, 16)):
        lying = in_profile(scene(), rgb_profile(name))
        content = tiff(lying if depth == 8 else wide(lying), iccprofile=rgb_profile(name))
        yield _piece(f"icc-{name}-{depth}", content, keeps=keeps, within=3.0)
    p3 = in_profile(scene(), rgb_profile("p3"))
    yield _piece("icc-with-tail", tiff(p3, iccprofile=rgb_profile("p3") + bytes(40)), keeps=keeps, within=3.0)
    yield _piece("icc-cut", tiff(iccprofile=rgb_profile("srgb")[:-30]))
    yield _piece("icc-text", tiff(iccprofile=b"no profile at all " * 20))
    yield _piece("icc-inward", tiff(iccprofile=inward_profile()), shown=None, as_is=False)
    yield _piece("icc-poor-way", tiff(iccprofile=profile_with_a_poor_way_back()), shown=None, as_is=False)
    yield _piece("icc-of-grey", tiff(iccprofile=grey_profile(2.2)))
    lying = np.rint(255 * (grey(scene()) / 255) ** (2.2 / 1.8)).astype(np.uint8)
    for depth in (8, 16):
        values = lying if depth == 8 else wide(lying)
        yield _piece(f"grey-icc-{depth}", tiff(values, iccprofile=grey_profile(1.8)), shown=as_grey(grey(scene())), as_is=False, within=3.0)  # fmt: skip # noqa: E501
    for depth in (8, 16):
        separated = image_of(scene()).icc_transform("cmyk", intent="relative", depth=8)
        inks = np.asarray(separated.numpy())
        values = inks if depth == 8 else wide(inks)
        with_icc = tiff(values, photometric="separated", iccprofile=rgb_profile("cmyk"))
        yield _piece(f"cmyk-{depth}", tiff(values, photometric="separated"), shown=None, as_is=False)
        yield _piece(f"cmyk-icc-{depth}", with_icc, within=24.0, as_is=False)
    lab = image_of(scene()).colourspace("lab")
    yield _piece("lab-float", bytes(lab.tiffsave_buffer()), as_is=False, within=3.0)
    yield _piece("lab-16", tiff(_lab_16(np.asarray(lab.numpy())), photometric="cielab"), refused=True)
    yield _piece("ycbcr-bare", tiff(scene(), photometric="ycbcr"), refused=True)


def _lab_16(lab: NDArray[np.float32]) -> NDArray[np.uint16]:
    """CIELAB of 16 bit (TIFF 6.0, section 23): L from 0 to 65535, a and b signed, 256 steps a unit."""
    light = np.rint(lab[..., :1] * 655.35)
    return np.concatenate([light, np.rint(lab[..., 1:] * 256) % 65536], -1).astype(np.uint16)


def _transparency() -> Iterator[Piece]:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:4] = 0
    both = np.dstack([scene(), alpha])
    cleared = both * (alpha > 0)[..., None]
    for depth, kind in product((8, 16), ("unassalpha", "assocalpha", "unspecified")):
        values = cleared if kind == "assocalpha" else both
        content = tiff(values if depth == 8 else wide(values), extrasamples=[kind])
        yield _piece(f"rgba-{depth}-{kind}", content)
    pair = np.dstack([grey(scene()), alpha])
    yield _piece("grey-alpha", tiff(pair, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]), shown=as_grey(grey(scene())))  # fmt: skip # noqa: E501
    six = np.dstack([both, alpha[::-1], alpha])
    yield _piece("rgb-of-six", tiff(six, extrasamples=["unspecified", "unassalpha", "unspecified"]))


def _pages() -> Iterator[Piece]:
    other = np.ascontiguousarray(scene()[::-1])
    small = scene(WIDTH // 4, HEIGHT // 4)
    yield _piece("two-pages", tiff(scene(), other), pages=2)
    yield _piece("three-pages", tiff(scene(), other, np.ascontiguousarray(scene(HEIGHT, WIDTH))), pages=3)
    yield _piece("pages-of-all-depths", tiff(scene(), wide(other), grey(scene())), pages=3)
    yield _piece("ten-pages", tiff(*[scene()] * 10), pages=10)
    yield _piece("reduced-marked", tiff(scene(), small, each=[{}, {"subfiletype": 1}]))
    yield _piece("reduced-unmarked", tiff(scene(), small))
    yield _piece("reduced-by-255", tiff(scene(), small, each=[{}, {"extratags": [(255, 3, 1, 2, True)]}]))
    yield _piece("small-first", tiff(small, scene(), each=[{"subfiletype": 1}, {}]))
    yield _piece("small-first-unmarked", tiff(small, scene()))
    pyramid = bytes(image_of(scene(128, 96)).tiffsave_buffer(pyramid=True, tile=True, tile_width=32, tile_height=32))
    yield _piece("pyramid", pyramid, shown=scene(128, 96))
    below = image_of(scene(128, 96)).tiffsave_buffer(
        pyramid=True, subifd=True, tile=True, tile_width=32, tile_height=32
    )
    yield _piece("pyramid-below", bytes(below), shown=scene(128, 96))
    yield _piece("multipage-marked", tiff(scene(), other, each=[{"subfiletype": 2}, {"subfiletype": 2}]), pages=2)


def _metadata() -> Iterator[Piece]:
    def tagged(*tags: tuple[int, int, int, Any, bool], **more: Any) -> bytes:
        return tiff(extratags=list(tags), **more)

    model, xmp = (272, _TEXT, 0, CAMERA, True), (700, _BYTES, len(packet()), packet(), True)
    iptc = (33723, _UNDEFINED, len(caption()), caption(), True)
    as_long = (33723, 4, (len(caption()) + 3) // 4, caption().ljust((len(caption()) + 3) // 4 * 4, b"\0"), True)
    yield _piece("camera", tagged(model), keeps=frozenset({"exif"}))
    yield _piece("xmp", tagged(xmp), keeps=frozenset({"xmp"}))
    yield _piece("iptc", tagged(iptc), keeps=frozenset({"iptc"}))
    yield _piece("iptc-as-longs", tagged(as_long), keeps=frozenset({"iptc"}))
    much = caption(300)
    yield _piece("iptc-long", tagged((33723, _UNDEFINED, len(much), much, True)), keeps=frozenset({"iptc"}))
    dpi = frozenset({"dpi"})
    yield _piece("dpi", tiff(resolution=(DPI, DPI), resolutionunit="inch"), keeps=dpi)
    yield _piece("dpi-by-cm", tiff(resolution=(DPI / 2.54, DPI / 2.54), resolutionunit="centimeter"), keeps=dpi)
    yield _piece("dpi-unit-none", tiff(resolution=(118, 118), resolutionunit="none"))
    yield _piece("dpi-big-endian", tiff(resolution=(DPI, DPI), resolutionunit="inch", byteorder=">"), keeps=dpi)
    everything = tagged(model, xmp, iptc, resolution=(DPI, DPI), resolutionunit="inch", iccprofile=rgb_profile("srgb"))
    yield _piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "iptc", "dpi"}), within=3.0)
    big = tagged(model, xmp, iptc, resolution=(DPI, DPI), resolutionunit="inch", byteorder=">", bigtiff=True)
    yield _piece("everything-big", big, keeps=frozenset({"exif", "xmp", "iptc", "dpi"}))
    long_xmp = packet(blanks=100_000)
    yield _piece("xmp-100-kB", tagged((700, _BYTES, len(long_xmp), long_xmp, True)), keeps=frozenset({"xmp"}))
    yield _piece("broken-xmp", tagged((700, _BYTES, 9, b"<x:xmp <<", True)))
    yield _piece("by-pillow", saved(scene(), "TIFF", exif=exif_block(), dpi=(DPI, DPI)), keeps=frozenset({"dpi"}))


def _ends() -> Iterator[Piece]:
    whole = tiff()
    yield _piece("trailer", whole + b"and more" * 20)
    yield _piece("no-next-link", _without_last_link(whole))
    yield _piece("cut-at-half", whole[: len(whole) // 2], refused=True)
    yield _piece("link-to-itself", _linked_to_itself(whole))
    packed = bytes(image_of(scene()).tiffsave_buffer(compression="deflate"))
    yield _piece("broken-strip", _broken(packed), refused=True)
    tiles = image_of(scene()).tiffsave_buffer(compression="deflate", tile=True, tile_width=16, tile_height=16)
    yield _piece("broken-tile", _broken(bytes(tiles)), refused=True)
    for number in (99, 50000, 50001, 34925):  # unknown, Zstandard, WebP, LZMA
        yield _piece(f"compression-{number}", _with_compression(whole, number), refused=True)
    yield _piece("called.jpg", whole)


def _first_directory(content: bytes) -> tuple[int, int]:
    """Where the first directory of a little-endian TIFF begins, and where its link lies."""
    start = int.from_bytes(content[4:8], "little")
    return start, start + 2 + 12 * int.from_bytes(content[start : start + 2], "little")


def _without_last_link(content: bytes) -> bytes:
    """The same with its directory at the end of the file, and no link behind it."""
    start, link = _first_directory(content)
    return content[:4] + struct.pack("<I", len(content)) + content[8:] + content[start:link]


def _linked_to_itself(content: bytes) -> bytes:
    start, link = _first_directory(content)
    return content[:link] + struct.pack("<I", start) + content[link + 4 :]


def _entry(content: bytes, tag: int) -> int:
    start, link = _first_directory(content)
    return next(at for at in range(start + 2, link, 12) if content[at : at + 2] == tag.to_bytes(2, "little"))


def _with_compression(content: bytes, number: int) -> bytes:
    at = _entry(content, 259) + 8
    return content[:at] + struct.pack("<I", number) + content[at + 4 :]


def _broken(content: bytes) -> bytes:
    """With the middle of the first strip or tile as zeros."""
    start, link = _first_directory(content)
    tags = {int.from_bytes(content[at : at + 2], "little"): at for at in range(start + 2, link, 12)}
    offsets = tags.get(324, tags.get(273))
    assert offsets is not None
    number, value = struct.unpack_from("<II", content, offsets + 4)
    at = value if number == 1 else int.from_bytes(content[value : value + 4], "little")
    return content[: at + 12] + bytes(20) + content[at + 32 :]
