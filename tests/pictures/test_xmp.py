"""A job tag goes into any XMP packet, and nothing that a stranger writes there stops it or makes it slow."""

import gc
import weakref
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures import xmp
from tests.pictures.drawing import job_in

RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
OURS = 'xmlns:freisteller="https://freisteller.invalid/ns/1.0/"'


def packet(content: str) -> bytes:
    """An XMP packet as editors write it, with padding behind it."""
    whole = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{RDF}{content}</rdf:RDF></x:xmpmeta>'
    return f'<?xpacket begin="\ufeff" id="W5M0"?>{whole}{" " * 200}<?xpacket end="w"?>'.encode()


THEIRS = packet(
    '<!-- by hand --><rdf:Description rdf:about="" xmlns:p="urn:p" p:a=\'1 > 0\'><p:b>x &amp; y</p:b></rdf:Description>'
)


@pytest.mark.parametrize(
    "content", [None, b"", b"no packet", b"<x:xmpmeta/>", packet("")[:40], RDF[:-1].encode() + b"/>"]
)
def test_without_a_packet_a_new_one_holds_the_tag(content: bytes | None) -> None:
    tagged = xmp.tagged(content, "job", "(c) Studio")

    assert job_in(tagged) == "job"
    ElementTree.fromstring(tagged)


def test_every_byte_of_a_packet_stays() -> None:
    tagged = xmp.tagged(THEIRS, "job <7> & Söhne")

    at = THEIRS.index(b"</rdf:RDF>")
    assert tagged.startswith(THEIRS[:at])
    assert tagged.endswith(THEIRS[at:])
    assert job_in(tagged) == "job <7> & Söhne"


def test_an_older_tag_is_taken_out_and_only_that() -> None:
    assert xmp.tagged(xmp.tagged(THEIRS, "first"), "second") == xmp.tagged(THEIRS, "second")


def test_an_older_tag_that_an_editor_put_among_others_is_taken_out_alone() -> None:
    merged = packet(
        f'<rdf:Description rdf:about="" {OURS} {DC} dc:format="a>b">'
        "<freisteller:job>first</freisteller:job><dc:title>Shoe</dc:title></rdf:Description>"
    )

    tagged = xmp.tagged(merged, "second")

    assert b"first" not in tagged
    assert b"<dc:title>Shoe</dc:title>" in tagged
    assert job_in(tagged) == "second"


def test_an_older_tag_is_taken_out_whatever_prefix_its_namespace_has() -> None:
    written = packet(
        f"<rdf:Description {OURS.replace('freisteller=', 'ns1=')}><ns1:job>first</ns1:job></rdf:Description>"
    )

    tagged = xmp.tagged(written, "second")

    assert b"first" not in tagged
    assert job_in(tagged) == "second"


@pytest.mark.parametrize(
    "content",
    [
        f'<rdf:Description {DC} dc:rights="theirs"/>',
        '<rdf:Description><r:rights xmlns:r="http://purl.org/dc/elements/1.1/">theirs</r:rights></rdf:Description>',
    ],
    ids=["an attribute", "another prefix"],
)
def test_rights_are_not_doubled_however_they_are_written(content: str) -> None:
    tagged = xmp.tagged(packet(content), "job", "(c) Studio")

    assert b"Studio" not in tagged


def test_rights_are_added_to_a_packet_that_only_speaks_of_them() -> None:
    tagged = xmp.tagged(packet("<rdf:Description>no dc:rights here</rdf:Description>"), "job", "(c) Studio")

    assert b">(c) Studio</rdf:li>" in tagged


BOMB = (
    '<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
    + packet("&a11;").decode()
).encode()

BROKEN = {
    "an entity bomb": BOMB,
    "a file of this machine": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + packet("&e;"),
    "two packets": THEIRS + THEIRS,
    "Latin-1": packet("Süd").decode().encode("latin-1", "replace"),
    "an element without an end": packet("<a>"),
    "a prefix of no namespace": packet("<nobodys:a/>"),
    "junk behind it": THEIRS + b"\xff\xfe\0",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_packet_that_cannot_be_parsed_keeps_its_bytes_and_takes_the_tag(kind: str) -> None:
    tagged = xmp.tagged(xmp.tagged(BROKEN[kind], "first <1> & Söhne"), "job <7> & Söhne")

    at = BROKEN[kind].rindex(b"</rdf:RDF>")
    assert tagged.startswith(BROKEN[kind][:at])
    assert tagged.endswith(BROKEN[kind][at:])
    assert job_in(tagged) == "job <7> & Söhne"


@pytest.mark.parametrize("kind", ["utf-16", "utf-32"])
def test_a_packet_in_an_encoding_that_pictures_do_not_have_gives_way_to_a_new_one(kind: str) -> None:
    tagged = xmp.tagged(THEIRS.decode().encode(kind), "job")

    ElementTree.fromstring(tagged)
    assert job_in(tagged) == "job"


@pytest.mark.parametrize("declared", ["latin-1", "utf-16", "klingon"])
def test_a_declared_encoding_is_not_believed(declared: str) -> None:
    tagged = xmp.tagged(f'<?xml version="1.0" encoding="{declared}"?>'.encode() + packet("Süd"), "Söhne")

    assert job_in(tagged) == "Söhne"
    assert "Süd".encode() in tagged


def test_a_packet_with_zeros_behind_it_is_read() -> None:
    assert xmp.tagged(xmp.tagged(THEIRS + b"\0\0", "first"), "second") == xmp.tagged(THEIRS + b"\0\0", "second")


MILLION = 1_000_000


@pytest.mark.timeout(60)  # it takes about a second; in time that grows with the square it would take hours
@pytest.mark.parametrize(
    "content",
    [
        " " * MILLION,
        f"<dc:title {DC}{' ' * MILLION}/>",
        "<rdf:Description>" * (MILLION // 17),
        f"<rdf:Description {OURS}>" * (MILLION // 70),
        f"<rdf:Description {OURS}/>" * (MILLION // 70),
        f"<rdf:Description {OURS}><freisteller:job>" * (MILLION // 90),
        f"<rdf:Description {OURS}>" + "<freisteller:job>x</freisteller:job>" * (MILLION // 36) + "</rdf:Description>",
        "<freisteller:job>" * (MILLION // 17),
        f"<freisteller:job {OURS}>" * 6000 + "&lt;" * (MILLION // 8) + "</freisteller:job>" * 6000,
        "</rdf:" * (MILLION // 6),
        "<a>" * (MILLION // 7) + "</a>" * (MILLION // 7),
        f"<a {' '.join(f'a{n}=' + chr(34) * 2 for n in range(MILLION // 10))}/>",
    ],
    ids=[
        "blanks", "blanks in a tag", "open descriptions", "open descriptions of ours", "descriptions of ours",
        "open tags in descriptions", "many tags", "open tags", "tags in tags", "ends of nothing", "deep", "attributes",
    ],
)  # fmt: skip
def test_no_megabyte_of_anything_makes_it_slow(content: str) -> None:
    for whole in (packet(content), packet(content)[:-300]):
        tagged = xmp.tagged(whole, "job", "(c) Studio")

        assert job_in(tagged) == "job"


def test_a_packet_larger_than_any_that_is_parsed_takes_the_tag() -> None:
    large = packet("<p xmlns='urn:p'>" + "x" * 5 * MILLION + "</p>")

    tagged = xmp.tagged(large, "job")

    assert len(tagged) > len(large)
    assert job_in(tagged) == "job"


PIECES = st.lists(
    st.sampled_from([
        RDF, "</rdf:RDF>", "<rdf:RDF/>", "<rdf:Description>", "<rdf:Description/>", f"<rdf:Description {OURS}>",
        "</rdf:Description>", "<freisteller:job>", f"<freisteller:job {OURS}>", f"<freisteller:job {OURS}/>",
        "</freisteller:job>", "<a>", "</a>", "<a/>", " ", "x", "&lt;", "<!-- > -->", "<?p /?>",
        "<![CDATA[</rdf:RDF>]]>",
    ]),
    max_size=12,
)  # fmt: skip


@given(PIECES)
def test_whatever_the_pieces_the_tag_is_found_and_what_was_well_formed_stays_so(pieces: list[str]) -> None:
    whole = packet("".join(pieces))
    tagged = xmp.tagged(whole, "job")

    assert job_in(tagged) == "job"
    try:
        ElementTree.fromstring(whole)
    except ElementTree.ParseError:
        return
    ElementTree.fromstring(tagged)


@given(st.binary(max_size=200))
def test_no_packet_is_broken_enough_to_stop_us(junk: bytes) -> None:
    assert job_in(xmp.tagged(junk, "job")) == "job"


@pytest.mark.parametrize("content", [None, b"<broken", b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a></x:xmpmeta>'])
def test_a_packet_that_cannot_be_parsed_keeps_nothing_of_its_caller_in_memory(content: bytes | None) -> None:
    class Pixels:
        """Stands for the photo in the frame of whoever asks."""

    def write() -> weakref.ref[Pixels]:
        pixels = Pixels()
        xmp.tagged(content, "job")
        return weakref.ref(pixels)

    gc.collect()
    gc.disable()
    try:
        assert write()() is None
    finally:
        gc.enable()
