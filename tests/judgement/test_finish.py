from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from daemon.jobs import Finish
from daemon.judgement.finish import apply_finish
from tests.judgement.pictures import blurred, photo_and_truth, with_disc


def test_the_default_finish_changes_nothing() -> None:
    rgb, truth = photo_and_truth()
    assert np.array_equal(apply_finish(rgb, truth, Finish()), truth)


def test_sensitivity_is_a_gain_of_two_minus_it_and_only_adds() -> None:
    rgb, _ = photo_and_truth()
    raw = np.linspace(0, 1, 240 * 320, dtype=np.float32).reshape(240, 320)
    finished = apply_finish(rgb, raw, Finish(sensitivity=0.5))
    assert np.allclose(finished, np.minimum(1, raw * 1.5))
    assert (finished >= raw).all()


def test_levels_stretch_between_their_ends() -> None:
    rgb, _ = photo_and_truth()
    raw = np.full((240, 320), 0.5, np.float32)
    assert np.allclose(apply_finish(rgb, raw, Finish(levels=(0.4, 0.8))), 0.25)


def test_levels_that_do_not_rise_are_refused() -> None:
    rgb, truth = photo_and_truth()
    with pytest.raises(ValueError, match="rise"):
        apply_finish(rgb, truth, Finish(levels=(0.6, 0.6)))


def test_a_stray_island_goes_and_the_subject_stays() -> None:
    rgb, truth = photo_and_truth()
    islanded = with_disc(truth, (0.08, 0.1), 0.04, 1.0)
    cleaned = apply_finish(rgb, islanded, Finish(keep_islands=False))
    assert np.array_equal(cleaned, truth)


def test_a_second_subject_of_some_size_is_no_island() -> None:
    rgb, truth = photo_and_truth()
    two = with_disc(truth, (0.12, 0.2), 0.13, 1.0)
    assert np.array_equal(apply_finish(rgb, two, Finish(keep_islands=False)), two)


def test_a_small_hole_is_filled_and_a_large_one_may_be_meant() -> None:
    rgb, truth = photo_and_truth()
    holed = with_disc(with_disc(truth, (0.45, 0.5), 0.015, 0.0), (0.5, 0.62), 0.08, 0.0)
    filled = apply_finish(rgb, holed, Finish(fill_holes=True))
    assert filled[120, 144] == 1
    assert filled[149, 160] == 0


def test_an_alpha_that_is_solid_nowhere_has_no_holes_and_an_empty_one_no_islands() -> None:
    rgb, truth = photo_and_truth()
    tidy = Finish(keep_islands=False, fill_holes=True)

    for faint in (0.9 * truth, 0 * truth):
        assert np.array_equal(apply_finish(rgb, faint, tidy), faint)


def test_a_veil_inside_the_subject_is_made_solid_where_an_opening_of_its_size_stays() -> None:
    rgb, truth = photo_and_truth()
    eye, opening = (with_disc(truth, (0.5, 0.5), 0.05, value) for value in (0.6, 0.3))

    assert apply_finish(rgb, eye, Finish(fill_holes=True))[120, 160] == 1
    assert np.array_equal(apply_finish(rgb, opening, Finish(fill_holes=True)), opening)


def test_the_mask_offset_grows_and_shrinks_by_that_many_pixels() -> None:
    rgb, _ = photo_and_truth()
    square = np.zeros((240, 320), np.float32)
    square[100:140, 100:140] = 1
    assert apply_finish(rgb, square, Finish(mask_offset=3)).sum() == 46 * 46
    assert apply_finish(rgb, square, Finish(mask_offset=-3)).sum() == 34 * 34


def test_a_blur_softens_the_border_and_keeps_the_sum() -> None:
    rgb, truth = photo_and_truth()
    soft = apply_finish(rgb, truth, Finish(mask_blur=3))
    assert np.abs(np.diff(soft)).max() < np.abs(np.diff(truth)).max()
    assert soft.sum() == pytest.approx(truth.sum(), rel=0.01)


def test_the_guided_border_follows_the_photo() -> None:
    rgb, truth = photo_and_truth()
    soft = blurred(truth, 2)
    guided = apply_finish(rgb, soft, Finish(guided=True))
    assert np.abs(guided - truth).mean() < np.abs(soft - truth).mean()


def test_a_border_that_must_be_guided_is_finished_at_no_more_pixels_than_a_network_resolved_it_with() -> None:
    rgb, truth = photo_and_truth(768, 1024)
    soft = blurred(truth, 6)

    coarse = apply_finish(rgb, soft, Finish(guided=True, levels=(0.3, 0.7), keep_islands=False, fill_holes=True))

    assert coarse.shape == (384, 512)
    full = np.asarray(Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BILINEAR))
    assert np.abs(full - truth).mean() < np.abs(soft - truth).mean() / 4


def test_other_attempts_are_averaged_in_at_any_size() -> None:
    rgb, truth = photo_and_truth()
    finished = apply_finish(rgb, truth, Finish(blend=(2,)), {2: np.zeros((60, 80), np.float32)})
    assert np.allclose(finished, truth / 2)


def test_blending_in_an_attempt_that_is_not_there_is_refused() -> None:
    rgb, truth = photo_and_truth()
    with pytest.raises(ValueError, match="attempt 7"):
        apply_finish(rgb, truth, Finish(blend=(7,)))


@pytest.mark.parametrize(
    "finish",
    [
        Finish(sensitivity=0.0),
        Finish(levels=(0.3, 0.7), keep_islands=False, fill_holes=True, mask_blur=2, mask_offset=2, guided=True),
        Finish(guided=True),
    ],
)
def test_a_finished_alpha_has_the_raw_one_s_size_and_range(finish: Finish) -> None:
    rgb, truth = photo_and_truth()
    raw = blurred(truth, 2)[::2, ::2].copy()
    finished = apply_finish(rgb, raw, finish)
    assert finished.shape == raw.shape
    assert finished.dtype == np.float32
    assert finished.min() >= 0
    assert finished.max() <= 1


@pytest.mark.parametrize(
    ("finish", "as_the_node_does"),
    [
        (Finish(mask_blur=1), lambda mask: mask.filter(ImageFilter.GaussianBlur(1))),
        (Finish(mask_blur=8), lambda mask: mask.filter(ImageFilter.GaussianBlur(8))),
        (Finish(mask_offset=3), lambda mask: repeated(mask, ImageFilter.MaxFilter(3), 3)),
        (Finish(mask_offset=-3), lambda mask: repeated(mask, ImageFilter.MinFilter(3), 3)),
    ],
)
def test_blur_and_offset_are_those_of_the_rmbg_node(
    finish: Finish, as_the_node_does: Callable[[Image.Image], Image.Image]
) -> None:
    rgb, truth = photo_and_truth()
    mask = Image.fromarray(np.round(truth * 255).astype(np.uint8))

    expected = np.asarray(as_the_node_does(mask), dtype=np.float32) / 255
    ours = apply_finish(rgb, np.asarray(mask, dtype=np.float32) / np.float32(255), finish)

    assert np.abs(ours - expected).max() < 0.03  # Pillow approximates a Gaussian by three box filters, in 8 bit
    assert np.abs(ours - expected).mean() < 0.002


def repeated(mask: Image.Image, step: ImageFilter.Filter, times: int) -> Image.Image:
    for _ in range(times):
        mask = mask.filter(step)
    return mask
