"""Pictures for shops say who made them, and not where, nor with which camera."""

import pytest
import pyvips

from daemon.pictures import xmp
from daemon.pictures.credits import Credits, credits_in, for_shops
from daemon.pictures.values import Metadata
from daemon.pictures.whole_encoding import encoded
from tests.pictures.drawing import coloured, job_in

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CREDITS = Credits("© 2026 Studio Süd & Co", "Jörg <Ö>", "Studio Süd", SOURCE)
TEXTS = {"notice": CREDITS.notice, "creator": CREDITS.creator, "credit": CREDITS.credit, "source_type": SOURCE}
IN_OTHER_WAYS = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="A Studio"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,30N" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<Iptc4xmpExt:DigitalSourceType rdf:resource="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>
<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) A</rdf:li>
<rdf:li xml:lang="de">(c) B</rdf:li></rdf:Alt></dc:rights>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_credits_are_read_in_each_way_that_xmp_writes_them() -> None:
    assert credits_in(Metadata(xmp=IN_OTHER_WAYS + b"\0")) == Credits("(c) A", "Ann; Bo", "A Studio", SOURCE)


def test_credits_that_are_written_are_read_again() -> None:
    made = for_shops(Metadata(xmp=xmp.packet_of("old", TEXTS)), "job 7", None, 72)

    assert credits_in(made) == CREDITS
    assert job_in(made.xmp) == "job 7"
    assert credits_in(Metadata(iptc=made.iptc)) == Credits(CREDITS.notice, CREDITS.creator, CREDITS.credit)


def test_nothing_else_of_a_photo_goes_along() -> None:
    made = for_shops(Metadata(xmp=IN_OTHER_WAYS, exif=b"Exif\0\0secret"), "job 7", None, 72)

    assert made.exif is None
    assert made.xmp is not None
    assert b"GPS" not in made.xmp


@pytest.mark.parametrize("packet", [None, b"", b"<broken", b"\xff\xfe", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'])
def test_a_packet_that_cannot_be_parsed_has_no_credits(packet: bytes | None) -> None:
    assert credits_in(Metadata(xmp=packet)) == Credits()


def test_a_jpeg_has_the_credits_for_programs_that_read_iptc_only() -> None:
    photo = Metadata(xmp=xmp.packet_of("old", {"credit": "Studio Süd"}))

    jpeg = encoded(coloured(), "jpeg", for_shops(photo, "job", None, 72), 90)

    assert "Studio Süd".encode() in pyvips.Image.jpegload_buffer(jpeg).get("iptc-data")
