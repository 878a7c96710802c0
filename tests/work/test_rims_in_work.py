"""A rim is judged at full size, once, with little memory; and a later run says the same of it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.jobs import TOUCH_UP, Attempt, Finish, Grade, Reason, Recipe, Verdict, View
from daemon.judgement import finish_search
from daemon.pictures import codec, memory_need, reading, refining
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.packed_alpha import PackedAlpha
from daemon.pictures.photo import Photo
from daemon.pictures.values import Metadata, Samples
from daemon.settings import Settings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.photo_in_work import PhotoInWork
from tests.judgement.pictures import blurred, photo_and_truth

WIDTH, HEIGHT = 640, 480
SETTINGS = replace(PixelSettings.of(Settings()), proxy_pixels=320)
RGB, TRUTH = photo_and_truth(HEIGHT, WIDTH)
SMALL: Alpha = np.asarray(cv2.resize(TRUTH, (320, 240), interpolation=cv2.INTER_AREA), np.float32)


def rough(pixels: float) -> Alpha:
    """The alpha of the drawn subject, whose border goes in and out by so many pixels."""
    inside = (SMALL >= 0.5).astype(np.uint8)
    far = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    waves = cv2.resize(np.random.default_rng(7).random((60, 80)).astype(np.float32), (320, 240))
    return np.asarray(np.clip(far + 2 * pixels * (waves - 0.5) + 0.5, 0, 1), np.float32)


def photo(own_alpha: Samples | None = None) -> Photo:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8) if own_alpha is None else own_alpha
    return Photo(np.dstack([RGB, alpha]), own_alpha is not None, Metadata(), "png")


def in_work(shown: Photo | LargePhoto | None = None) -> PhotoInWork:
    return PhotoInWork.of(shown or photo(), SETTINGS)


def judged(work: PhotoInWork, number: int, alpha: Alpha, resolved: int = 0) -> Attempt:
    recipe = Recipe("a")
    work.add(number, recipe, alpha, None)
    return work.judge(Attempt(number, recipe, resolved=resolved))


def verdict(attempt: Attempt) -> Verdict:
    assert attempt.verdict is not None
    return attempt.verdict


class Made:
    """Counts the full alphas that are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        make = refining.full_size_alpha

        def counted(photo: Photo | LargePhoto, alpha: Alpha) -> Samples:
            self.count += 1
            return make(photo, alpha)

        monkeypatch.setattr(refining, "full_size_alpha", counted)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def test_a_true_rim_is_promised_more_than_a_rough_one() -> None:
    true, bent = verdict(judged(in_work(), 1, SMALL)), verdict(judged(in_work(), 1, rough(6)))

    assert true.rim is not None
    assert bent.rim is not None
    assert true.rim > bent.rim + 0.1


def test_an_attempt_whose_region_is_ungenuegend_has_no_full_alpha(made: Made) -> None:
    attempt = judged(in_work(), 1, np.asarray(1 - SMALL, np.float32))

    assert verdict(attempt).grade is Grade.UNGENUEGEND
    assert (verdict(attempt).rim, made.count) == (None, 0)


def test_the_result_is_made_of_the_alpha_that_was_judged(made: Made) -> None:
    work = in_work()
    attempt = judged(work, 1, SMALL)
    full = work.full_alpha(attempt)

    assert made.count == 1
    assert np.array_equal(full, refining.full_size_alpha(photo(), work.finished_alpha(attempt)))


def test_the_alpha_of_the_best_attempt_is_kept_whichever_came_last(made: Made) -> None:
    work = in_work()
    first = judged(work, 1, SMALL)
    second = judged(work, 2, blurred(rough(5), 2))
    (first,) = work.judge_again([first])
    work.full_alpha(first if verdict(first).rim is not None else second)

    assert made.count == 2


def test_never_more_than_two_full_alphas_are_in_memory(made: Made) -> None:
    work = in_work()
    for number in range(1, 6):
        judged(work, number, SMALL if number % 2 else rough(3))
        kept = [each for each in (work.rims._best, work.rims._newest) if each is not None]
        assert len({id(alpha) for _, alpha in kept}) <= 1

    assert made.count == 5


def test_another_attempt_than_the_kept_one_is_made_anew(made: Made) -> None:
    work = in_work()
    judged(work, 1, SMALL)
    other = judged(work, 2, rough(3))
    full = work.full_alpha(other)

    assert np.array_equal(full, refining.full_size_alpha(photo(), work.finished_alpha(other)))


def test_a_later_run_gives_the_same_verdicts() -> None:
    alphas = {1: rough(3), 2: SMALL}
    work = in_work()
    first = judged(work, 1, alphas[1], resolved=320)
    second = judged(work, 2, alphas[2], resolved=320)
    (again,) = work.judge_again([first])

    later = in_work()
    assert later.add_kept(1, first.recipe, codec.encode_alpha(alphas[1]), None)
    exact = codec.alpha_of(codec.steps_of(alphas[2]))
    late_second = judged(later, 2, exact, resolved=320)
    (late_first,) = later.judge_again([first])

    assert verdict(late_first).rim == pytest.approx(verdict(again).rim, abs=0.02)  # the kept one is in steps of 1/255
    assert verdict(late_second).rim == pytest.approx(verdict(second).rim, abs=0.02)
    later_still = in_work()
    for number, alpha in ((1, codec.alpha_of(codec.steps_of(alphas[1]))), (2, exact)):
        later_still.add(number, Recipe("a"), alpha, None)
    assert later_still.judge_again([late_first, late_second])[0] == late_first


HARMFUL = Finish(levels=(0.6, 0.9), keep_islands=False, fill_holes=True)
"""It moves a soft border inwards."""
PLAIN = replace(HARMFUL, levels=(0.0, 1.0))


def with_search(monkeypatch: pytest.MonkeyPatch, finish: Finish) -> None:
    """Let the search find this finish, whatever the alpha is."""
    monkeypatch.setattr(finish_search, "finish_for", lambda _, blend: replace(finish, blend=blend))


def test_a_finish_that_makes_the_rim_worse_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with_search(monkeypatch, PLAIN)
    plain = judged(in_work(), 1, blurred(SMALL, 0.6))
    with_search(monkeypatch, HARMFUL)

    attempt = judged(in_work(), 1, blurred(SMALL, 0.6))

    assert attempt == replace(plain, finish_not_taken=HARMFUL)
    assert verdict(attempt).grade is Grade.SEHR_GUT


def test_the_finish_that_was_taken_instead_is_written_and_kept(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    with_search(monkeypatch, HARMFUL)
    raw = codec.alpha_of(codec.steps_of(blurred(SMALL, 0.6)))
    work = in_work()
    attempt = judged(work, 1, raw)
    full = work.full_alpha(attempt)
    assert made.count == 2  # one of each finish
    later = in_work()
    later.add(1, Recipe("a"), raw, None)

    assert later.judge_again([attempt]) == [attempt]
    assert np.array_equal(later.full_alpha(attempt), full)


@pytest.mark.parametrize("blur", [0.6, 0.8])
def test_a_finish_stays_where_the_plain_one_is_no_better(made: Made, blur: float) -> None:
    work = in_work()
    attempt = judged(work, 1, blurred(SMALL, blur))

    assert attempt.finish.guided
    assert attempt.finish_not_taken is None
    assert made.count == (1 if verdict(attempt).grade is Grade.SEHR_GUT else 2)
    assert work.finished[1].finish == attempt.finish
    assert np.array_equal(work.full_alpha(attempt), refining.full_size_alpha(photo(), work.finished_alpha(attempt)))


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_photo_in_strips_gets_the_same_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    assert cv2.imwrite(str(path), RGB[..., ::-1])
    whole = reading.open_photo(path, 500.0)
    monkeypatch.setattr(memory_need, "_LARGE_BYTES", 0)
    large = reading.open_for_work(path, 500.0)
    assert isinstance(large, LargePhoto)
    one, other = judged(in_work(whole), 1, rough(4)), judged(in_work(large), 1, rough(4))

    assert verdict(one).rim == pytest.approx(verdict(other).rim, abs=1e-3)
    assert verdict(one).reasons == verdict(other).reasons


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_alpha_of_a_large_photo_is_packed_to_the_last_bit(dtype: type) -> None:
    alpha: Samples = np.zeros((700, 501), dtype)
    alpha[100:600, 50:400] = np.iinfo(dtype).max
    alpha[90:110, 40:60] = np.random.default_rng(1).integers(0, 255, (20, 20))
    packed = PackedAlpha.of(alpha)

    assert np.array_equal(packed.unpacked(), alpha)
    assert packed.unpacked().dtype == alpha.dtype
    assert sum(map(len, packed.strips)) < alpha.nbytes / 20


def test_an_alpha_that_came_with_the_photo_is_no_border_of_ours() -> None:
    own = np.zeros((HEIGHT, WIDTH), np.uint8)
    own[:, : WIDTH // 2] = 255  # cuts the subject in two, along no edge of the photo
    with_own, without = judged(in_work(photo(own)), 1, SMALL), judged(in_work(), 1, SMALL)

    assert verdict(with_own).rim == pytest.approx(verdict(without).rim, abs=0.1)


def test_a_touched_up_alpha_is_judged_as_it_was_painted(made: Made) -> None:
    work = in_work()
    painted = np.asarray(np.rint(TRUTH * 255), np.uint8)
    assert work.add_kept(1, Recipe(TOUCH_UP), codec.encode_steps(painted), None)
    (attempt,) = work.judge_again([replace(judged(in_work(), 1, SMALL), recipe=Recipe(TOUCH_UP))])

    assert verdict(attempt).rim is not None
    assert made.count == 1  # of the other photo in work: a painted alpha is at full size already
    assert np.array_equal(work.full_alpha(attempt), painted)


def test_what_a_zoom_resolved_counts_for_the_whole_photo() -> None:
    half = Attempt(1, Recipe("a", view=View(0.25, 0.25, 0.75, 0.75)), resolved=200)
    rims = in_work().rims

    assert rims._resolved(half) == 400
    assert rims._resolved(replace(half, recipe=Recipe("a"), resolved=2048)) == 320  # no engine sees more than the proxy
    assert rims._resolved(replace(half, resolved=0)) == 0


def test_a_rim_of_a_photo_without_a_border_is_not_judged() -> None:
    everything = np.ones((240, 320), np.float32)

    assert verdict(judged(in_work(), 1, everything)).rim is None


def test_reasons_and_grade_agree_with_the_promise() -> None:
    for alpha in (SMALL, rough(2), rough(4), blurred(SMALL, 4)):
        said = verdict(judged(in_work(), 1, alpha))
        codes = [each.code for each in said.reasons if isinstance(each, Reason)]
        parts = [part for each in said.reasons if isinstance(each, Reason) for part in each.parts]
        if said.rim is None or said.rim < SETTINGS.rim_sehr_gut:
            assert said.grade is not Grade.SEHR_GUT or said.rim is None
            assert "clean_edges" not in parts
        if said.by_rim:
            assert codes[0].startswith("rim_")
