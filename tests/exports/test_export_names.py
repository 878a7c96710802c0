"""Files of an export have the names that templates say, each once, and none outside of its folder."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.exports.export_names import (
    NoName,
    ascii_folded,
    export_name,
    filled_template,
)
from daemon.renditions.product_codes import amazon_name_fault
from daemon.renditions.wanted import Canvas, Rendition

SHOP = Rendition("shop", "", Canvas(1.0, 300), template="{sku}.PT{n:02}", folder="amazon")


def test_a_name_is_made_of_what_is_known_of_the_photo() -> None:
    name = export_name(SHOP, {"sku": "B000123456", "n": 2})

    assert name == "amazon/B000123456.PT02.jpg"
    assert amazon_name_fault(name.rpartition("/")[2]) is None


@pytest.mark.parametrize("value", ["", None])
def test_a_value_that_is_not_known_is_told_and_not_left_empty(value: str | None) -> None:
    values = {} if value is None else {"sku": value}

    with pytest.raises(NoName) as raised:
        filled_template("{sku}", values)
    assert raised.value.args[0].values["field"] == "sku"


@pytest.mark.parametrize("sku", ["../../etc/passwd", "a/b", "a\\b", "..", ".", "/", "con", "x" * 255, "a\nb"])
def test_no_value_leads_out_of_the_folder(sku: str) -> None:
    try:
        name = export_name(replace(SHOP, template="{sku}"), {"sku": sku})
    except NoName:
        return
    folder, _, file = name.rpartition("/")
    assert folder == "amazon"
    assert file not in (".", "..")
    assert "\\" not in file
    assert file.isprintable()
    assert len(file.encode()) <= 255


@given(st.text(max_size=40))
def test_a_name_for_an_address_is_ascii(text: str) -> None:
    assert ascii_folded(text).isascii()


@pytest.mark.parametrize(("text", "folded"), [("Größe Älter", "Groesse Aelter"), ("café", "cafe"), ("靴 1", "_ 1"), ("A\u0308", "Ae")])  # fmt: skip # noqa: E501
def test_letters_become_what_people_write_for_them(text: str, folded: str) -> None:
    assert ascii_folded(text) == folded


def test_umlauts_stay_where_no_address_is_made() -> None:
    stem = replace(SHOP, template="{stem}", folder="")

    assert export_name(stem, {"stem": "Größe"}) == "Größe.jpg"
    assert export_name(stem, {"stem": "Größe"}, ascii_only=True) == "Groesse.jpg"
