"""Takes parts out of an XMP packet; all other bytes of it stay as they are."""

import re
from collections.abc import Callable, Collection, Iterator

from daemon.pictures.xmp import Element, elements_in

_ATTRIBUTE = re.compile(rb"""\s+([^\s=>/"']+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG_NAME = re.compile(rb"<[^\s/>]+")


def without(packet: bytes, is_unwanted: Callable[[str], bool], namespaces: Collection[str] = ()) -> bytes:
    """The packet without elements and attributes whose names, with their namespaces in braces, are unwanted.

    namespaces: whose declarations go, too. Raises ValueError if the packet, or what is left of it, is no XML that we
    accept.
    """
    pieces, position = [], 0
    for element in elements_in(packet):  # each before those within it
        for start, stop in _unwanted(packet, element, is_unwanted, namespaces):
            if start >= position:
                pieces.append(packet[position:start])
                position = stop
    fresh = b"".join(pieces) + packet[position:]
    elements_in(fresh)
    return fresh


def without_padding(packet: bytes) -> bytes:
    """The packet without the blanks that leave room for editing in place (XMP, part 1, 7.3.2)."""
    end = packet.rfind(b"<?xpacket end")
    return packet[:end].rstrip() + packet[end:] if end > 0 else packet


def _unwanted(
    packet: bytes, element: Element, is_unwanted: Callable[[str], bool], namespaces: Collection[str]
) -> Iterator[tuple[int, int]]:
    """Where an element lies if it is unwanted, or else its unwanted attributes, in order."""
    if is_unwanted(element.tag):
        yield element.start, element.stop
        return
    name = _TAG_NAME.match(packet, element.start)
    position = name.end() if name else len(packet)
    names = iter(element.attributes)  # in the order in which they stand there
    while attribute := _ATTRIBUTE.match(packet, position):
        position = attribute.end()
        prefix = attribute[1].partition(b":")[0]
        is_declaration = prefix == b"xmlns"
        if (
            attribute[2][1:-1].decode("utf-8", "replace") in namespaces
            if is_declaration
            else is_unwanted(next(names, ""))
        ):
            yield attribute.span()
