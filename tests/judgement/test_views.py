import numpy as np
import pytest

from daemon.jobs import View
from daemon.judgement.views import crop, place, subject_of, zoom_on
from tests.judgement.pictures import photo_and_truth, with_disc


def test_the_whole_view_changes_nothing() -> None:
    rgb, _ = photo_and_truth()
    assert np.array_equal(crop(rgb, View()), rgb)


def test_a_mirrored_view_is_mirrored_left_to_right() -> None:
    rgb, _ = photo_and_truth()
    assert np.array_equal(crop(rgb, View(mirrored=True)), rgb[:, ::-1])


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_was_cropped_comes_back_to_its_place(mirrored: bool) -> None:
    _, truth = photo_and_truth()
    view = View(0.1, 0.05, 0.97, 0.96, mirrored)
    whole = place(np.ascontiguousarray(crop(truth, view)), view, truth.shape, None)
    left, top = int(0.1 * truth.shape[1]), int(0.05 * truth.shape[0])
    assert np.array_equal(whole[top:200, left:300], truth[top:200, left:300])
    assert not whole[:top].any()


def test_outside_of_the_view_the_base_stays() -> None:
    _, truth = photo_and_truth()
    view = View(0.5, 0.0, 1.0, 1.0)
    base = np.full_like(truth, 0.25)
    whole = place(np.ones((50, 50), np.float32), view, truth.shape, base)
    assert (whole[:, :160] == 0.25).all()
    assert (whole[100:140, 200:] == 1).all()


def test_no_seam_shows_where_the_crop_ends_inside_the_photo() -> None:
    base = np.zeros((200, 200), np.float32)
    whole = place(np.ones((100, 100), np.float32), View(0.25, 0.25, 0.75, 0.75), (200, 200), base)
    assert np.abs(np.diff(whole, axis=0)).max() < 0.3


def test_a_crop_is_never_empty() -> None:
    rgb = np.zeros((3, 5, 3), np.uint8)
    assert crop(rgb, View(0.5, 0.5, 0.5, 0.5)).shape == (1, 1, 3)


def test_an_empty_alpha_has_no_subject() -> None:
    assert subject_of(np.zeros((40, 60), np.float32)) is None


def test_the_subject_s_box_holds_the_subject_and_little_else() -> None:
    alpha = with_disc(np.zeros((400, 800), np.float32), (0.5, 0.5), 0.25, 1.0)
    subject = subject_of(alpha)
    assert subject is not None
    assert subject.left < 0.375 < 0.625 < subject.right
    assert subject.right - subject.left < 0.3


def test_specks_do_not_stretch_the_subject_s_box() -> None:
    alpha = with_disc(np.zeros((400, 800), np.float32), (0.5, 0.5), 0.25, 1.0)
    speckled = with_disc(alpha, (0.02, 0.02), 0.01, 1.0)
    assert subject_of(speckled) == subject_of(alpha)


def test_a_small_subject_is_worth_a_zoom_with_its_surroundings() -> None:
    zoom = zoom_on(View(0.4, 0.4, 0.6, 0.6))
    assert zoom is not None
    assert 0.2 < zoom.left < 0.4
    assert 0.6 < zoom.right < 0.8


def test_a_subject_that_fills_the_photo_gains_nothing_by_a_zoom() -> None:
    assert zoom_on(View(0.05, 0.2, 0.9, 0.8)) is None
