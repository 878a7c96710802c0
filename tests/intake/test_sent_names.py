"""What a sender calls a photo never leads anywhere, and never surprises a person who sees it in a folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from daemon.disk.names import clean_name
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder
from daemon.intake.sent_names import name_of_order, name_of_photo

PNG, JPEG = b"\x89PNG\r\n\x1a\n" + bytes(8), b"\xff\xd8\xff" + bytes(8)
TIFF, RAW = b"II*\0" + bytes(8), b"IIU\0" + bytes(8)


@pytest.mark.parametrize(
    ("sent", "head", "name"),
    [
        ("shoe.png", PNG, "shoe.png"),
        ("shoe.PNG", PNG, "shoe.PNG"),
        ("shoe.jpg", PNG, "shoe.png"),
        ("shoe.jpeg", JPEG, "shoe.jpeg"),
        ("shoe.html", JPEG, "shoe.html.jpg"),
        ("shoe.v2", PNG, "shoe.v2.png"),
        ("~", b"what?", "_~_"),
        ("shoe.part", b"what?", "_shoe.part_"),
        ("~$shoe", PNG, "_~$shoe.png"),
        ("shoe", PNG, "shoe.png"),
        ("", PNG, "photo.png"),
        ("../../etc/passwd", PNG, "passwd.png"),
        ("C:\\photos\\shoe.png", PNG, "shoe.png"),
        ("..", PNG, "photo.png"),
        ("...", PNG, "photo.png"),
        (".hidden.png", PNG, "hidden.png"),
        ("con.png", PNG, "_con.png"),
        ("a\nb\x00c\x1b.png", PNG, "a_bc_.png"),
        ("~$shoe.png", PNG, "_~$shoe.png"),
        ("u\u0308.png", PNG, "\u00fc.png"),
        ("IMG.NEF", TIFF, "IMG.NEF"),
        ("scan", TIFF, "scan.tif"),
        ("IMG.ORF", RAW, "IMG.ORF"),
        ("gpj\u202egnp.png", PNG, "gpj_gnp.png"),
        ("shoe.png/", PNG, "photo.png"),
    ],
)
def test_the_last_part_counts_and_the_content_gives_the_suffix(sent: str, head: bytes, name: str) -> None:
    assert name_of_photo(sent, head) == name


@pytest.mark.parametrize(
    ("sent", "name"),
    [("kunde", "kunde"), ("", ""), ("../kunde", "kunde"), ("a/b\\c", "c"), ("..", ""), (".git", "git"), ("nul", "_nul"),
     ("@eaDir", "_@eaDir"), ("x" * 300, "x" * 200), ("kunde.", "kunde")],
)  # fmt: skip
def test_an_order_is_one_folder_or_none(sent: str, name: str) -> None:
    assert name_of_order(sent) == name


@given(some.text(), some.sampled_from([PNG, JPEG, TIFF, RAW, b"what?"]))
def test_whatever_is_sent_makes_a_name_that_stays_as_it_is(sent: str, head: bytes) -> None:
    for name in (name_of_photo(sent, head), name_of_order(sent) or "ok"):
        assert 0 < len(name.encode()) <= 200
        assert not {"/", "\\", "\0"} & set(name)
        assert not name.startswith(".")
        assert clean_name(name) == name
    assert not is_ignored_file(name_of_photo(sent, head))
    assert not is_ignored_folder(name_of_order(sent) or "ok")
    assert name_of_order(name_of_order(sent)) == name_of_order(sent)
