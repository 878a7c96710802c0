"""XMP packets: puts the id of a job into one, and finds it there again.

A parser says where the parts of a packet lie; all other bytes of the packet stay as they are. Photos come from
strangers, so the parser is defusedxml's, which refuses document types and entities.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from xml.sax.saxutils import escape

from defusedxml.ElementTree import DefusedXMLParser, ParseError

_NAMESPACE = "https://freisteller.invalid/ns/1.0/"  # a name, never an address: .invalid belongs to nobody (RFC 2606)
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_JOB, _RIGHTS = f"{{{_NAMESPACE}}}job", f"{{{_DC}}}rights"
_DESCRIPTION, _WHOLE = f"{{{_RDF}}}Description", f"{{{_RDF}}}RDF"
_SAYS_NOTHING = frozenset({"about", f"{{{_RDF}}}about"})  # attributes of a description, besides namespaces
_JOB_START, _JOB_END = b"<freisteller:job>", b"</freisteller:job>"
_MOST_BYTES = 1 << 21  # of a packet that is parsed, at most about 2 s; editors write 0.1 MB, seldom 1 MB


def tagged(xmp: bytes | None, job: str, notice: str | None = None) -> bytes:
    """The packet `xmp`, or a new one, with the job tag `job`; older job tags are taken out.

    notice: a copyright notice that is added if the packet has none. A packet that cannot be parsed keeps all its bytes:
    the job tag is put in where its last RDF ends, behind older ones.
    """
    packet = xmp or b""
    parts = _parts_of(packet)
    rights = "" if notice is None or parts.has_rights else _rights(notice)
    tag = (
        f'<rdf:Description rdf:about="" xmlns:rdf="{_RDF}" xmlns:freisteller="{_NAMESPACE}">'
        f"<freisteller:job>{escape(job)}</freisteller:job>{rights}</rdf:Description>"
    ).encode()
    if parts.end is None:  # no packet, or nothing that a reader of XMP could take for one
        return (
            b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
            b'<rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">' + tag + b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
        )
    kept, start = [], 0
    for span in parts.older:
        kept.append(packet[start : span.start])
        start = span.stop
    return b"".join(kept) + packet[start : parts.end] + tag + packet[parts.end :]


def job_in(xmp: bytes | None) -> str | None:
    """The job tag that `tagged` put into a packet; None if there is none."""
    return _parts_of(xmp or b"").job


def _rights(notice: str) -> str:
    text = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(notice)}</rdf:li></rdf:Alt>'
    return f'<dc:rights xmlns:dc="{_DC}">{text}</dc:rights>'


@dataclass(slots=True)
class _Parts:
    """What we have to know of a packet.

    job: the last job tag. end: where the end tag of the last RDF begins, in bytes. older: where older job tags lie, in
    order and before `end`.
    """

    job: str | None = None
    has_rights: bool = False
    end: int | None = None
    older: list[range] = field(default_factory=list)


def _parts_of(packet: bytes) -> _Parts:
    if len(packet) <= _MOST_BYTES:
        with suppress(ParseError, ValueError):  # it is broken, or holds what defusedxml refuses
            return _Reader(packet).read()
    return _searched(packet)


def _searched(packet: bytes) -> _Parts:
    """The parts of a packet that cannot be parsed, as far as a search for their bytes finds them."""
    parts = _Parts(has_rights=b"dc:rights" in packet)
    for end in (b"</rdf:RDF>", b"</RDF>"):
        if parts.end is None and end in packet:
            parts.end = packet.rindex(end)
    _, start, behind = packet.rpartition(_JOB_START)
    text, end, _ = behind.partition(_JOB_END)
    if start and end:
        parts.job = unescape(text.decode("utf-8", errors="replace"))
    return parts


@dataclass(slots=True)
class _Element:
    """An element that is still open.

    start: where it begins, in bytes. jobs: how many job tags lie before it. says_more: more than job tags.
    """

    start: int
    jobs: int
    says_more: bool
    is_empty: bool = True
    text: list[str] = field(default_factory=list)


class _Reader:
    """Follows one packet from its first tag to its last, and notes where its parts lie.

    The parser calls start, data, end and close.
    """

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        # In UTF-8 whatever the packet says of itself: in a picture it has to be (XMP, part 3).
        self._parser = DefusedXMLParser(target=self, encoding="utf-8", forbid_dtd=True)
        self._open = [_Element(0, 0, says_more=True)]
        self._parts = _Parts()

    def read(self) -> _Parts:
        """The parts of the packet. Raises ParseError or ValueError if it is no XML that we accept."""
        # In one piece: older versions of expat go through a long tag again with each piece they get.
        self._parser.feed(self._packet.rstrip(b"\0"))  # some writers count a NUL behind the packet
        self._parser.close()
        parts = self._parts
        parts.older = [span for span in parts.older if parts.end is not None and span.stop <= parts.end]
        return parts

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        around = self._open[-1]
        around.is_empty = False
        around.says_more |= tag != _JOB
        says_more = not attributes.keys() <= _SAYS_NOTHING
        self._open.append(_Element(self._position, len(self._parts.older), says_more))
        self._parts.has_rights |= tag == _RIGHTS or _RIGHTS in attributes

    def data(self, text: str) -> None:
        """There is text in the element that began last."""
        self._open[-1].is_empty = False
        self._open[-1].text.append(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        element, at = self._open.pop(), self._position
        has_end_tag = not (element.is_empty and self._packet.endswith(b"/>", 0, at))
        text = "".join(element.text)
        if tag == _WHOLE and has_end_tag:
            self._parts.end = at
        elif tag == _JOB:
            self._parts.job = text
        older = self._parts.older
        is_ours = tag == _DESCRIPTION and len(older) > element.jobs and not element.says_more and not text.strip()
        if tag == _JOB or is_ours:
            del older[element.jobs :]
            older.append(range(element.start, self._packet.index(b">", at) + 1 if has_end_tag else at))

    def close(self) -> None:
        """The packet ends."""

    @property
    def _position(self) -> int:
        """Where the tag begins that the parser reads now, in bytes; behind an element that is one tag, when it ends."""
        return self._parser.parser.CurrentByteIndex
