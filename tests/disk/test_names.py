import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.disk.names import NAME_BYTES, clean_name, name_key, name_keys, shorten, split_suffix

NFD = unicodedata.normalize("NFD", "Grüße")


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert clean_name("kunde 7/Schuh (rot) & grün 👟.jpg") == "kunde 7/Schuh (rot) & grün 👟.jpg"


def test_a_name_from_a_mac_becomes_nfc() -> None:
    assert clean_name(f"{NFD}/{NFD}.jpg") == "Grüße/Grüße.jpg"


@pytest.mark.parametrize(
    ("found", "cleaned"),
    [
        ("two\nlines.jpg", "two_lines.jpg"),
        ("bell\x07\x9b.jpg", "bell__.jpg"),
        ("a\u2028b.jpg", "a_b.jpg"),
        ("photo\u202egpj.exe.jpg", "photo_gpj.exe.jpg"),
        ('<>:"|?*\\.jpg', "________.jpg"),
        ("folder. ./x.jpg", "folder/x.jpg"),
        ("dots....", "dots"),
        ("CON.jpg", "_CON.jpg"),
        ("aux", "_aux"),
        ("com1.tif", "_com1.tif"),
        ("console.jpg", "console.jpg"),
        ("../../etc/passwd.jpg", "_/_/etc/passwd.jpg"),
        ("a//b.jpg", "a/b.jpg"),
        ("", "_"),
        (b"bad\xff\xfe.jpg", "bad_.jpg"),
        (b"bad\xff.jpg", "bad_.jpg"),
    ],
)
def test_what_other_systems_cannot_bear_is_replaced(found: str | bytes, cleaned: str) -> None:
    assert clean_name(found) == cleaned


def test_a_name_at_the_limit_keeps_its_suffix() -> None:
    grown = "\u0958" * 85 + ".jpg"  # NFC writes this letter with more bytes than it had

    cleaned = clean_name(grown)

    assert len(cleaned.encode()) <= NAME_BYTES
    assert cleaned.endswith(".jpg")


@given(st.binary(max_size=600))
def test_any_bytes_become_a_name_that_can_be_written(path: bytes) -> None:
    cleaned = clean_name(path)

    assert cleaned == unicodedata.normalize("NFC", cleaned)
    for part in cleaned.split("/"):
        assert part not in ("", ".", "..")
        assert len(part.encode()) <= NAME_BYTES
        assert part.isprintable() or not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in part)


@given(st.binary(max_size=600))
def test_cleaning_twice_changes_nothing(path: bytes) -> None:
    assert clean_name(clean_name(path)) == clean_name(path)


def test_names_that_a_client_cannot_tell_apart_are_the_same() -> None:
    assert name_key(NFD + ".JPG") == name_key("grüsse.jpg")
    assert name_key("a.jpg") != name_key("b.jpg")


@pytest.mark.parametrize("names", [[], ["A.jpg", "b.JPG", "a.jpg"], ["A.jpg", NFD + ".JPG", "Straße", "İ"]])
def test_many_names_have_the_keys_that_each_has_alone(names: list[str]) -> None:
    assert name_keys(names) == {name_key(name) for name in names}


@given(st.text(max_size=300), st.sampled_from(["", ".png", "-12_mask.png"]))
def test_a_shortened_name_fits_and_keeps_its_tail(stem: str, tail: str) -> None:
    name = shorten(stem, tail)

    assert len(name.encode()) <= NAME_BYTES
    assert name.endswith(tail)
    assert stem.startswith(name.removesuffix(tail)) or tail == ""


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("photo.jpg", ("photo", ".jpg")),
        ("archive.tar.gz", ("archive.tar", ".gz")),
        (".hidden", (".hidden", "")),
        ("no suffix", ("no suffix", "")),
        ("v1.this is a sentence", ("v1.this is a sentence", "")),
    ],
)
def test_a_suffix_is_what_follows_the_last_dot(name: str, parts: tuple[str, str]) -> None:
    assert split_suffix(name) == parts
