"""Takes out of an XMP packet what is true of the old file only.

A cut-out is upright, has no film or gain map behind it, and is another picture: a thumbnail would show the background
that was removed to whoever opens it. All other bytes of the packet stay as they are.
"""

from daemon.pictures.xmp_cutting import without

_NAMES = frozenset({
    "{http://ns.adobe.com/xap/1.0/}Thumbnails",
    "{http://ns.adobe.com/tiff/1.0/}Orientation",
    "{http://ns.adobe.com/xmp/note/}HasExtendedXMP",
})  # fmt: skip
_BEGINNINGS = tuple(
    f"{{http://ns.google.com/photos/1.0/camera/}}{name}" for name in ("MotionPhoto", "MicroVideo")
)  # fmt: skip
_NAMESPACES = (
    "http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.google.com/photos/1.0/container/", "http://ns.google.com/photos/1.0/container/item/",
)  # fmt: skip
_DEVELOPMENT = "http://ns.adobe.com/camera-raw-settings/1.0/"
_WORDS = (
    b"Thumbnails",
    b"Orientation",
    b"HasExtendedXMP",
    b"MotionPhoto",
    b"MicroVideo",
    *map(str.encode, _NAMESPACES),
)
"""A packet without any of them is not parsed for it."""


def without_stale(packet: bytes | None) -> bytes | None:
    """The packet without thumbnails, orientation, and what leads to films, gain maps and parts of the old file.

    A packet that cannot be parsed stays as it is.
    """
    if not packet or not any(word in packet for word in _WORDS):
        return packet
    try:
        return without(packet, _is_stale, _NAMESPACES)
    except ValueError:
        return packet


def without_development(packet: bytes) -> bytes:
    """The packet of a camera RAW without how other programs develop it: they would do so to the developed result.

    A packet that cannot be parsed stays as it is.
    """
    if _DEVELOPMENT.encode() not in packet:
        return packet
    try:
        return without(packet, lambda name: name[1:].partition("}")[0] == _DEVELOPMENT, (_DEVELOPMENT,))
    except ValueError:
        return packet


def _is_stale(name: str) -> bool:
    return name in _NAMES or name.startswith(_BEGINNINGS) or name[1:].partition("}")[0] in _NAMESPACES
