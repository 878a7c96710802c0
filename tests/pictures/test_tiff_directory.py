"""Directories of fields in TIFF files and EXIF blocks, as honest and as hostile writers make them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures.tiff_directory import Directory, Field, dialect_of, directory_at, in_memory, pages

TAG = 700
Entry = tuple[int, int, int, bytes]
"""Tag, type, number of values, the four or eight bytes of its value or of where it is."""


def tiff(order: str, big: bool, *directories: tuple[list[Entry], int], tail: bytes = b"") -> bytes:
    """A TIFF of directories one behind the other, each given as its entries and the position that it says is next."""
    mark = b"II" if order == "<" else b"MM"
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8))
    body = b"".join(
        struct.pack(order + ("Q" if big else "H"), len(entries))
        + b"".join(struct.pack(order + ("HHQ8s" if big else "HHI4s"), *entry) for entry in entries)
        + struct.pack(order + ("Q" if big else "I"), following)
        for entries, following in directories
    )
    return head + body + tail


def first_page(content: bytes) -> Directory:
    read = in_memory(content)
    dialect = dialect_of(read)
    assert dialect
    return next(pages(read, dialect))


def number_of_pages(content: bytes) -> int:
    read = in_memory(content)
    dialect = dialect_of(read)
    assert dialect
    return sum(1 for _ in pages(read, dialect))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_values_are_read_in_their_entry_and_behind_it(order: str, big: bool) -> None:
    size = 16 + 8 + 2 * 20 + 8 if big else 8 + 2 + 2 * 12 + 4
    offset = struct.pack(order + ("Q" if big else "I"), size)
    inline = (258, 3, 1, struct.pack(order + "H", 16))

    page = first_page(tiff(order, big, ([inline, (TAG, 2, 12, offset)], 0), tail=b"twelve bytes"))

    assert page.numbers(258) == (16,)
    assert page.field(TAG) == Field(2, 12, b"twelve bytes")
    assert page.following == 0
    assert page.numbers(TAG) == ()
    assert page.numbers(999) == ()


def test_a_chain_ends_where_it_meets_a_page_again() -> None:
    assert number_of_pages(tiff("<", False, ([], 14), ([], 8))) == 2
    assert number_of_pages(tiff("<", False, ([], 8))) == 1


def test_a_chain_of_very_many_pages_is_followed_for_a_while_only() -> None:
    chain = tiff("<", False, *(([], 8 + 6 * (number + 1)) for number in range(20_000)))

    assert number_of_pages(chain) == 10_000


def test_a_chain_that_leads_out_of_the_file_says_so_behind_the_pages_that_are_there() -> None:
    read = in_memory(tiff("<", False, ([], 4_000_000_000)))
    dialect = dialect_of(read)
    assert dialect
    chain = pages(read, dialect)

    assert next(chain).position == 8
    with pytest.raises(struct.error):
        next(chain)


@pytest.mark.parametrize("number", [2**16 - 1, 2**62, 2**64 - 1])
def test_a_directory_that_promises_any_number_of_entries_gives_those_that_are_there(number: int) -> None:
    big = number >= 2**16
    content = bytearray(tiff("<", big, ([(258, 3, 1, b"\x08")], 0)))
    struct.pack_into("<Q" if big else "<H", content, 16 if big else 8, number)

    page = first_page(bytes(content))

    assert page.numbers(258) == (8,)
    with pytest.raises(struct.error):
        _ = page.following


def test_of_thousands_of_entries_the_first_ones_are_taken_and_the_chain_goes_on() -> None:
    many: list[Entry] = [(1000 + number, 3, 1, b"\x07") for number in range(2000)]

    content = tiff("<", False, (many, 8 + 6 + 12 * len(many)), ([(258, 3, 1, b"\x08")], 0))

    assert len(first_page(content).fields()) == 512
    assert number_of_pages(content) == 2


@pytest.mark.parametrize(
    ("kind", "number", "position"),
    [
        (4, 2**32 - 1, 8), (4, 100, 2**32 - 1), (4, 100, 20), (2, 20_000, 8), (99, 1, 8), (0, 1, 8), (2, 0, 8),
    ],
    ids=["huge", "beyond any end", "beyond the end", "long", "of no type", "of type 0", "empty"],
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_not_there(kind: int, number: int, position: int) -> None:
    page = first_page(tiff("<", False, ([(TAG, kind, number, struct.pack("<I", position))], 0)))

    assert page.field(TAG) is None
    assert page.fields() == {}


def test_a_text_that_is_cut_off_can_be_had_as_far_as_it_goes() -> None:
    page = first_page(tiff("<", False, ([(TAG, 2, 12, struct.pack("<I", 26))], 0), tail=b"twelve"))

    assert page.field(TAG) is None
    assert page.cut_field(TAG) == Field(2, 12, b"twelve")


def test_a_value_is_read_only_when_it_is_asked_for() -> None:
    content = tiff("<", False, ([(TAG, 2, 12, struct.pack("<I", 26))], 0), tail=b"twelve bytes")
    asked: list[int] = []

    def read(length: int, position: int) -> bytes:
        asked.append(position)
        return content[position : position + length]

    dialect = dialect_of(read)
    assert dialect
    page = directory_at(read, dialect, dialect.first)

    assert 26 not in asked
    assert page.field(TAG)
    assert 26 in asked


@pytest.mark.parametrize("position", [0, -1, 2**63, 2**64 - 1])
def test_no_directory_lies_where_no_file_can_have_one(position: int) -> None:
    read = in_memory(tiff("<", True, ([], 0)))
    dialect = dialect_of(read)
    assert dialect

    with pytest.raises(struct.error):
        directory_at(read, dialect, position)


@given(st.binary(max_size=200), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0", b"MM\0+"]))
def test_no_file_is_strange_enough_for_an_error_of_another_kind(junk: bytes, head: bytes) -> None:
    read = in_memory(head + junk)
    try:
        dialect = dialect_of(read)
        for page in pages(read, dialect) if dialect else ():
            for tag in page.rows:
                page.numbers(tag)
                page.cut_field(tag)
    except struct.error:
        pass


def test_directories_that_lie_over_each_other_are_not_followed_for_ever() -> None:
    """One slot of 16 bytes each: the count of one directory, and the link of the one 383 slots before it."""
    slots = b"".join(struct.pack("<HI10x", 512, 8 + 16 * max(1, slot - 383)) for slot in range(10_400))

    read = in_memory(b"II*\0" + struct.pack("<I", 8) + slots)
    dialect = dialect_of(read)
    assert dialect

    assert sum(1 for _ in pages(read, dialect)) < 1000
