"""GIF: the first picture on its screen, whole and cut off, still and animated."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.file_structure import follow_to_end, remarks_on
from daemon.pictures.gif import unpacked
from daemon.pictures.gif_blocks import joined
from daemon.pictures.partial_file import EndMissing
from daemon.pictures.reading import memory_need, open_photo, open_small, prove_decodes
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, file_of, profile

LIMIT = 500.0


def indexed(width: int = 96, height: int = 64, seed: int = 0, colours: int = 200) -> Image.Image:
    """A picture with a palette."""
    return Image.fromarray(coloured(width, height, seed)).quantize(colours)


def gif(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "GIF", **options)
    return file.getvalue()


def rgb_of(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))


def read(tmp_path: Path, content: bytes) -> Samples:
    path = file_of(tmp_path, content)
    prove_decodes(path, LIMIT)
    return open_photo(path, LIMIT).rgba


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("size", [(96, 64), (1, 1), (7, 3), (200, 301)])
@pytest.mark.parametrize("colours", [2, 3, 16, 200])
def test_a_still_one_comes_back_as_pillow_reads_it(
    tmp_path: Path, interlace: int, size: tuple[int, int], colours: int
) -> None:
    image = indexed(*size, colours=colours)

    found = read(tmp_path, gif(image, interlace=interlace))

    assert np.array_equal(found[..., :3], rgb_of(image))
    assert (found[..., 3] == 255).all()


def test_a_code_that_is_transparent_is_its_own_alpha(tmp_path: Path) -> None:
    image = indexed()
    content = gif(image, transparency=5)

    path = file_of(tmp_path, content)
    photo = open_photo(path, LIMIT)

    clear = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))[..., 3]
    assert photo.own_alpha is not None
    assert 0 < (clear == 0).sum() < clear.size
    assert np.array_equal(photo.own_alpha, clear)


def test_a_transparent_code_that_no_pixel_has_makes_no_alpha(tmp_path: Path) -> None:
    content = bytearray(gif(indexed(colours=100), transparency=5))
    control = content.index(b"\x21\xf9\x04")
    content[control + 6] = 255

    assert open_photo(file_of(tmp_path, bytes(content)), LIMIT).own_alpha is None


def test_a_picture_s_own_palette_counts_before_that_of_the_file(tmp_path: Path) -> None:
    content = gif(indexed())
    start = content.index(b"\x2c\0\0\0\0")
    table = content[13 : 13 + 768]
    own = content[:13] + bytes(768) + content[13 + 768 : start + 9] + b"\xc7" + table + content[start + 10 :]

    assert np.array_equal(read(tmp_path, own)[..., :3], rgb_of(indexed()))


def on_screen(content: bytes, width: int, height: int, left: int = 0, top: int = 0) -> bytes:
    """The same picture on another screen."""
    changed = bytearray(content)
    struct.pack_into("<HH", changed, 6, width, height)
    struct.pack_into("<HH", changed, content.index(b"\x2c\0\0\0\0") + 1, left, top)
    return bytes(changed)


def test_what_is_free_of_the_screen_is_transparent(tmp_path: Path) -> None:
    image = indexed()

    found = read(tmp_path, on_screen(gif(image), 120, 80, left=20, top=10))

    assert found.shape == (80, 120, 4)
    assert np.array_equal(found[10:74, 20:116, :3], rgb_of(image))
    assert (found[10:74, 20:116, 3] == 255).all()
    assert found[..., 3].sum() == 255 * 96 * 64


def test_a_screen_that_is_too_small_grows(tmp_path: Path) -> None:
    assert np.array_equal(read(tmp_path, on_screen(gif(indexed()), 0, 0))[..., :3], rgb_of(indexed()))


def test_an_animated_one_is_named(tmp_path: Path) -> None:
    frames = [indexed(seed=seed) for seed in range(3)]
    path = file_of(tmp_path, gif(frames[0], save_all=True, append_images=frames[1:], duration=80))

    for read_it in (prove_decodes, open_photo):
        with pytest.raises(BadPhoto, match=r"photo\.jpg is animated\. Save the one picture you want as a still"):
            read_it(path, LIMIT)


def extension(name: bytes, content: bytes) -> bytes:
    blocks = b"".join(
        bytes([len(content[at : at + 255])]) + content[at : at + 255] for at in range(0, len(content), 255)
    )
    return b"\x21\xff\x0b" + name + blocks + b"\0"


def test_a_profile_and_xmp_go_along(tmp_path: Path) -> None:
    content = gif(indexed())
    start = content.index(b"\x2c\0\0\0\0")
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"x" * 700 + b"</x:xmpmeta>"
    magic = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    told = extension(b"ICCRGBG1012", profile("p3")) + b"\x21\xff\x0bXMP DataXMP" + packet + magic

    path = file_of(tmp_path, content[:start] + told + content[start:])
    prove_decodes(path, LIMIT)
    photo = open_photo(path, LIMIT)

    assert photo.icc == profile("p3")
    assert photo.metadata.xmp == packet
    assert np.array_equal(photo.pixels, rgb_of(indexed()))


WHOLE = gif(indexed())


@pytest.mark.parametrize("lost", [2, 3, 40, len(WHOLE) // 2])
def test_one_that_is_cut_off_is_not_whole(tmp_path: Path, lost: int) -> None:
    path = file_of(tmp_path, WHOLE[:-lost])

    with path.open("rb") as file, pytest.raises(NotWholeYet) as raised:
        follow_to_end(file.fileno())
    assert not isinstance(raised.value, EndMissing)
    with pytest.raises(NotWholeYet, match="photo"):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match="damaged or cut off"):
        open_photo(path, LIMIT)


def test_codes_that_end_before_the_picture_are_damage(tmp_path: Path) -> None:
    """Its blocks are all there, and libvips would show the rest as black."""
    start = WHOLE.index(b"\x2c\0\0\0\0") + 10
    codes = joined(WHOLE[start + 1 :])
    half = codes[: len(codes) // 2]
    blocks = b"".join(bytes([len(half[at : at + 255])]) + half[at : at + 255] for at in range(0, len(half), 255))
    path = file_of(tmp_path, WHOLE[: start + 1] + blocks + b"\0;")

    with path.open("rb") as file:
        assert follow_to_end(file.fileno()) is None
    with pytest.raises(NotWholeYet, match="6144 pixels are announced, and"):
        prove_decodes(path, LIMIT)


def test_zeros_where_data_should_be_are_data_to_come(tmp_path: Path) -> None:
    for kept in (len(WHOLE) // 2, len(WHOLE) - 1):
        path = file_of(tmp_path, WHOLE[:kept] + bytes(5000))

        with path.open("rb") as file, pytest.raises(NotWholeYet) as raised:
            follow_to_end(file.fileno())
        assert not isinstance(raised.value, EndMissing)


def test_one_without_its_last_byte_is_believed_later(tmp_path: Path) -> None:
    path = file_of(tmp_path, WHOLE[:-1])

    with path.open("rb") as file, pytest.raises(EndMissing):
        follow_to_end(file.fileno())
    prove_decodes(path, LIMIT)
    assert open_photo(path, LIMIT).remarks == ("its end mark is missing; all rows of the picture are there",)


@pytest.mark.parametrize("behind", [b"", b"\0", b"trailing bytes", bytes(5000)])
def test_what_follows_the_trailer_does_not_matter(tmp_path: Path, behind: bytes) -> None:
    with file_of(tmp_path, WHOLE + behind).open("rb") as file:
        assert follow_to_end(file.fileno()) is None
        assert remarks_on(file.fileno()) == ()


def test_a_header_that_claims_60_000_pixels_each_way_is_refused_at_once(tmp_path: Path) -> None:
    path = file_of(tmp_path, on_screen(WHOLE, 60_000, 60_000))

    for read_it in (prove_decodes, open_photo, memory_need):
        with pytest.raises(BadPhoto, match="60000 x 60000"):
            read_it(path, LIMIT)


def test_a_small_version_is_the_same_picture(tmp_path: Path) -> None:
    small = open_small(file_of(tmp_path, gif(indexed(300, 200))), 60, LIMIT)

    expected = np.asarray(indexed(300, 200).convert("RGB").resize((60, 40), Image.Resampling.BOX)).astype(int)
    assert np.abs(small.pixels.astype(int) - expected).mean() < 4


@given(st.binary(max_size=400), st.integers(0, 12), st.integers(1, 500))
def test_no_codes_are_strange_enough_to_stop_us(data: bytes, bits: int, wanted: int) -> None:
    try:
        values = unpacked(data, bits, wanted)
    except ValueError:
        return
    assert len(values) < wanted + 4096


@given(st.lists(st.integers(0, 3), min_size=1, max_size=3000), st.sampled_from([1, 7, 64]), st.booleans())
@settings(max_examples=60)
def test_any_picture_comes_back(values: list[int], width: int, interlace: bool) -> None:
    rows = max(1, len(values) // width)
    codes = np.resize(np.array(values, np.uint8), (rows, width))
    image = Image.fromarray(codes, "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    content = gif(image, interlace=interlace, optimize=False)
    start = content.index(b"\x2c\0\0\0\0") + 10

    found = unpacked(joined(content[start + 1 :]), content[start], codes.size)

    assert sorted(found) == sorted(codes.ravel())
