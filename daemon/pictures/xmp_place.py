"""Takes out of an XMP packet where a photo was taken."""

from daemon.pictures.xmp_cutting import without

_GEO = "http://www.w3.org/2003/01/geo/wgs84_pos#"
_WORDS = (b"gps", _GEO.encode())


def without_place(packet: bytes | None) -> bytes | None:
    """The packet without coordinates, of the camera and of what is shown: GPS of EXIF, IPTC and drones.

    Nothing of a packet that tells of them and cannot be parsed: then nobody knows where.
    """
    if not packet or not any(word in packet.lower() for word in _WORDS):
        return packet
    try:
        return without(packet, _is_place)
    except ValueError:
        return None


def _is_place(name: str) -> bool:
    namespace, _, local = name[1:].rpartition("}")
    return namespace == _GEO or local.lower().startswith("gps")
