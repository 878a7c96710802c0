"""The id of a job inside the picture it made: one entry in the XMP packet, where nothing else is disturbed."""

import re
from xml.sax.saxutils import escape, unescape

_NAMESPACE = "https://freisteller.invalid/ns/1.0/"  # a name, never an address: .invalid belongs to nobody (RFC 2606)
_MARK = re.compile(rb"<freisteller:job>([^<]*)</freisteller:job>")
_OURS = re.compile(rb"\s*<rdf:Description[^>]*xmlns:freisteller=[^>]*>.*?</rdf:Description>", re.DOTALL)
_END = re.compile(rb"</(\w+:)?RDF>")
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def marked(xmp: bytes | None, job: str, notice: str | None = None) -> bytes:
    """The packet `xmp`, or a new one, with the id of the job in it; an older mark goes.

    notice: a copyright that is put beside it where the packet has none of its own.
    """
    packet = _OURS.sub(b"", xmp or b"")
    mark = (
        f'<rdf:Description rdf:about="" xmlns:rdf="{_RDF}" xmlns:freisteller="{_NAMESPACE}">'
        f"<freisteller:job>{escape(job)}</freisteller:job>{_rights(notice, packet)}</rdf:Description>"
    ).encode()
    ends = list(_END.finditer(packet))
    if ends:
        at = ends[-1].start()
        return packet[:at] + mark + packet[at:]
    # No packet, or nothing that a reader of XMP could take for one.
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">' + mark + b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def _rights(notice: str | None, packet: bytes) -> str:
    if notice is None or b"dc:rights" in packet:
        return ""
    text = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(notice)}</rdf:li></rdf:Alt>'
    return f'<dc:rights xmlns:dc="{_DC}">{text}</dc:rights>'


def job_in(xmp: bytes | None) -> str | None:
    """The id that `marked` put in; None where there is none."""
    found = _MARK.findall(xmp or b"")
    return unescape(found[-1].decode("utf-8", errors="replace")) if found else None
