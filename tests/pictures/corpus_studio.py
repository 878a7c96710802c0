"""The JPEG 2000, GIF and Photoshop files of the corpus."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from tests.pictures import jpeg_2000_files as jpeg_2000
from tests.pictures import psd_files
from tests.pictures.drawing import image_of
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
    in_profile,
    numbered,
    packet,
    rgb_profile,
    saved,
    scene,
    turned,
    wide,
)

_SRGB, _GREY = 16, 17  # of a colour box (ISO/IEC 15444-1, I.5.3.3)
_EXIF_ID, _IPTC_ID = b"JpgTiffExif->JP2", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_RESOLUTION, _VERSION, _IPTC, _ICC, _EXIF, _XMP = 1005, 1057, 1028, 1039, 1058, 1060
_MAGIC = b"\1" + bytes(range(255, -1, -1)) + b"\0"  # behind XMP in a GIF


def pieces() -> Iterator[Piece]:
    """All files of these formats."""
    for kind, drawn in (("jp2", _jpeg_2000()), ("gif", _gif()), ("psd", _psd())):
        yield from numbered(kind, kind, drawn)


def _alpha() -> Any:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:4] = 0
    return alpha


def _jpeg_2000() -> Iterator[Piece]:
    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "JPEG 2000", **{"shown": scene(), **more})

    def boxed(picture: Any, inside: bytes = jpeg_2000.colours(_SRGB), behind: bytes = b"") -> bytes:
        return jpeg_2000.jp2(jpeg_2000.codestream(picture), inside, behind)

    rgb, steps = scene(), grey(scene())
    exif, xmp = jpeg_2000.box(b"uuid", _EXIF_ID + exif_block()[6:]), jpeg_2000.box(b"uuid", _XMP_ID + packet())
    iptc, size = jpeg_2000.box(b"uuid", _IPTC_ID + caption()), jpeg_2000.resolution(11811, 11811)
    icc = jpeg_2000.profile_box(rgb_profile("p3"))
    yield piece("plain", boxed(rgb))
    yield piece("bare.j2k", jpeg_2000.codestream(rgb))
    large = scene(96, 64)  # OpenCV codes no smaller ones of 16 bit
    yield piece("16-bit", boxed(wide(large)), shown=large, as_is=False)
    yield piece("grey", boxed(steps, jpeg_2000.colours(_GREY)), shown=as_grey(steps))
    yield piece("grey-16", boxed(wide(grey(large)), jpeg_2000.colours(_GREY)), shown=as_grey(grey(large)), as_is=False)
    yield piece("alpha", boxed(np.dstack([rgb, _alpha()])))
    yield piece("lossy", saved(rgb, "JPEG2000", quality_mode="dB", quality_layers=[44], irreversible=True), within=6.0)
    yield piece("tiles", saved(rgb, "JPEG2000", tile_size=(16, 16)))
    yield piece("open-end", jpeg_2000.jp2(jpeg_2000.codestream(rgb), jpeg_2000.colours(_SRGB), open_end=True))
    yield piece("icc-p3", boxed(in_profile(rgb, rgb_profile("p3")), icc), keeps=frozenset({"icc"}), within=3.0)
    yield piece("exif", boxed(rgb, behind=exif), keeps=frozenset({"exif"}))
    yield piece("xmp", boxed(rgb, behind=xmp), keeps=frozenset({"xmp"}))
    yield piece("iptc", boxed(rgb, behind=iptc), keeps=frozenset({"iptc"}))
    yield piece("dpi", boxed(rgb, jpeg_2000.colours(_SRGB) + size), keeps=frozenset({"dpi"}))
    everything = boxed(rgb, jpeg_2000.profile_box(rgb_profile("srgb")) + size, exif + xmp + iptc)
    yield piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "iptc", "dpi"}), within=3.0)
    yield piece("trailer", boxed(rgb) + b"and more of a tool's")
    yield piece("cut-at-half", boxed(rgb)[: len(boxed(rgb)) // 2], refused=True)
    for orientation in range(1, 9):
        told = jpeg_2000.box(b"uuid", _EXIF_ID + exif_block(orientation)[6:])
        lying = boxed(turned(rgb, orientation), behind=told)
        yield piece(f"orientation-{orientation}", lying, keeps=frozenset({"exif"}), as_is=False)
    for width, height in SIZES:
        yield piece(f"{width}x{height}", boxed(scene(width, height)), shown=scene(width, height))


def _gif() -> Iterator[Piece]:
    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "GIF", **{"within": 20.0, "shown": scene(), **more})

    few = Image.fromarray(scene()).quantize(200)
    yield piece("plain", saved(few, "GIF"))
    yield piece("interlaced", saved(few, "GIF", interlace=True))
    yield piece("not-interlaced", saved(few, "GIF", interlace=False))
    yield piece("grey", saved(grey(scene()), "GIF"), shown=as_grey(grey(scene())), within=0.5)
    yield piece("two-colours", saved(Image.fromarray(grey(scene()) > 127), "GIF"), shown=None)
    yield piece("transparent", saved(few, "GIF", transparency=int(np.asarray(few)[0, 0])))
    yield piece("comment", saved(few, "GIF", comment=b"drawn by hand"))
    xmp = b"\x21\xff\x0bXMP DataXMP" + packet() + _MAGIC
    start = saved(few, "GIF").index(b"\x2c\0\0\0\0")
    yield piece("xmp", saved(few, "GIF")[:start] + xmp + saved(few, "GIF")[start:], keeps=frozenset({"xmp"}))
    name = b"\x21\xff\x0bICCRGBG1012"
    parts = [rgb_profile("srgb")[at : at + 255] for at in range(0, len(rgb_profile("srgb")), 255)]
    icc = name + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    yield piece("icc-srgb", saved(few, "GIF")[:start] + icc + saved(few, "GIF")[start:], keeps=frozenset({"icc"}))
    yield piece("no-end", saved(few, "GIF")[:-1], as_is=False)
    yield piece("cut-at-half", saved(few, "GIF")[: len(saved(few, "GIF")) // 2], refused=True)
    others = [Image.fromarray(scene()[::-1]).quantize(200)]
    yield piece("animated", saved(few, "GIF", save_all=True, append_images=others), refused=True)
    for width, height in SIZES:
        picture = Image.fromarray(scene(width, height)).quantize(200)
        yield piece(f"{width}x{height}", saved(picture, "GIF"), shown=scene(width, height))


def _psd() -> Iterator[Piece]:
    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "PSD", **{"shown": scene(), **more})

    rgb, steps = scene(), grey(scene())
    psd = psd_files.psd
    yield piece("plain", psd(rgb))
    yield piece("not-packed", psd(rgb, in_runs=False))
    yield piece("16-bit", psd(wide(rgb)), as_is=False)
    yield piece("16-bit-not-packed", psd(wide(rgb), in_runs=False), as_is=False)
    yield piece("large.psb", psd(rgb, is_big=True), as_is=False)
    yield piece("grey", psd(steps, psd_files.GREY), shown=as_grey(steps))
    yield piece("grey-16", psd(wide(steps), psd_files.GREY), shown=as_grey(steps), as_is=False)
    two = (steps > 127).astype(np.uint8)
    yield piece("bitmap", psd(1 - two, psd_files.BITMAP, bits=1), shown=as_grey(two * 255), as_is=False)
    ramp = np.arange(256, dtype=np.uint8)
    yield piece("indexed", psd(steps, psd_files.INDEXED, palette=ramp.tobytes() * 3), shown=as_grey(steps))
    on_white = np.where(_alpha()[..., None] > 0, rgb, 255).astype(np.uint8)
    transparent = psd(np.dstack([on_white, _alpha()]), layers=psd_files.layers(-1))
    yield piece("transparency", transparent, as_is=False)
    yield piece("selection", psd(np.dstack([rgb, _alpha()]), layers=psd_files.layers(1)), as_is=False)
    inks = np.asarray(image_of(rgb).icc_transform("cmyk", intent="relative").numpy())
    cmyk = {_ICC: rgb_profile("cmyk")}
    yield piece("cmyk", psd(255 - inks, psd_files.CMYK), shown=None, as_is=False)
    yield piece("cmyk-icc", psd(255 - inks, psd_files.CMYK, resources=cmyk), within=24.0, as_is=False)
    p3 = psd(in_profile(rgb, rgb_profile("p3")), resources={_ICC: rgb_profile("p3")})
    yield piece("icc-p3", p3, keeps=frozenset({"icc"}), within=3.0)
    told = {
        _RESOLUTION: psd_files.resolution(DPI, DPI), _IPTC: caption(), _EXIF: exif_block()[6:], _XMP: packet(),
        _VERSION: psd_files.version_info(True),
    }  # fmt: skip
    for name, number in (("dpi", _RESOLUTION), ("iptc", _IPTC), ("exif", _EXIF), ("xmp", _XMP)):
        yield piece(name, psd(rgb, resources={number: told[number]}), keeps=frozenset({name}))
    everything = psd(rgb, resources={**told, _ICC: rgb_profile("srgb")})
    yield piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "iptc", "dpi"}), within=3.0)
    yield piece("not-compatible", psd(np.full_like(rgb, 255), resources={_VERSION: psd_files.version_info(False)}), refused=True)  # fmt: skip # noqa: E501
    yield piece("multichannel", psd(rgb, psd_files.MULTICHANNEL), refused=True)
    yield piece("duotone", psd(steps, psd_files.DUOTONE), refused=True)
    yield piece("32-bit", psd(rgb.astype(np.uint32), bits=32), refused=True)
    yield piece("cut-at-half", psd(rgb)[: len(psd(rgb)) // 2], refused=True)
    yield piece("trailer", psd(rgb) + b"and more")
    for width, height in SIZES:
        yield piece(f"{width}x{height}", psd(scene(width, height)), shown=scene(width, height))
