"""The JPEGs of the corpus: sampling, scans, colour models, profiles, metadata, ends, sizes, turns."""

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from tests.pictures.drawing import image_of, inward_profile, profile_with_a_poor_way_back
from tests.pictures.pieces import (
    DPI,
    SIZES,
    Piece,
    after_soi,
    as_grey,
    caption,
    exif_block,
    grey,
    grey_profile,
    icc_segments,
    in_profile,
    numbered,
    packet,
    resources,
    rgb_profile,
    saved,
    scene,
    segment,
    turned,
)

_ROUGH = 4.0  # of 255: what a JPEG of high quality differs from what was drawn


def jpeg(picture: Any = None, **options: Any) -> bytes:
    """A JPEG of high quality."""
    return saved(scene() if picture is None else picture, "JPEG", **{"quality": 96, "subsampling": 0, **options})


def pieces() -> Iterator[Piece]:
    """All JPEGs."""
    yield from numbered("jpeg", "jpg", _all())


def _all() -> Iterator[Piece]:
    yield from _codings()
    yield from _colours()
    yield from _metadata()
    yield from _ends()
    for orientation in range(1, 9):
        content = jpeg(turned(scene(), orientation), exif=exif_block(orientation))
        yield _piece(f"orientation-{orientation}", content, keeps=frozenset({"exif"}))
    for width, height in SIZES:
        yield _piece(f"{width}x{height}", jpeg(scene(width, height)), shown=scene(width, height), within=6.0)


def _piece(name: str, content: bytes, **more: Any) -> Piece:
    return Piece(name, content, "JPEG", **{"shown": scene(), "within": _ROUGH, **more})


def _codings() -> Iterator[Piece]:
    image = image_of(scene())
    yield _piece("plain", jpeg())
    yield _piece("half-colour", jpeg(subsampling=1), within=8.0)
    yield _piece("quarter-colour", jpeg(subsampling=2), within=12.0)
    yield _piece("progressive", jpeg(progressive=True))
    yield _piece("progressive-quarter-colour", jpeg(progressive=True, subsampling=2), within=12.0)
    yield _piece("optimized", jpeg(optimize=True))
    yield _piece("restarts", bytes(image.jpegsave_buffer(Q=96, subsample_mode="off", restart_interval=2)))
    yield _piece("poor", jpeg(quality=30), within=12.0)
    yield _piece("grey", jpeg(grey(scene())), shown=as_grey(grey(scene())))
    yield _piece("grey-progressive", jpeg(grey(scene()), progressive=True), shown=as_grey(grey(scene())))
    yield _piece("rgb-inside", jpeg(keep_rgb=True))
    yield _piece("no-jfif", _without_jfif(jpeg()))
    yield _piece("fill-bytes", _with_fill_bytes(jpeg()))
    yield _piece("comment", after_soi(jpeg(), segment(0xFE, b"drawn by hand")))
    yield _piece(
        "unknown-segments", after_soi(jpeg(), *(segment(0xE0 + n, b"Nobody\0" + bytes(n)) for n in range(4, 13)))
    )
    yield _piece("lossless", _renamed_frame(jpeg(), 0xC3), refused=True)
    yield _piece("12-bit", _deep(jpeg()), refused=True)
    yield _piece("mpo.mpo", saved(scene(), "MPO", save_all=True, append_images=[Image.fromarray(scene())], quality=96, subsampling=0))  # fmt: skip # noqa: E501


def _colours() -> Iterator[Piece]:
    keeps = frozenset({"icc"})
    for name in ("srgb", "p3", "linear"):
        yield _piece(f"icc-{name}", jpeg(in_profile(scene(), rgb_profile(name)), icc_profile=rgb_profile(name)), keeps=keeps, within=6.0)  # fmt: skip # noqa: E501
    padded = rgb_profile("p3") + bytes(40)
    yield _piece("icc-with-tail", after_soi(jpeg(in_profile(scene(), rgb_profile("p3"))), *icc_segments(padded)), keeps=keeps, within=6.0)  # fmt: skip # noqa: E501
    yield _piece("icc-cut", after_soi(jpeg(), *icc_segments(rgb_profile("srgb")[:-30])))
    yield _piece("icc-text", after_soi(jpeg(), *icc_segments(b"no profile at all " * 20)))
    yield _piece("icc-inward", after_soi(jpeg(), *icc_segments(inward_profile())), shown=None, as_is=False)
    yield _piece(
        "icc-poor-way", after_soi(jpeg(), *icc_segments(profile_with_a_poor_way_back())), shown=None, as_is=False
    )
    yield _piece("icc-of-grey", after_soi(jpeg(), *icc_segments(grey_profile(2.2))))
    yield _piece("icc-grey", after_soi(jpeg(grey(scene())), *icc_segments(grey_profile(2.2))), shown=as_grey(grey(scene())), as_is=False, within=6.0)  # fmt: skip # noqa: E501
    cmyk = Image.fromarray(255 - np.dstack([scene(), np.full(scene().shape[:2], 255, np.uint8)]), mode="CMYK")
    yield _piece("cmyk", jpeg(cmyk), shown=None, as_is=False)
    separated = image_of(scene()).icc_transform("cmyk", intent="relative")
    yield _piece("cmyk-icc", bytes(separated.jpegsave_buffer(Q=96, subsample_mode="off")), as_is=False, within=24.0)
    yield _piece("adobe-rgb-by-exif", jpeg(exif=_adobe_exif()), shown=None)


def _adobe_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Drawn"
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    return exif.tobytes()


def _metadata() -> Iterator[Piece]:
    yield _piece("exif", jpeg(exif=exif_block()), keeps=frozenset({"exif"}))
    yield _piece("xmp", jpeg(xmp=packet()), keeps=frozenset({"xmp"}))
    yield _piece("xmp-padded", jpeg(xmp=packet(blanks=20_000)), keeps=frozenset({"xmp"}))
    yield _piece("dpi", jpeg(dpi=(DPI, DPI)), keeps=frozenset({"dpi"}))
    yield _piece("dpi-in-exif", _without_jfif(jpeg(exif=exif_block(dpi=DPI))), keeps=frozenset({"dpi", "exif"}))
    known = segment(0xED, b"Photoshop 3.0\0" + resources(caption()))
    other = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\x10" + bytes(16))
    yield _piece("iptc", after_soi(jpeg(), known), keeps=frozenset({"iptc"}))
    yield _piece("iptc-long", after_soi(jpeg(), segment(0xED, b"Photoshop 3.0\0" + resources(caption(300)))), keeps=frozenset({"iptc"}))  # fmt: skip # noqa: E501
    yield _piece("iptc-in-second", after_soi(jpeg(), other, known), keeps=frozenset({"iptc"}))
    everything = after_soi(
        jpeg(dpi=(DPI, DPI), exif=exif_block(dpi=DPI), xmp=packet(), icc_profile=rgb_profile("srgb")), known
    )
    yield _piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "iptc", "dpi"}), within=6.0)
    yield _piece("broken-exif", after_soi(jpeg(), segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(20))))
    yield _piece("exif-of-text", after_soi(jpeg(), segment(0xE1, b"Exif\0\0not a directory at all")))
    yield _piece("broken-xmp", after_soi(jpeg(), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta <<")))


def _ends() -> Iterator[Piece]:
    yield _piece("trailer", jpeg() + b"SEFT" + bytes(500))
    yield _piece("film-behind", jpeg() + struct.pack(">I", 24) + b"ftypmp42\0\0\0\0mp42isom" + bytes(64))
    yield _piece("no-end", jpeg()[:-2], as_is=False)  # others take it for cut off
    yield _piece("no-end-but-trailer", jpeg()[:-2] + b"\0\0\x01\x0aPanorama_Shot_Info" + bytes(40) + b"SEFT")
    yield _piece("zeros-behind", jpeg() + bytes(3000))
    for share in (4, 2):
        yield _piece(f"cut-at-1-of-{share}", jpeg()[: len(jpeg()) * (share - 1) // share], refused=True)
    yield _piece("half-zeros", jpeg()[: len(jpeg()) // 2] + bytes(len(jpeg()) // 2), refused=True)
    yield _piece("another-name", jpeg())
    yield _piece("called.png", jpeg())


def _frame_at(content: bytes) -> int:
    """Where the first frame header of a baseline JPEG lies."""
    at = 2
    while content[at + 1] != 0xC0:
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return at


def _renamed_frame(content: bytes, marker: int) -> bytes:
    at = _frame_at(content)
    return content[: at + 1] + bytes([marker]) + content[at + 2 :]


def _deep(content: bytes) -> bytes:
    at = _frame_at(content)
    return content[: at + 1] + b"\xc1" + content[at + 2 : at + 4] + b"\x0c" + content[at + 5 :]


def _without_jfif(content: bytes) -> bytes:
    file, kept = io.BytesIO(content[2:]), b""
    while (head := file.read(4))[1] != 0xDA:
        part = head + file.read(int.from_bytes(head[2:]) - 2)
        kept += b"" if head[1] == 0xE0 else part
    return content[:2] + kept + head + file.read()


def _with_fill_bytes(content: bytes) -> bytes:
    at = _frame_at(content)
    return content[:at] + b"\xff\xff\xff" + content[at:]
