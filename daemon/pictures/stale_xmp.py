"""Takes out of an XMP packet what is true of the old file only.

A cut-out is upright, has no film or gain map behind it, and is another picture: a thumbnail would show the background
that was removed to whoever opens it. All other bytes of the packet stay as they are.
"""

import re

from daemon.pictures.xmp import Element, elements_in

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
_WORDS = (
    b"Thumbnails",
    b"Orientation",
    b"HasExtendedXMP",
    b"MotionPhoto",
    b"MicroVideo",
    *map(str.encode, _NAMESPACES),
)
"""A packet without any of them is not parsed for it."""
_ATTRIBUTE = re.compile(rb"""\s+([^\s=>/"']+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG_NAME = re.compile(rb"<[^\s/>]+")


def without_stale(packet: bytes | None) -> bytes | None:
    """The packet without thumbnails, orientation, and what leads to films, gain maps and parts of the old file.

    A packet that cannot be parsed stays as it is.
    """
    if not packet or not any(word in packet for word in _WORDS):
        return packet
    try:
        found = elements_in(packet)
        pieces, position = [], 0
        for start, stop in sorted(_stale_spans(packet, found)):
            if start >= position:
                pieces.append(packet[position:start])
                position = stop
        fresh = b"".join(pieces) + packet[position:]
        elements_in(fresh)
    except ValueError:
        return packet
    return fresh


def _stale_spans(packet: bytes, found: tuple[Element, ...]) -> list[tuple[int, int]]:
    """Where stale elements lie, and stale attributes of others; what lies within another one comes behind it."""
    spans = []
    for element in found:
        if _is_stale(element.tag):
            spans.append((element.start, element.stop))
            continue
        stale = {name.partition("}")[2].encode() for name in element.attributes if _is_stale(name)}
        name = _TAG_NAME.match(packet, element.start)
        position = name.end() if name else len(packet)
        while attribute := _ATTRIBUTE.match(packet, position):
            written, value = attribute[1], attribute[2][1:-1].decode("utf-8", "replace")
            prefix, _, local = written.rpartition(b":")
            if (prefix == b"xmlns" and value in _NAMESPACES) or (prefix and local in stale):
                spans.append((attribute.start(), attribute.end()))
            position = attribute.end()
    return spans


def _is_stale(name: str) -> bool:
    return name in _NAMES or name.startswith(_BEGINNINGS) or name[1:].partition("}")[0] in _NAMESPACES
