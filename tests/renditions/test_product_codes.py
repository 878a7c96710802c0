"""Product codes that are wrong are told, with the reason, and never put right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import Said
from daemon.renditions.product_codes import (
    amazon_name_fault,
    asin_fault,
    check_digit,
    gtin_fault,
    gtin_name_fault,
)

BODIES = st.sampled_from((7, 11, 12, 13)).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)).filter(
    lambda digits: digits.strip("0")
)  # fmt: skip


def code_of(fault: Said | None) -> str:
    return fault.code if fault else ""


@pytest.mark.parametrize(("digits", "last"), [("629104150021", 3), ("890400021003", 7), ("400638133393", 1)])
def test_the_check_digit_is_that_of_gs1s_own_examples(digits: str, last: int) -> None:
    assert check_digit(digits) == last


@given(BODIES)
def test_digits_with_their_check_digit_are_a_gtin(body: str) -> None:
    assert gtin_fault(f"{body}{check_digit(body)}") is None


@given(BODIES, st.data())
def test_any_one_wrong_digit_is_found(body: str, data: st.DataObject) -> None:
    gtin = f"{body}{check_digit(body)}"
    place = data.draw(st.integers(0, len(gtin) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != gtin[place]]))

    assert gtin_fault(gtin[:place] + wrong + gtin[place + 1 :]) is not None


@given(st.sampled_from((7, 11, 12)).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)))
def test_zeros_at_the_beginning_do_not_change_the_check_digit(body: str) -> None:
    assert check_digit(body.rjust(13, "0")) == check_digit(body)


@given(st.text(max_size=20))
def test_a_text_of_any_kind_is_judged_and_not_choked_on(text: str) -> None:
    assert (gtin_fault(text) is None) <= (len(text) in (8, 12, 13, 14) and text.isascii() and text.isdigit())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("6.29E+12", "gtin_from_spreadsheet"),
        ("6,29104E+12", "gtin_from_spreadsheet"),
        ("4006381333931.0", "gtin_from_spreadsheet"),
        ("12345670123", "gtin_length"),  # a UPC-A whose zero at the beginning is gone
        ("", "gtin_not_digits"),
        ("4006381 333931", "gtin_not_digits"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "gtin_not_digits"),
        ("00000000", "gtin_only_zeros"),
        ("4006381333932", "gtin_check_digit"),
        ("4006381333931", ""),
        ("0012345678905", ""),
    ],
)
def test_a_gtin_is_refused_with_its_reason(text: str, code: str) -> None:
    assert code_of(gtin_fault(text)) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("B000123456", ""),
        ("B0C1ABCDEF", ""),
        ("316148410X", ""),
        ("3161484100", "isbn_check_digit"),
        ("080442957X", ""),
        ("B00012345", "asin_length"),
        ("b000123456", "asin_letters"),
        ("A000123456", "asin_letters"),
    ],
)
def test_an_asin_is_refused_with_its_reason(text: str, code: str) -> None:
    assert code_of(asin_fault(text)) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("B000123456.jpg", ""),
        ("B000123456.MAIN.jpg", ""),
        ("B000123456.PT02.jpg", ""),
        ("4006381333931.PT01.tif", ""),
        ("4006381333932.PT01.tif", "gtin_check_digit"),
        ("B000123456.PT00.jpg", "amazon_name_variant"),
        ("B000123456.PT2.jpg", "amazon_name_variant"),
        ("B000123456.main.jpg", "amazon_name_variant"),
        ("B000123456-PT02.jpg", "amazon_name_letters"),
        ("B000123456 .jpg", "amazon_name_letters"),
        ("Schühe.jpg", "amazon_name_letters"),
        ("", "amazon_name_letters"),
        ("B000123456.MAIN.PT01.jpg", "amazon_name_parts"),
        ("B000123456.MAIN", "amazon_name_parts"),
        ("B000123456.webp", "amazon_name_parts"),
        (".MAIN.jpg", "amazon_name_parts"),
        ("shoe.jpg", "asin_length"),
    ],
)
def test_a_file_name_for_amazon_is_refused_with_its_reason(name: str, code: str) -> None:
    assert code_of(amazon_name_fault(name)) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("4006381333931.jpg", ""),
        ("4006381333931_2.jpg", ""),
        ("04006381333931-front.jpg", ""),
        ("4006381333932_2.jpg", "gtin_check_digit"),
        ("shoe.jpg", "gtin_not_digits"),
    ],
)
def test_a_file_name_with_a_gtin_is_refused_with_its_reason(name: str, code: str) -> None:
    assert code_of(gtin_name_fault(name)) == code


def test_a_reason_names_the_code_and_what_is_wrong() -> None:
    said = gtin_fault("4006381333932")

    assert said == (
        '"4006381333932" is no GTIN: its last digit is 2, and by the others it would be 1. One of its digits is wrong.'
    )
