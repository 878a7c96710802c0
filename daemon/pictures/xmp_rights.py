"""What of an XMP packet goes along in any case: whose picture it is, who made it and how, and what is allowed."""

from daemon.pictures.xmp_cutting import without, without_padding

_DC, _PHOTOSHOP = "{http://purl.org/dc/elements/1.1/}", "{http://ns.adobe.com/photoshop/1.0/}"
_IPTC, _IPTC_EXTENSION = (
    "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}",
    "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}",
)
_NAMES = frozenset({
    f"{_DC}rights", f"{_DC}creator", f"{_PHOTOSHOP}Credit", f"{_PHOTOSHOP}AuthorsPosition", f"{_PHOTOSHOP}Source",
    f"{_IPTC}CreatorContactInfo", f"{_IPTC_EXTENSION}DigitalSourceType",
})  # fmt: skip
_BEGINNINGS = (
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}",
    "{http://www.w3.org/XML/1998/namespace}",
    "{adobe:ns:meta/}",
    "{http://ns.adobe.com/xap/1.0/rights/}",
    "{http://ns.useplus.org/ldf/xmp/1.0/}",  # PLUS: licensors, and what they license
    "{http://creativecommons.org/ns#}",
    f"{_IPTC}Ci",  # the parts of CreatorContactInfo
)


def only_rights(packet: bytes) -> bytes | None:
    """The packet with nothing but these in it, as they stand there; None if it is no XML that we accept."""
    try:
        return without_padding(without(packet, _is_other))
    except ValueError:
        return None


def _is_other(name: str) -> bool:
    return name not in _NAMES and not name.startswith(_BEGINNINGS)
