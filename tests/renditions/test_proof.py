"""A written rendition is decoded anew, and whatever a shop would refuse in it is found."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures.values import Metadata
from daemon.pictures.whole_encoding import encoded
from daemon.renditions import encoded_rendition
from daemon.renditions.evidence import ToProve
from daemon.renditions.ground_proof import BLOCK, BLOCK_OF_COLOUR, ground_figures, touched_blocks
from daemon.renditions.proof import prove
from daemon.renditions.shop_rules import RULES
from daemon.renditions.wanted import WHITE, Canvas, Encoding, Proved, Rendition, RenditionFormat, ShopRules
from tests.pictures.drawing import profile, with_field
from tests.renditions.drawn import GREY, METADATA, RED, Drawing, ellipse

SHOP = ShopRules(
    least_longest=200,
    most_longest=10_000,
    least_width=100,
    least_height=100,
    most_pixels=1_000_000,
    ratio=1.0,
    least_share=0.8,
    most_share=0.9,
    exact_ground=WHITE,
    opaque=True,
    uncut=True,
    free_frame=True,
    formats=("jpeg", "png", "tiff"),
    most_bytes=1_000_000,
    names="amazon",
)
SUFFIX = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}


def asked(drawn: Drawing, format_: RenditionFormat = "jpeg", **rules: Any) -> ToProve:
    rendition = Rendition("shop", "", Canvas(1.0, 300), encoding=Encoding(format_), rules=replace(SHOP, **rules))
    return ToProve(rendition, drawn.cover, drawn.touched, (0.85, 0.7), export_name=f"B000123456{SUFFIX[format_]}")


def image_of(drawn: Drawing) -> Any:
    """A libvips image of what was drawn, with the metadata of a rendition."""
    image = pyvips.Image.new_from_array(drawn.pixels).copy(interpretation="srgb", xres=300 / 25.4, yres=300 / 25.4)
    assert METADATA.icc
    return with_field(image, "icc-profile-data", METADATA.icc)


def proofs(path: Path, to_prove: ToProve) -> dict[str, Proved]:
    return {proof.rule: proof for proof in prove(path, to_prove)}


def broken(path: Path, to_prove: ToProve) -> list[str]:
    return [proof.rule for proof in prove(path, to_prove) if not proof.holds]


@pytest.mark.parametrize("format_", ["jpeg", "png", "tiff"])
def test_a_rendition_as_it_is_made_keeps_every_rule(tmp_path: Path, format_: RenditionFormat) -> None:
    drawn = ellipse(RED)
    to_prove = asked(drawn, format_)
    path = tmp_path / f"shop{SUFFIX[format_]}"
    encoded_rendition.write(
        path, encoded_rendition.encoded_rendition(drawn.pixels, drawn.touched, to_prove.rendition, METADATA)
    )

    found = proofs(path, to_prove)

    assert [proof for proof in found.values() if not proof.holds] == []
    only_in_jpeg = {"edge_white_min"} if format_ != "jpeg" else set()
    assert found.keys() == RULES.keys() - only_in_jpeg - {"edge_ground_off"}
    assert all(proof.found and proof.wanted for proof in found.values())


def test_what_is_not_asked_is_not_told(tmp_path: Path) -> None:
    drawn = ellipse()
    image_of(drawn).pngsave(str(tmp_path / "shop.png"))
    to_prove = asked(drawn, "png")
    free = replace(to_prove, rendition=replace(to_prove.rendition, rules=ShopRules()))

    assert proofs(tmp_path / "shop.png", free).keys() == {
        "format", "size", "colour_space", "bits", "profile", "frames", "upright", "private",
    }  # fmt: skip


def test_a_grey_background_is_held_against_its_own_grey(tmp_path: Path) -> None:
    drawn = ellipse(RED, ground=(240, 240, 240))
    image_of(drawn).jpegsave(str(tmp_path / "shop.jpg"), Q=100, subsample_mode="off")

    found = proofs(tmp_path / "shop.jpg", asked(drawn, exact_ground=(240, 240, 240)))

    assert found["ground"].holds
    assert found["frame_exact"].holds
    assert "edge_white_min" not in found
    assert found["edge_ground_off"].wanted == "≤ 5"


def dotted(drawn: Drawing, row: int, column: int, value: int = 254) -> Drawing:
    pixels = drawn.pixels.copy()
    pixels[row, column] = value
    return replace(drawn, pixels=pixels)


def as_png(drawn: Drawing, path: Path) -> None:
    image_of(drawn).pngsave(str(path))


def test_254_in_a_corner_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(dotted(drawn, 0, 299), tmp_path / "shop.png")

    found = proofs(tmp_path / "shop.png", asked(drawn, "png"))

    assert not found["ground"].holds
    assert found["ground"].found.startswith("1 / ")
    assert not found["frame_exact"].holds
    assert found["frame_exact"].found == "1 / 1196"


def test_254_beside_the_edge_of_a_png_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    row = int(np.argmax(drawn.touched[:, 150])) - 1
    as_png(dotted(drawn, row, 150), tmp_path / "shop.png")

    assert broken(tmp_path / "shop.png", asked(drawn, "png")) == ["ground"]


def test_grey_at_the_frame_of_a_jpeg_is_found_even_where_the_subject_touches_the_block(tmp_path: Path) -> None:
    drawn = ellipse(size=(300, 300), at=(0.5, 0.403))  # it begins a pixel below the frame
    image_of(drawn).jpegsave(str(tmp_path / "shop.jpg"), Q=92, subsample_mode="off")
    assert drawn.touched.any(1).argmax() in (1, 2)

    assert "frame_exact" in broken(tmp_path / "shop.jpg", asked(drawn))


def test_a_subject_that_stands_on_the_frame_does_not_break_the_frame_beside_it(tmp_path: Path) -> None:
    drawn = ellipse(size=(300, 300), at=(0.5, 0.3))
    image_of(drawn).jpegsave(str(tmp_path / "shop.jpg"), Q=99, subsample_mode="off")

    found = proofs(tmp_path / "shop.jpg", replace(asked(drawn), cut=("top",)))

    assert found["frame_exact"].holds
    assert not found["free_frame"].holds
    assert found["uncut"] == Proved("uncut", False, "top", "-")


def test_ringing_of_small_colours_is_excused_only_in_the_blocks_that_it_can_reach(tmp_path: Path) -> None:
    drawn = ellipse(RED, (301, 301))
    image_of(drawn).jpegsave(str(tmp_path / "shop.jpg"), Q=75, subsample_mode="on")

    found = proofs(tmp_path / "shop.jpg", asked(drawn))

    assert found["ground"].holds
    assert not found["edge_white_min"].holds
    assert 200 < int(found["edge_white_min"].found) < 250
    pixels = pyvips.Image.new_from_file(str(tmp_path / "shop.jpg")).numpy()
    assert ground_figures(pixels, drawn.touched, WHITE, BLOCK).wrong, "blocks of 8 would not have excused it"


def test_a_jpeg_of_a_jpeg_is_found(tmp_path: Path) -> None:
    drawn = ellipse(RED)
    image_of(dotted(drawn, 4, 4, 250)).jpegsave(str(tmp_path / "shop.jpg"), Q=95, subsample_mode="off")

    assert "ground" in broken(tmp_path / "shop.jpg", asked(drawn))


def grown(drawn: Drawing) -> Any:
    return image_of(drawn).embed(0, 0, 302, 300, extend="white")


def twice(drawn: Drawing) -> Any:
    return image_of(drawn).join(image_of(drawn), "vertical")


def with_gps(drawn: Drawing) -> Any:
    return with_field(image_of(drawn), "exif-ifd3-GPSLatitude", "52/1 30/1 0/1")


def with_serial_number(drawn: Drawing) -> Any:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><aux:SerialNumber>77</aux:SerialNumber></x:xmpmeta>'
    return with_field(image_of(drawn), "xmp-data", packet)


FAULTS: dict[str, tuple[Callable[[Drawing], Any], RenditionFormat, dict[str, Any], str]] = {
    "a palette": (image_of, "png", {"palette": True}, "colour_space"),
    "16 bit": (lambda drawn: image_of(drawn).cast("ushort") * 257, "tiff", {}, "bits"),
    "an alpha that is left": (lambda drawn: image_of(drawn).bandjoin(255), "png", {}, "opaque"),
    "grey": (lambda drawn: image_of(drawn).colourspace("b-w"), "png", {}, "colour_space"),
    "CMYK": (lambda drawn: image_of(drawn).icc_transform("cmyk"), "jpeg", {}, "colour_space"),
    "a profile of CMYK": (image_of, "tiff", {"profile": "cmyk"}, "profile"),
    "another profile": (image_of, "png", {"profile": "p3"}, "profile"),
    "no profile": (lambda drawn: pyvips.Image.new_from_array(drawn.pixels), "png", {}, "profile"),
    "two frames": (twice, "tiff", {"page_height": 300}, "frames"),
    "it lies on its side": (lambda drawn: with_field(image_of(drawn), "orientation", 6), "jpeg", {}, "upright"),
    "a place": (with_gps, "jpeg", {}, "private"),
    "a serial number": (with_serial_number, "png", {}, "private"),
    "another size": (grown, "png", {}, "size"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(tmp_path: Path, fault: str) -> None:
    make, format_, options, rule = FAULTS[fault]
    drawn = ellipse()
    path = tmp_path / f"shop{SUFFIX[format_]}"
    image = make(drawn)
    if "profile" in options:
        image = with_field(image, "icc-profile-data", profile(options["profile"]))
        options = {}
    image.write_to_file(str(path), **options)

    assert rule in broken(path, asked(drawn, format_))


def test_a_suffix_that_lies_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "real.png")
    (tmp_path / "real.png").rename(tmp_path / "shop.jpg")

    found = proofs(tmp_path / "shop.jpg", asked(drawn))

    assert found["format"] == Proved("format", False, "jpeg, png", "jpeg, png, tiff")


def test_a_suffix_that_lies_in_the_export_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")

    assert broken(tmp_path / "shop.png", replace(asked(drawn, "png"), export_name="B000123456.jpg")) == ["format"]


def test_a_format_that_the_shop_does_not_take_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")

    assert broken(tmp_path / "shop.png", asked(drawn, "png", formats=("jpeg",))) == ["format"]


def test_a_file_that_is_cut_off_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")
    content = (tmp_path / "shop.png").read_bytes()
    (tmp_path / "shop.png").write_bytes(content[: len(content) // 2])

    assert broken(tmp_path / "shop.png", asked(drawn, "png")) == ["readable"]


LIMITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "longest_side": ({"least_longest": 301}, "300", "≥ 301, ≤ 10000"),
    "width": ({"least_width": 301}, "300", "≥ 301"),
    "height": ({"least_height": 301}, "300", "≥ 301"),
    "pixels": ({"most_pixels": 89_999}, "90000", "≤ 89999"),
    "ratio": ({"ratio": 1.01}, "1", "1.01"),
    "share": ({"least_share": 0.86}, "0.85", "≥ 0.86, ≤ 0.9"),
}


@pytest.mark.parametrize("rule", LIMITS)
def test_a_figure_beyond_its_limit_is_found(tmp_path: Path, rule: str) -> None:
    rules, found, wanted = LIMITS[rule]
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")

    proof = proofs(tmp_path / "shop.png", asked(drawn, "png", **rules))[rule]

    assert proof == Proved(rule, False, found, wanted)


def test_too_many_bytes_are_found(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")
    size = (tmp_path / "shop.png").stat().st_size

    proof = proofs(tmp_path / "shop.png", asked(drawn, "png", most_bytes=size - 1))["bytes"]

    assert proof == Proved("bytes", False, str(size), f"≤ {size - 1}")


def test_a_share_goes_by_area_where_that_is_asked(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")
    to_prove = asked(drawn, "png")
    by_area = replace(to_prove.rendition, placing=replace(to_prove.rendition.placing, fill_by="area"))

    assert proofs(tmp_path / "shop.png", replace(to_prove, rendition=by_area))["share"].found == "0.7"


def test_a_name_that_amazon_refuses_is_found_with_the_reason(tmp_path: Path) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")

    proof = proofs(tmp_path / "shop.png", replace(asked(drawn, "png"), export_name="shoe-1.png"))["name"]

    assert not proof.holds
    assert "shoe-1.png" in proof.found


def test_where_the_subject_covers_the_background_need_not_be_white_even_if_nobody_says_it_is_touched(
    tmp_path: Path,
) -> None:
    drawn = ellipse()
    as_png(drawn, tmp_path / "shop.png")

    assert broken(tmp_path / "shop.png", asked(replace(drawn, touched=drawn.touched & False), "png")) == []


def test_a_shadow_on_the_frame_is_found(tmp_path: Path) -> None:
    drawn = ellipse()
    touched = drawn.touched.copy()
    touched[-1, 100:120] = True
    as_png(drawn, tmp_path / "shop.png")

    proof = proofs(tmp_path / "shop.png", asked(replace(drawn, touched=touched), "png"))["free_frame"]

    assert (proof.holds, proof.found) == (False, "20")


@pytest.mark.parametrize(("ratio", "size"), [(1.91, (1200, 628)), (1 / 1.44, (1801, 2600)), (0.8, (3, 4))])
def test_a_ratio_that_a_shop_rounds_is_kept(tmp_path: Path, ratio: float, size: tuple[int, int]) -> None:
    drawn = Drawing(
        np.full((size[1], size[0], 3), 255, np.uint8), np.zeros(size[::-1], np.uint8), np.zeros(size[::-1], bool)
    )
    as_png(drawn, tmp_path / "shop.png")

    assert proofs(tmp_path / "shop.png", asked(drawn, "png", ratio=ratio))["ratio"].holds


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 39),
    st.integers(0, 39),
    st.sampled_from([BLOCK, BLOCK_OF_COLOUR]),
)
def test_blocks_hold_what_touches_them_and_nothing_of_other_blocks(
    width: int, height: int, x: int, y: int, block: int
) -> None:
    touched = np.zeros((height, width), bool)
    touched[y % height, x % width] = True

    rows, columns = np.nonzero(touched_blocks(touched, block))

    grown = 1 if block == BLOCK_OF_COLOUR else 0
    for found, at, size in ((rows, y % height, height), (columns, x % width, width)):
        first = at // block * block
        assert found.min() == max(0, first - grown)
        assert found.max() == min(size, first + block + grown) - 1


@pytest.mark.parametrize("quality", [75, 92, 100])
@pytest.mark.parametrize("colour", [GREY, RED])
@pytest.mark.parametrize("full", [True, False])
def test_a_jpeg_changes_nothing_outside_of_the_blocks_that_are_excused(
    tmp_path: Path, quality: int, colour: tuple[int, int, int], full: bool
) -> None:
    drawn = ellipse(colour, (157, 203), at=(0.47, 0.52))
    image_of(drawn).jpegsave(str(tmp_path / "shop.jpg"), Q=quality, subsample_mode="off" if full else "on")

    pixels = pyvips.Image.new_from_file(str(tmp_path / "shop.jpg")).numpy()
    figures = ground_figures(pixels, drawn.touched, WHITE, BLOCK if full else BLOCK_OF_COLOUR)

    assert (figures.wrong, figures.pixels > 10_000) == (0, True)


def test_a_file_without_metadata_of_ours_says_so(tmp_path: Path) -> None:
    drawn = ellipse()
    (tmp_path / "shop.png").write_bytes(encoded(drawn.pixels, "png", Metadata(), 100))

    assert broken(tmp_path / "shop.png", asked(drawn, "png")) == ["profile"]
