"""Where things lie in a rendition."""

import pytest

from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.layout import RenditionLayout, laid_out
from daemon.renditions.subject_box import SubjectBox
from daemon.renditions.wanted import Canvas, Placing, Rendition
from tests.renditions.shapes import box_of, ellipse, rectangle, wanted

LARGE = box_of(ellipse(3000, 3000, 1201, 1501))


def place(layout: RenditionLayout) -> tuple[int, int, int, int]:
    """The room to the left, above, to the right and below."""
    left, top, right, bottom = layout.box
    return left, top, layout.size[0] - right, layout.size[1] - bottom


@pytest.mark.parametrize("longest", [500, 1000, 1601])
@pytest.mark.parametrize("fill", [0.7, 0.85, 0.87])
@pytest.mark.parametrize("ratio", [1.0, 1.91, 762 / 1100, None])
@pytest.mark.parametrize("at", ["centre", "optical", "bottom"])
def test_the_share_is_what_was_asked_and_never_less(longest: int, fill: float, ratio: float | None, at: str) -> None:
    layout = laid_out(LARGE, wanted(longest, ratio, fill=fill, at=at))

    assert fill <= layout.share[0] <= fill + 0.01
    assert max(layout.size) == longest


@pytest.mark.parametrize("longest", [500, 999, 1601])
def test_the_share_of_the_area_is_what_was_asked_and_never_less(longest: int) -> None:
    layout = laid_out(LARGE, wanted(longest, fill=0.5, fill_by="area"))

    assert 0.5 <= layout.share[1] <= 0.51


def test_a_share_of_the_area_that_cannot_be_met_is_refused_with_a_figure() -> None:
    with pytest.raises(CannotDraw, match=r"85 %.* 80 %"):
        laid_out(LARGE, wanted(1000, fill=0.85, fill_by="area"))


def test_the_free_shape_gives_the_share_across_and_down() -> None:
    layout = laid_out(LARGE, wanted(1000, None, fill=0.8))
    left, top, right, bottom = place(layout)

    assert layout.size == (800, 1000)
    assert max(abs(left - right), abs(top - bottom)) <= 1
    assert layout.share[1] == pytest.approx(0.64, abs=0.002)


def test_the_subject_is_in_the_middle_of_what_margins_leave() -> None:
    layout = laid_out(LARGE, wanted(1000, fill=0.5, margins=(0.2, 0.0, 0.0, 0.1)))
    left, top, right, bottom = place(layout)

    assert left - 100 == pytest.approx(right, abs=1)
    assert top - 200 == pytest.approx(bottom, abs=1)


def test_margins_come_before_the_share_and_that_is_said() -> None:
    layout = laid_out(LARGE, wanted(1000, fill=0.9, margins=(0.2, 0.0, 0.2, 0.0)))

    assert layout.share[0] == pytest.approx(0.6, abs=0.001)
    assert place(layout)[1::2] == (200, 200)
    assert layout.remarks == ("smaller_than_asked",)


def test_a_result_that_shows_nothing_is_refused() -> None:
    with pytest.raises(CannotDraw, match="nothing to see"):
        laid_out(None, wanted(1000))


def test_margins_that_leave_no_room_are_refused() -> None:
    with pytest.raises(CannotDraw, match="no room"):
        laid_out(LARGE, wanted(1000, margins=(0.5, 0.0, 0.5, 0.0)))


@pytest.mark.parametrize("box", [LARGE, box_of(rectangle(500, 900, 2500, 1400, 3000, 3000))], ids=["high", "wide"])
def test_subjects_of_all_shapes_stand_on_one_line(box: SubjectBox) -> None:
    layout = laid_out(box, wanted(1000, at="bottom", line=0.9, fill=0.8))

    assert layout.box[3] == 900


def test_the_optical_centre_is_between_the_box_and_the_weight() -> None:
    alpha = rectangle(1000, 1000, 2000, 2000, 3000, 3000)
    alpha[1000:1900, 1200:] = 0  # an L: heavy at the left and at the bottom
    layout = laid_out(box_of(alpha), wanted(1000, fill=0.6, at="optical"))
    left, top, right, bottom = place(layout)

    assert left > right + 50
    assert bottom > top + 50


def test_nothing_is_enlarged_unless_that_is_asked() -> None:
    box = box_of(ellipse())

    assert laid_out(box, wanted(1000)).scale == 1
    assert "smaller_than_asked" in laid_out(box, wanted(1000)).remarks
    enlarged = laid_out(box, wanted(1000, enlarge=True))
    assert enlarged.scale == pytest.approx(850 / 151, abs=0.01)
    assert "enlarged" in enlarged.remarks
    assert 0.85 <= enlarged.share[0] <= 0.86


@pytest.mark.parametrize("ratio", [1.0, 0.8, None])
def test_a_canvas_that_grows_is_as_large_as_the_subjects_own_pixels_need(ratio: float | None) -> None:
    layout = laid_out(box_of(ellipse()), Rendition("test", "", Canvas(ratio, 1000, grows=True)))

    assert layout.scale == 1
    assert layout.size[1] == pytest.approx(151 / 0.85, abs=1)
    assert 0.85 <= layout.share[0] <= 0.86
    assert layout.remarks == ()


def test_a_canvas_that_grows_stops_at_its_longest_side() -> None:
    layout = laid_out(LARGE, Rendition("test", "", Canvas(1.0, 1000, grows=True)))

    assert layout.size == (1000, 1000)


@pytest.mark.parametrize(
    ("box", "side", "others"),
    [
        ((100, 0, 300, 200), 1, (0, 2, 3)),
        ((100, 50, 400, 200), 2, (0, 1, 3)),
        ((100, 50, 300, 300), 3, (0, 1, 2)),
        ((0, 50, 300, 200), 0, (1, 2, 3)),
    ],
)
@pytest.mark.parametrize("at", ["centre", "optical", "bottom"])
def test_what_the_photo_cuts_off_stays_on_that_edge(
    box: tuple[int, int, int, int], side: int, others: tuple[int, ...], at: str
) -> None:
    layout = laid_out(box_of(rectangle(*box)), wanted(200, fill=0.8, margins=(0.05,) * 4, at=at))

    room = place(layout)
    assert room[side] == 0
    assert all(room[other] >= 9 for other in others)


def test_a_subject_cut_off_on_both_sides_reaches_from_one_edge_to_the_other() -> None:
    layout = laid_out(box_of(rectangle(0, 100, 400, 200)), wanted(200, fill=0.5))

    assert layout.box[::2] == (0, 200)
    assert layout.remarks == ("spans",)


def test_a_subject_larger_than_the_photo_stays_whole_and_its_loose_edge_is_named() -> None:
    layout = laid_out(box_of(rectangle(0, 0, 400, 300)), wanted(200))

    assert layout.box[::2] == (0, 200)
    assert layout.box[3] == 200
    assert layout.box[1] > 0
    assert "cut_edge_inside" in layout.remarks
    assert laid_out(box_of(rectangle(0, 0, 400, 300)), wanted(200, None)).box == (0, 0, 200, 150)


def test_hair_is_shown_as_far_as_the_canvas_reaches() -> None:
    alpha = ellipse(3000, 3000, 1201, 1501)
    alpha[650:760, 1400:1403] = 160
    layout = laid_out(box_of(alpha), wanted(1000))
    assert layout.place[1] == pytest.approx(layout.box[1] - 100 * layout.scale, abs=1.01)
    assert layout.remarks == ()

    alpha[300:760, 1400:1403] = 160
    layout = laid_out(box_of(alpha), wanted(1000))
    assert layout.place[1] == 0
    assert layout.remarks == ("outside_clipped",)


@pytest.mark.parametrize("ratio", [1.0, 1.91, None])
@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("enlarge", [False, True])
def test_a_single_pixel_can_be_laid_out(ratio: float | None, grows: bool, enlarge: bool) -> None:
    box = box_of(rectangle(0, 0, 1, 1, 1, 1))

    layout = laid_out(box, Rendition("test", "", Canvas(ratio, 100, grows), Placing(enlarge=enlarge)))

    left, top, right, bottom = layout.box
    assert 0 <= left < right <= layout.size[0]
    assert 0 <= top < bottom <= layout.size[1]


def test_two_pixels_of_a_very_thin_thing_are_not_lost() -> None:
    layout = laid_out(box_of(rectangle(10, 10, 3990, 12, 4000, 300)), wanted(200))

    assert layout.box[3] - layout.box[1] == 1
    assert layout.size == (200, 200)
