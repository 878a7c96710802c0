"""How much more memory renditions take, so that many photos in work do not end the program."""

import pytest

from daemon.renditions.named_renditions import rendition_of
from daemon.renditions.wanted import Canvas, Placing, Rendition
from daemon.settings.rendition_presets import shipped_presets
from daemon.work.rendition_need import need_with_renditions

PHOTO = 24_000_000
NEED = 11 * PHOTO
PLACING = Placing()


def own(canvas: Canvas, placing: Placing = PLACING) -> Rendition:
    return Rendition("own", "", canvas, placing)


def test_without_renditions_a_photo_takes_what_it_takes() -> None:
    assert need_with_renditions(NEED, ()) == NEED


def test_a_small_one_is_made_in_what_the_photo_has_given_back() -> None:
    assert need_with_renditions(NEED, [own(Canvas(1.0, 1000))]) == NEED


def test_one_of_the_photo_s_own_size_takes_what_was_measured() -> None:
    megabytes = need_with_renditions(NEED, [own(Canvas(1.5, 6000))]) / 1e6

    assert 650 < megabytes < 800  # 785 MB was the peak of the process, its libraries among it


def test_many_take_more_than_one_and_all_presets_no_more_than_was_measured_twice() -> None:
    presets = [rendition_of(name) for name in shipped_presets()]
    one, all_ = need_with_renditions(NEED, presets[:1]), need_with_renditions(NEED, presets)

    assert one <= all_
    assert all_ < 2 * 556e6


@pytest.mark.parametrize("canvas", [Canvas(None, 10_000), Canvas(1.0, 10_000, grows=True)])
def test_a_canvas_that_grows_with_the_subject_is_bounded_by_the_photo(canvas: Canvas) -> None:
    small = 11 * 1_000_000

    assert need_with_renditions(small, [own(canvas)]) < 100e6
    assert need_with_renditions(small, [own(canvas, Placing(enlarge=True))]) > 1e9
