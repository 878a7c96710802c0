"""XMP packets: puts the id of a job into one.

A parser says where the parts of a packet lie; all other bytes of the packet stay as they are. Photos come from
strangers, so the parser is defusedxml's, which refuses document types and entities.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from defusedxml.ElementTree import DefusedXMLParser, ParseError, fromstring

_NAMESPACE = "https://freisteller.invalid/ns/1.0/"  # a name, never an address: .invalid belongs to nobody (RFC 2606)
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_TEXTS = {
    "notice": ("dc", _DC, "rights"),
    "creator": ("dc", _DC, "creator"),
    "credit": ("photoshop", "http://ns.adobe.com/photoshop/1.0/", "Credit"),
    "source_type": ("Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "DigitalSourceType"),
}
"""What `texts_in` reads and `packet_of` writes: prefix, namespace and name of a property."""
_LISTS = {"notice": "Alt", "creator": "Seq"}  # properties that are lists (XMP, part 1, 8.3)
_JOB, _RIGHTS, _WHOLE = f"{{{_NAMESPACE}}}job", f"{{{_DC}}}rights", f"{{{_RDF}}}RDF"
_MOST_BYTES = 1 << 21  # of a packet that is parsed, at most about 2 s; editors write 0.1 MB, seldom 1 MB


def tagged(xmp: bytes | None, job: str, notice: str | None = None) -> bytes:
    """The packet `xmp`, or a new one, with the job tag `job`, which replaces older job tags.

    notice: a copyright notice that is added if the packet has none. A packet that cannot be parsed keeps all its bytes:
    the job tag is put in where its last RDF ends, behind older ones.
    """
    packet = xmp or b""
    parts = _parts_of(packet)
    tag = _tag(job)
    if notice is not None and not parts.has_rights:
        text = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(notice)}</rdf:li></rdf:Alt>'
        tag += f'<dc:rights xmlns:dc="{_DC}" xmlns:rdf="{_RDF}">{text}</dc:rights>'
    if parts.older:
        pieces, start = [], 0
        for span in parts.older:
            pieces.append(packet[start : span.start])
            start = span.stop
        return pieces[0] + tag.encode() + b"".join(pieces[1:]) + packet[start:]
    if parts.end is not None:
        return packet[: parts.end] + _description(tag) + packet[parts.end :]
    return _packet(tag)  # there was no packet, or nothing that a reader of XMP could take for one


def texts_in(packet: bytes | None) -> dict[str, str]:
    """What a packet says of "notice" (of copyright), "creator", "credit" and "source_type" (IPTC's DigitalSourceType).

    Nothing of a packet that cannot be parsed.
    """
    if not packet or len(packet) > _MOST_BYTES:
        return {}
    try:
        elements = list(fromstring(packet.rstrip(b"\0"), forbid_dtd=True).iter())
    except (ParseError, ValueError):
        return {}
    found = {}
    for key, (_, namespace, name) in _TEXTS.items():
        tag = f"{{{namespace}}}{name}"
        texts = [element.attrib[tag] for element in elements if tag in element.attrib]
        for element in elements:
            if element.tag == tag:
                items = [(each.text or "").strip() for each in element.iter(f"{{{_RDF}}}li")]
                if key != "creator":
                    items = items[:1]  # of several languages the usual one
                own = "; ".join(filter(None, items)) or (element.text or "").strip()
                texts.append(own or element.attrib.get(f"{{{_RDF}}}resource", ""))
        if said := next(filter(None, texts), ""):
            found[key] = "".join(letter for letter in said if letter.isprintable())
    return found


def packet_of(job: str, texts: Mapping[str, str]) -> bytes:
    """A new packet with the job tag `job`, and what `texts_in` would read of it; empty texts are left out."""
    properties = []
    for key, (prefix, namespace, name) in _TEXTS.items():
        if text := escape(texts.get(key, "")):
            if kind := _LISTS.get(key):
                language = ' xml:lang="x-default"' if kind == "Alt" else ""
                text = f"<rdf:{kind}><rdf:li{language}>{text}</rdf:li></rdf:{kind}>"
            properties.append(f'<{prefix}:{name} xmlns:{prefix}="{namespace}">{text}</{prefix}:{name}>')
    return _packet(_tag(job) + "".join(properties))


def _tag(job: str) -> str:
    return f'<freisteller:job xmlns:freisteller="{_NAMESPACE}">{escape(job)}</freisteller:job>'


def _description(content: str) -> bytes:
    return f'<rdf:Description rdf:about="" xmlns:rdf="{_RDF}">{content}</rdf:Description>'.encode()


def _packet(content: str) -> bytes:
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="'
        + _RDF.encode()
        + b'">'
        + _description(content)
        + b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


@dataclass(slots=True)
class _Parts:
    """What we have to know of a packet. All positions are in bytes.

    end: where the end tag of the last RDF begins. older: where job tags lie, in order.
    """

    has_rights: bool = False
    end: int | None = None
    older: list[range] = field(default_factory=list)


def _parts_of(packet: bytes) -> _Parts:
    if 0 < len(packet) <= _MOST_BYTES:
        try:
            return _Reader(packet).parts
        except (ParseError, ValueError) as error:  # it is broken, or holds what defusedxml refuses
            error.__traceback__ = (
                None  # the parser's error keeps itself alive, and with it the pixels in callers' frames
            )
    return _searched(packet)


def _searched(packet: bytes) -> _Parts:
    """The parts of a packet that cannot be parsed, as far as a search for their bytes finds them."""
    parts = _Parts(has_rights=b"dc:rights" in packet)
    for end in (b"</rdf:RDF>", b"</RDF>"):
        if parts.end is None and end in packet:
            parts.end = packet.rindex(end)
    return parts


class _Reader:
    """Follows one packet from its first tag to its last, and notes where its parts lie.

    Raises ParseError or ValueError if the packet is no XML that we accept. The parser calls start, data, end and close.
    """

    def __init__(self, packet: bytes) -> None:
        self.parts = _Parts()
        self._packet = packet
        self._open_jobs: list[int] = []
        self._is_empty = True
        # In UTF-8 whatever the packet says of itself: in a picture it has to be (XMP, part 3).
        self._parser = DefusedXMLParser(target=self, encoding="utf-8", forbid_dtd=True)
        # In one piece: older versions of expat go through a long tag again with each piece they get.
        self._parser.feed(packet.rstrip(b"\0"))  # some writers count a NUL behind the packet
        self._parser.close()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._is_empty = True
        self.parts.has_rights |= tag == _RIGHTS or _RIGHTS in attributes
        if tag == _JOB:
            self._open_jobs.append(self._parser.parser.CurrentByteIndex)

    def data(self, _: str) -> None:
        """There is text in the element that began last."""
        self._is_empty = False

    def end(self, tag: str) -> None:
        """An element ends: here, or just before if it is all in one tag."""
        here = self._parser.parser.CurrentByteIndex
        has_end_tag = not (self._is_empty and self._packet.endswith(b"/>", 0, here))
        self._is_empty = False
        if tag == _WHOLE and has_end_tag:
            self.parts.end = here
        elif tag == _JOB:
            start, older = self._open_jobs.pop(), self.parts.older
            while older and older[-1].start > start:
                older.pop()
            older.append(range(start, self._packet.index(b">", here) + 1 if has_end_tag else here))

    def close(self) -> None:
        """The packet ends."""


@dataclass(slots=True)
class Element:
    """One element of a packet: its name and attributes, with their namespaces in braces, and where its bytes lie."""

    tag: str
    attributes: Mapping[str, str]
    start: int
    stop: int = 0


def elements_in(packet: bytes) -> tuple[Element, ...]:
    """The elements of a packet, each before those within it. Raises ValueError if it is no XML that we accept."""
    if len(packet) > _MOST_BYTES:
        raise ValueError("it is too long to be parsed")
    try:
        return tuple(_Elements(packet).found)
    except ParseError as error:
        error.__traceback__ = None  # as in `_parts_of`
        raise ValueError("it is no XML") from None


class _Elements:
    """Follows one packet, and notes its elements. The parser calls start, data, end and close."""

    def __init__(self, packet: bytes) -> None:
        self.found: list[Element] = []
        self._packet = packet
        self._open: list[Element] = []
        self._is_empty = True
        self._parser = DefusedXMLParser(target=self, encoding="utf-8", forbid_dtd=True)
        self._parser.feed(packet.rstrip(b"\0"))
        self._parser.close()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._is_empty = True
        self._open.append(Element(tag, attributes, self._parser.parser.CurrentByteIndex))
        self.found.append(self._open[-1])

    def data(self, _: str) -> None:
        """There is text in the element that began last."""
        self._is_empty = False

    def end(self, _: str) -> None:
        """An element ends: here, or just before if it is all in one tag."""
        here = self._parser.parser.CurrentByteIndex
        has_end_tag = not (self._is_empty and self._packet.endswith(b"/>", 0, here))
        self._is_empty = False
        self._open.pop().stop = self._packet.index(b">", here) + 1 if has_end_tag else here

    def close(self) -> None:
        """The packet ends."""
