"""What of a photo's metadata goes into a result, and what the report says if a format cannot hold all of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from daemon.pictures import exif, exif_parts, iptc, stale_xmp, xmp, xmp_place
from daemon.pictures.exif_in_tiff import fields_in
from daemon.pictures.exif_of_result import exif_of_result
from daemon.pictures.placed_metadata import MOST_EXIF_BYTES
from daemon.pictures.values import Container, Metadata
from daemon.pictures.xmp_cutting import without_padding
from daemon.pictures.xmp_rights import only_rights
from daemon.settings.output_formats import GpsSetting, MakerNotesSetting

_MOST_XMP_BYTES: dict[Container, int] = {"jpeg": 59_000}
"""Of a packet before it gets its job tag. libvips writes 60,000 bytes; a segment of a JPEG could hold 65,502."""
_MOST_IPTC_BYTES: dict[Container, int] = {"jpeg": 65_500}
"""Of records: what a segment of a JPEG holds without what is written around them."""
_BOUNDED = _MOST_XMP_BYTES.keys() | MOST_EXIF_BYTES.keys()
_MOST_NOTICE = 8_000  # characters, each of 5 bytes at most as XML has them: a packet of it alone fits any format
_RIGHTS_ONLY = "its XMP is too long for a JPEG, which got what it says of rights and of who made it"
_NO_XMP = "its XMP is too long for a JPEG, and cannot be made shorter; the JPEG got none of it"
_SHORTER_IPTC = "its IPTC is too long for a JPEG, which got it without the longest records"
_UNKNOWN_PLACE = "its XMP is damaged and may tell where the photo was taken, so results got none of it"
_SHORTER_EXIF = "its EXIF is too long for a JPEG, which got it without maker notes and other long parts"


@dataclass(frozen=True, slots=True)
class ForResult:
    """The metadata of a result. remarks: what of the photo's is not in it, in words."""

    metadata: Metadata
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Private:
    """What people said of parts of metadata that not everybody wants to hand on."""

    gps: GpsSetting = "keep"
    maker_notes: MakerNotesSetting = "no_pictures"


AS_USUAL = Private()


def for_result(photo: Metadata, container: Container, job_tag: str, private: Private = AS_USUAL) -> ForResult:
    """A photo's metadata without what is true of its file only, with a job tag, and as short as a format wants it.

    Its XMP gets a copyright notice that EXIF or IPTC has: not every program looks for these in every format, and WebP
    has no place for IPTC; all look for XMP.
    """
    notice = (exif.copyright_in(photo.exif) or iptc.copyright_in(photo.iptc) or "")[:_MOST_NOTICE] or None
    fresh = stale_xmp.without_stale(photo.xmp)
    wanted = xmp_place.without_place(fresh) if private.gps == "drop" else fresh
    packet, remarks = _fitting_xmp(wanted, notice, _MOST_XMP_BYTES.get(container))
    if fresh and wanted is None:
        remarks += (_UNKNOWN_PLACE,)
    whole = replace(photo, exif=photo.exif and _block(photo.exif, private))
    fitting = replace(_with_fitting_exif(whole, MOST_EXIF_BYTES.get(container)), iptc=_fitting_iptc(whole, container))
    remarks += (_SHORTER_EXIF,) * (fitting.exif != whole.exif) + (_SHORTER_IPTC,) * (fitting.iptc != whole.iptc)
    return ForResult(replace(fitting, xmp=xmp.tagged(packet, job_tag, notice)), remarks)


def remarks_on(photo: Metadata, containers: Iterable[Container], private: Private = AS_USUAL) -> tuple[str, ...]:
    """What of a photo's metadata will not be in its results, in words."""
    asked = [container for container in containers if container in _BOUNDED or private.gps == "drop"]
    found = [remark for container in asked for remark in for_result(photo, container, "", private).remarks]
    return tuple(dict.fromkeys(found))


def _block(block: bytes, private: Private) -> bytes:
    """An EXIF block without what goes in any case, and what people do not want."""
    block = exif.without_preview(block)
    if private.gps == "drop":
        block = exif_parts.without_place(block)
    if private.maker_notes == "drop":
        block = exif_parts.without_maker_note(block)
    return block if private.maker_notes == "keep" else exif_parts.without_pictures(block)


def _with_fitting_exif(metadata: Metadata, most: int | None) -> Metadata:
    """The metadata with an EXIF block of at most so many bytes in the result."""
    if most is None or _exif_bytes(metadata) <= most:
        return metadata
    shorter = replace(metadata, exif=fields_in(metadata.exif or b"", "<").block)
    return shorter if _exif_bytes(shorter) <= most else replace(metadata, exif=None)


def _fitting_iptc(metadata: Metadata, container: Container) -> bytes | None:
    most = _MOST_IPTC_BYTES.get(container)
    if most is None or metadata.iptc is None or len(metadata.iptc) <= most:
        return metadata.iptc
    return iptc.shortened(metadata.iptc, most)


def _exif_bytes(metadata: Metadata) -> int:
    """How long a result's block is; that does not depend on the size of the picture."""
    return len(exif_of_result(metadata.exif, (1, 1), metadata.resolution) or b"")


def _fitting_xmp(packet: bytes | None, notice: str | None, most: int | None) -> tuple[bytes | None, tuple[str, ...]]:
    """A packet that has at most so many bytes with a notice, and what the report says if it lost something."""
    if packet is None or most is None:
        return packet, ()
    for shorter, remarks in ((packet, ()), (without_padding(packet), ()), (only_rights(packet), (_RIGHTS_ONLY,))):
        if shorter is not None and len(xmp.tagged(shorter, "", notice)) <= most:
            return shorter, remarks
    return None, (_NO_XMP,)
