"""The WebP, AVIF, HEIC and camera RAW files of the corpus."""

import struct
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from tests.pictures import drawing
from tests.pictures.drawing import image_of, raw_photo
from tests.pictures.pieces import (
    DPI,
    HEIGHT,
    SIZES,
    WIDTH,
    Piece,
    as_grey,
    exif_block,
    grey,
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


def pieces() -> Iterator[Piece]:
    """All files of these formats that can be drawn here."""
    kinds = {"webp": _webp(), "avif": _avif()}
    if find_spec("pillow_heif"):
        kinds["heic"] = _heic()
    if find_spec("rawpy"):
        kinds["dng"] = _raw()
    for kind, drawn in kinds.items():
        yield from numbered(kind, kind, drawn)


def webp(picture: Any = None, **options: Any) -> bytes:
    """A WebP without loss."""
    return saved(scene() if picture is None else picture, "WEBP", **{"lossless": True, **options})


def _webp() -> Iterator[Piece]:
    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "WebP", **{"shown": scene(), **more})

    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:4] = 0
    both = np.dstack([scene(), alpha])
    yield piece("lossless", webp())
    yield piece("lossy", webp(lossless=False, quality=95), within=8.0)
    yield piece("alpha", webp(both, exact=True))
    yield piece("alpha-lossy", webp(both, lossless=False, quality=95, exact=True), within=8.0)
    yield piece("exif", webp(exif=exif_block()), keeps=frozenset({"exif"}))
    yield piece("dpi", webp(exif=exif_block(dpi=DPI)), keeps=frozenset({"exif", "dpi"}))
    yield piece("xmp", webp(xmp=packet()), keeps=frozenset({"xmp"}))
    p3 = in_profile(scene(), rgb_profile("p3"))
    yield piece("icc-p3", webp(p3, icc_profile=rgb_profile("p3")), keeps=frozenset({"icc"}), within=3.0)
    yield piece("icc-text", webp(icc_profile=b"no profile at all " * 20))
    everything = webp(exif=exif_block(dpi=DPI), xmp=packet(), icc_profile=rgb_profile("srgb"))
    yield piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "dpi"}), within=3.0)
    yield piece("trailer", webp() + b"more")
    yield piece("cut-at-half", webp()[: len(webp()) // 2], refused=True)
    yield piece("zeros-at-end", webp()[: len(webp()) * 3 // 4] + bytes(len(webp()) // 4), refused=True)
    yield piece("animated", webp(save_all=True, append_images=[_image(scene()[::-1])]), refused=True)
    for orientation in range(1, 9):
        lying = webp(turned(scene(), orientation), exif=exif_block(orientation))
        yield piece(f"orientation-{orientation}", lying, keeps=frozenset({"exif"}))
    for width, height in SIZES:
        yield piece(f"{width}x{height}", webp(scene(width, height)), shown=scene(width, height))


def _avif() -> Iterator[Piece]:
    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "AVIF", **{"shown": scene(), "within": 4.0, **more})

    def avif(picture: Any = None, **options: Any) -> bytes:
        return saved(scene() if picture is None else picture, "AVIF", **{"quality": 97, "subsampling": "4:4:4", **options})  # fmt: skip # noqa: E501

    def deep(bits: int) -> bytes:
        return bytes(image_of(wide(scene())).heifsave_buffer(compression="av1", Q=97, bitdepth=bits, subsample_mode="off"))  # fmt: skip # noqa: E501

    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:4] = 0
    yield piece("plain", avif())
    yield piece("quarter-colour", avif(subsampling="4:2:0"), within=12.0, as_is=False)
    yield piece("limited", avif(range="limited"), as_is=False)
    yield piece("alpha", avif(np.dstack([scene(), alpha])))
    yield piece("grey", avif(grey(scene()), subsampling="4:0:0"), shown=as_grey(grey(scene())), as_is=False)
    limited = avif(grey(scene()), subsampling="4:0:0", range="limited")
    yield piece("grey-limited", limited, shown=as_grey(grey(scene())), as_is=False)
    for bits in (10, 12):
        yield piece(f"{bits}-bit", deep(bits), as_is=False)
    yield piece("lossless", bytes(image_of(scene()).heifsave_buffer(compression="av1", lossless=True)))
    yield piece("exif", avif(exif=exif_block()), keeps=frozenset({"exif"}))
    yield piece("dpi", avif(exif=exif_block(dpi=DPI)), keeps=frozenset({"exif", "dpi"}))
    yield piece("xmp", avif(xmp=packet()), keeps=frozenset({"xmp"}))
    p3 = in_profile(scene(), rgb_profile("p3"))
    yield piece("icc-p3", avif(p3, icc_profile=rgb_profile("p3")), keeps=frozenset({"icc"}), within=6.0)
    everything = avif(exif=exif_block(dpi=DPI), xmp=packet(), icc_profile=rgb_profile("srgb"))
    yield piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "dpi"}), within=6.0)
    yield piece("nclx-p3", _said_colours(avif(p3), 12, 13), within=6.0)
    yield piece("nclx-pq", _said_colours(avif(), 9, 16), shown=None, as_is=False)
    yield piece("trailer", avif() + b"more of a tool's")
    yield piece("cut-at-half", avif()[: len(avif()) // 2], refused=True)
    yield piece("zeros-at-end", avif()[: len(avif()) * 3 // 4] + bytes(len(avif()) // 4), refused=True)
    for orientation in range(1, 9):
        lying = avif(turned(scene(), orientation), exif=exif_block(orientation))
        yield piece(f"orientation-{orientation}", lying, keeps=frozenset({"exif"}))
    for width, height in SIZES:
        yield piece(f"{width}x{height}", avif(scene(width, height)), shown=scene(width, height), within=8.0)


def _heic() -> Iterator[Piece]:
    import pillow_heif

    def piece(name: str, content: bytes, **more: Any) -> Piece:  # nobody else here decodes HEIC
        return Piece(name, content, "HEIC", **{"shown": scene(), "within": 4.0, "as_is": False, **more})

    def heic(picture: Any = None, **options: Any) -> bytes:
        pillow_heif.register_heif_opener()
        return saved(scene() if picture is None else picture, "HEIF", **{"quality": 97, "chroma": 444, **options})

    yield piece("plain", heic())
    yield piece("quarter-colour", heic(chroma=420), within=12.0)
    yield piece("camera.HIF", heic())
    yield piece("grey", heic(grey(scene())), shown=as_grey(grey(scene())), as_is=False)
    yield piece("10-bit", drawing.heic(wide(scene()), bits=10))
    yield piece("10-bit-grey", drawing.heic(wide(grey(scene())), bits=10), shown=as_grey(grey(scene())))
    yield piece("exif", heic(exif=exif_block()), keeps=frozenset({"exif"}))
    yield piece("dpi", heic(exif=exif_block(dpi=DPI)), keeps=frozenset({"exif", "dpi"}))
    yield piece("xmp", heic(xmp=packet()), keeps=frozenset({"xmp"}))
    p3 = in_profile(scene(), rgb_profile("p3"))
    yield piece("icc-p3", heic(p3, icc_profile=rgb_profile("p3")), keeps=frozenset({"icc"}), within=6.0)
    everything = heic(exif=exif_block(dpi=DPI), xmp=packet(), icc_profile=rgb_profile("srgb"))
    yield piece("everything", everything, keeps=frozenset({"icc", "exif", "xmp", "dpi"}), within=6.0)
    yield piece("nclx-p3", _said_colours(heic(p3), 12, 13), within=6.0)
    yield piece("two-pictures", heic(save_all=True, append_images=[_image(scene()[::-1])]))
    yield piece("trailer", heic() + b"SEFH\x6b\0\0\0" + b"\x01" * 60 + b"SEFT")
    yield piece("cut-at-half", heic()[: len(heic()) // 2], refused=True)
    yield piece("called.jpg", heic())
    for orientation in range(1, 9):
        lying = heic(turned(scene(), orientation), exif=exif_block(orientation))
        yield piece(f"orientation-{orientation}", lying, keeps=frozenset({"exif"}))
    for width, height in SIZES:
        yield piece(f"{width}x{height}", heic(scene(width, height)), shown=scene(width, height), within=8.0)


def _image(picture: Any) -> Any:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(picture))


def _said_colours(content: bytes, primaries: int, transfer: int) -> bytes:
    """The same with other numbers of H.273 in its colour box."""
    at = content.index(b"nclx") + 4
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


def _raw() -> Iterator[Piece]:
    """Developed by LibRaw, which nobody else here can, to the picture's own white: what it shows is not asked."""

    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "camera RAW", **{"as_is": False, "keeps": frozenset({"exif"}), **more})

    light = light_of(scene(64, 48))
    for name in ("plain", "camera.NEF", "camera.nrw", "camera.tif"):
        yield piece(name, raw_photo(light))
    yield piece("xmp", raw_photo(light, packet()), keeps=frozenset({"exif", "xmp"}))
    for orientation in range(1, 9):
        yield piece(f"orientation-{orientation}", raw_photo(light, orientation=orientation))
    yield piece("cut", raw_photo(light)[:3000], refused=True)
    yield piece("fuji-stub.raf", b"FUJIFILMCCD-RAW 0201" + bytes(400), refused=True)
    yield piece("sigma-stub.x3f", b"FOVb" + bytes(400), refused=True)
