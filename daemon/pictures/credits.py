"""What of a photo's metadata goes into pictures for shops: who made it and how, and nothing else."""

from dataclasses import dataclass

from daemon.pictures import exif, iptc, vips, xmp
from daemon.pictures.values import Metadata

_RECORD, _CHARSET, _UTF_8 = b"\x1c\x02", b"\x1c\x01\x5a", b"\x1b%G"  # IPTC-IIM 4.2: 1:90 says how text is written
_CREATOR, _CREDIT, _NOTICE = 80, 110, 116  # datasets of record 2
_MOST_BYTES = 0x7FFF  # of a record's value, beyond which its length is written in another way


@dataclass(frozen=True, slots=True)
class Credits:
    """Who made a picture, and how. "" = it does not say.

    notice: of copyright. credit: the line that must stand beside it. source_type: IPTC's DigitalSourceType, a URI;
    shops ask for it where a picture, or a part of it, was made by a model.
    """

    notice: str = ""
    creator: str = ""
    credit: str = ""
    source_type: str = ""


def credits_in(metadata: Metadata) -> Credits:
    """What a photo's XMP says; where it says nothing, its EXIF and IPTC."""
    said = xmp.texts_in(metadata.xmp)
    notice = said.get("notice") or exif.copyright_in(metadata.exif) or iptc.copyright_in(metadata.iptc)
    return Credits(
        notice or "",
        said.get("creator") or iptc.text_in(metadata.iptc, _CREATOR) or "",
        said.get("credit") or iptc.text_in(metadata.iptc, _CREDIT) or "",
        said.get("source_type", ""),
    )


def for_shops(photo: Metadata, job_tag: str, profile: bytes | None, dpi: float) -> Metadata:
    """The metadata of a picture for a shop: the photo's credits, the job tag, a profile, a resolution; no EXIF.

    So nobody reads in it where the photo was taken, or with which camera. profile: of the pixels; None = sRGB.
    """
    credits_ = credits_in(photo)
    said = {"notice": credits_.notice, "creator": credits_.creator, "credit": credits_.credit}
    records = ((_CREATOR, credits_.creator), (_CREDIT, credits_.credit), (_NOTICE, credits_.notice))
    bare = b"".join(_record(dataset, text) for dataset, text in records if text)
    return Metadata(
        icc=profile or vips.srgb_profile(),
        xmp=xmp.packet_of(job_tag, {**said, "source_type": credits_.source_type}),
        iptc=_CHARSET + len(_UTF_8).to_bytes(2) + _UTF_8 + bare if bare else None,
        dpi=dpi,
    )


def _record(dataset: int, text: str) -> bytes:
    value = text.encode()[:_MOST_BYTES].decode(errors="ignore").encode()
    return _RECORD + bytes([dataset]) + len(value).to_bytes(2) + value
