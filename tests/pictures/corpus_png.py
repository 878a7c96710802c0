"""The PNGs of the corpus: depths, palettes, transparency, chunks that tell colours, places of metadata, ends, sizes."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.pictures.drawing import image_of, inward_profile, png_chunk, profile_with_a_poor_way_back
from tests.pictures.pieces import (
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
    itxt,
    light_of,
    numbered,
    packet,
    raw_profile,
    resources,
    rgb_profile,
    saved,
    scene,
    turned,
    wide,
    with_chunks,
)

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6  # PNG, third edition, 11.2.1
_EXIF = exif_block()[6:]


def png(picture: Any = None, **options: Any) -> bytes:
    """A PNG of 8 bit."""
    return saved(scene() if picture is None else picture, "PNG", **options)


def pieces() -> Iterator[Piece]:
    """All PNGs."""
    yield from numbered("png", "png", _all())


def _all() -> Iterator[Piece]:
    yield from _depths()
    yield from _transparency()
    yield from _colours()
    yield from _metadata()
    yield from _ends()
    for orientation in range(1, 9):
        content = png(turned(scene(), orientation), exif=exif_block(orientation))
        yield _piece(f"orientation-{orientation}", content, keeps=frozenset({"exif"}))
    for width, height in SIZES:
        yield _piece(f"{width}x{height}", png(scene(width, height)), shown=scene(width, height))


def _piece(name: str, content: bytes, **more: Any) -> Piece:
    return Piece(name, content, "PNG", **{"shown": scene(), **more})


def _depths() -> Iterator[Piece]:
    yield _piece("rgb-8", png())
    deep = wide(scene())
    yield _piece("rgb-16", _drawn(deep, 16, _RGB))
    yield _piece("rgb-8-interlaced", bytes(image_of(scene()).pngsave_buffer(interlace=True)))
    yield _piece("rgb-16-interlaced", bytes(image_of(deep).pngsave_buffer(interlace=True)))
    for bits in (1, 2, 4, 8, 16):
        steps = grey(scene()) >> (8 - min(bits, 8))
        shown = as_grey(np.rint(steps * (255 / (2 ** min(bits, 8) - 1))).astype(np.uint8))
        values = wide(grey(scene())) if bits == 16 else steps
        yield _piece(f"grey-{bits}", _drawn(values, bits, _GREY), shown=shown)
    for bits in (1, 2, 4, 8):
        entries = 2**bits
        indices = (grey(scene()) >> (8 - bits)).astype(np.uint8)
        colours = scene(entries, 1)[0]
        yield _piece(
            f"palette-{bits}",
            _drawn(indices, bits, _PALETTE, png_chunk(b"PLTE", colours.tobytes())),
            shown=colours[indices],
        )
    yield _piece("no-compression", png(compress_level=0))
    yield _piece("filters", bytes(image_of(scene()).pngsave_buffer(filter="all")))


def _transparency() -> Iterator[Piece]:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:4], alpha[4:6] = 0, 128
    both = np.dstack([scene(), alpha])
    yield _piece("rgba-8", png(both))
    yield _piece("rgba-16", _drawn(wide(both), 16, _RGB_ALPHA))
    yield _piece("rgba-8-interlaced", bytes(image_of(both).pngsave_buffer(interlace=True)))
    pair = np.dstack([grey(scene()), alpha])
    yield _piece("grey-alpha-8", _drawn(pair, 8, _GREY_ALPHA), shown=as_grey(grey(scene())))
    yield _piece("grey-alpha-16", _drawn(wide(pair), 16, _GREY_ALPHA), shown=as_grey(grey(scene())))
    corner = scene()[0, 0]
    yield _piece("rgb-key", png(transparency=tuple(int(value) for value in corner)))
    key = int(grey(scene())[0, 0])
    yield _piece("grey-key", png(grey(scene()), transparency=key), shown=as_grey(grey(scene())))
    key_16 = png_chunk(b"tRNS", struct.pack(">3H", *(int(value) * 257 for value in corner)))
    yield _piece("rgb-16-key", _drawn(wide(scene()), 16, _RGB, key_16))
    indices, colours = (grey(scene()) >> 4).astype(np.uint8), scene(16, 1)[0]
    tables = png_chunk(b"PLTE", colours.tobytes()) + png_chunk(b"tRNS", bytes([0, 128]))
    yield _piece("palette-key", _drawn(indices, 4, _PALETTE, tables), shown=colours[indices])
    yield _piece("all-clear", png(np.dstack([scene(), np.zeros_like(alpha)])), shown=None)


def _colours() -> Iterator[Piece]:
    keeps = frozenset({"icc"})
    for name in ("srgb", "p3", "linear"):
        yield _piece(f"icc-{name}", png(in_profile(scene(), rgb_profile(name)), icc_profile=rgb_profile(name)), keeps=keeps, within=3.0)  # fmt: skip # noqa: E501
    yield _piece("icc-with-tail", png(in_profile(scene(), rgb_profile("p3")), icc_profile=rgb_profile("p3") + bytes(40)), shown=None)  # fmt: skip # noqa: E501
    yield _piece("icc-cut", png(icc_profile=rgb_profile("srgb")[:-30]))
    yield _piece("icc-text", png(icc_profile=b"no profile at all " * 20))
    yield _piece("icc-inward", png(icc_profile=inward_profile()), shown=None, as_is=False)
    yield _piece("icc-poor-way", png(icc_profile=profile_with_a_poor_way_back()), shown=None, as_is=False)
    yield _piece("icc-of-grey", png(icc_profile=grey_profile(2.2)))
    yield _piece("icc-of-cmyk", png(icc_profile=rgb_profile("cmyk")))
    lying = np.rint(255 * (grey(scene()) / 255) ** (2.2 / 1.8)).astype(np.uint8)
    yield _piece("grey-icc", png(lying, icc_profile=grey_profile(1.8)), shown=as_grey(grey(scene())), as_is=False, within=3.0)  # fmt: skip # noqa: E501
    p3 = in_profile(scene(), rgb_profile("p3"))
    yield _piece("cicp-p3", with_chunks(png(p3), png_chunk(b"cICP", bytes([12, 13, 0, 1]))), within=3.0)
    yield _piece("cicp-srgb", with_chunks(png(), png_chunk(b"cICP", bytes([1, 13, 0, 1]))))
    yield _piece("cicp-unknown", with_chunks(png(), png_chunk(b"cICP", bytes([200, 13, 0, 1]))))
    yield _piece("cicp-pq", with_chunks(png(), png_chunk(b"cICP", bytes([9, 16, 0, 1]))), shown=None, as_is=False)
    yield _piece(
        "srgb-chunk", with_chunks(png(), png_chunk(b"sRGB", b"\0") + png_chunk(b"gAMA", struct.pack(">I", 45455)))
    )
    light = np.rint(255 * light_of(scene())).astype(np.uint8)
    chrm = png_chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))
    yield _piece("gamma-1", with_chunks(png(light), png_chunk(b"gAMA", struct.pack(">I", 100_000))), within=3.0)
    yield _piece(
        "gamma-1-chrm", with_chunks(png(light), png_chunk(b"gAMA", struct.pack(">I", 100_000)) + chrm), within=3.0
    )
    yield _piece("gamma-0", with_chunks(png(), png_chunk(b"gAMA", bytes(4))))
    yield _piece("chrm-alone", with_chunks(png(), chrm))


def _metadata() -> Iterator[Piece]:
    exif, xmp, iptc = frozenset({"exif"}), frozenset({"xmp"}), frozenset({"iptc"})
    yield _piece("dpi", png(dpi=(DPI, DPI)), keeps=frozenset({"dpi"}))
    yield _piece("dpi-unknown-unit", with_chunks(png(), png_chunk(b"pHYs", struct.pack(">IIB", 300, 300, 0))))
    yield _piece("exif", with_chunks(png(), png_chunk(b"eXIf", _EXIF)), keeps=exif)
    yield _piece("exif-behind", with_chunks(png(), behind=png_chunk(b"eXIf", _EXIF)), keeps=exif)
    yield _piece("exif-raw", with_chunks(png(), raw_profile(b"exif", exif_block())), keeps=exif)
    yield _piece("exif-raw-app1", with_chunks(png(), raw_profile(b"APP1", exif_block())), keeps=exif)
    yield _piece("exif-raw-behind", with_chunks(png(), behind=raw_profile(b"exif", exif_block())), keeps=exif)
    yield _piece("xmp", with_chunks(png(), itxt(packet())), keeps=xmp)
    yield _piece("xmp-compressed", with_chunks(png(), itxt(packet(), compressed=True)), keeps=xmp)
    yield _piece("xmp-behind", with_chunks(png(), behind=itxt(packet())), keeps=xmp)
    yield _piece("xmp-behind-compressed", with_chunks(png(), behind=itxt(packet(), compressed=True)), keeps=xmp)
    yield _piece("xmp-raw", with_chunks(png(), raw_profile(b"xmp", packet())), keeps=xmp)
    yield _piece("iptc-raw", with_chunks(png(), raw_profile(b"iptc", resources(caption()))), keeps=iptc)
    yield _piece("iptc-raw-bare", with_chunks(png(), raw_profile(b"iptc", caption())), keeps=iptc)
    plain = raw_profile(b"iptc", resources(caption()), compressed=False)
    yield _piece("iptc-raw-plain-behind", with_chunks(png(), behind=plain), keeps=iptc)
    yield _piece("iptc-raw-8bim", with_chunks(png(), raw_profile(b"8bim", resources(caption()))), keeps=iptc)
    before = png_chunk(b"eXIf", _EXIF) + itxt(packet()) + raw_profile(b"iptc", resources(caption()))
    everything = with_chunks(png(dpi=(DPI, DPI), icc_profile=rgb_profile("srgb")), before)
    yield _piece("everything", everything, keeps=exif | xmp | iptc | {"icc", "dpi"}, within=3.0)
    yield _piece("broken-raw", with_chunks(png(), png_chunk(b"zTXt", b"Raw profile type iptc\0\0" + b"no such data")))
    yield _piece("broken-exif", with_chunks(png(), png_chunk(b"eXIf", b"II*\0\xff\xff\xff\xff" + bytes(9))))
    yield _piece("texts", with_chunks(png(), png_chunk(b"tEXt", b"Software\0drawn"), png_chunk(b"tIME", bytes([7, 230, 1, 1, 0, 0, 0]))))  # fmt: skip # noqa: E501


def _ends() -> Iterator[Piece]:
    yield _piece("trailer", png() + b"and more" * 20)
    yield _piece("cut-at-half", png()[: len(png()) // 2], refused=True)
    yield _piece("no-end", png()[:-12])
    yield _piece("broken-pixels", _with_broken_pixels(png()), refused=True)
    frames = [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]
    yield _piece("animated", saved(frames[0], "PNG", save_all=True, append_images=frames[1:]), refused=True)
    yield _piece("called.jpg", png())


def _with_broken_pixels(content: bytes) -> bytes:
    at = content.index(b"IDAT") + 30
    return content[:at] + bytes(40) + content[at + 40 :]


def _drawn(values: NDArray[Any], bits: int, colour_type: int, before: bytes = b"") -> bytes:
    """A PNG by hand: (H, W) or (H, W, channels), each value below 2**bits."""
    height, width = values.shape[:2]
    if bits < 8:
        every_bit = np.unpackbits(values.reshape(height, width, 1).astype(np.uint8), axis=-1)[..., -bits:]
        rows = np.packbits(every_bit.reshape(height, -1), axis=1)
    else:
        rows = np.frombuffer(values.astype(">u2" if bits == 16 else "u1").tobytes(), np.uint8).reshape(height, -1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", zlib.compress(lines)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks
