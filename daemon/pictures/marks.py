"""The id of a job inside the picture it made: one property in the XMP packet, where nothing else is disturbed."""

import re
from xml.sax.saxutils import escape, unescape

_NAMESPACE = "https://freisteller.invalid/ns/1.0/"  # a name, never an address: .invalid belongs to nobody (RFC 2606)
_MARK = re.compile(rb"<freisteller:job>([^<]*)</freisteller:job>")
_OURS = re.compile(rb"\s*<rdf:Description[^>]*xmlns:freisteller=[^>]*>.*?</rdf:Description>", re.DOTALL)
_END = re.compile(rb"</(\w+:)?RDF>")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def marked(xmp: bytes | None, job: str) -> bytes:
    """The packet `xmp`, or a new one, with the id of the job in it; an older mark goes."""
    mark = (
        f'<rdf:Description rdf:about="" xmlns:rdf="{_RDF}" xmlns:freisteller="{_NAMESPACE}">'
        f"<freisteller:job>{escape(job)}</freisteller:job></rdf:Description>"
    ).encode()
    packet = _OURS.sub(b"", xmp or b"")
    ends = list(_END.finditer(packet))
    if ends:
        at = ends[-1].start()
        return packet[:at] + mark + packet[at:]
    # No packet, or nothing that a reader of XMP could take for one.
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">' + mark + b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def job_in(xmp: bytes | None) -> str | None:
    """The id that `marked` put in; None where there is none."""
    found = _MARK.findall(xmp or b"")
    return unescape(found[-1].decode("utf-8", errors="replace")) if found else None
