"""A person sees in a real browser both promises of a result, which of them made the grade, and no rounding over it."""

from pathlib import Path

import pytest

from tests.web.browser import browser, needs_browser
from tests.web.light_table import light_table
from tests.web.test_corrected_page import DRAW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

LIMITS = {"sehr_gut": 0.93, "gut": 0.75, "rim_sehr_gut": 0.9, "rim_gut": 0.5}
MADE = {"best": 0.98, "effects": [{"code": "rough", "text": "a text without a translation", "effect": -0.0804}]}


def test_the_review_shows_both_promises_and_which_of_them_decided(tmp_path: Path) -> None:
    with light_table(tmp_path) as table:
        table.drop("other", 1)
        (job,) = table.jobs("other")
        assert job["limits"] is not None
        assert (
            round(job["made_of"]["score"]["best"] + sum(e["effect"] for e in job["made_of"]["score"]["effects"]), 4)
            == (job["score"])
        )
        with browser(table.base, (1280, 800)) as page:
            page.open("/review?order=other")
            page.wait_for_picture()
            told = {"grade": "gut", "limits": LIMITS, "made_of": {"score": MADE, "rim": MADE}}

            page.run(DRAW, {**job, **told, "score": 0.965, "rim": 0.8996, "graded_by": "rim"})
            assert page.text("#score") == "score 0.965rim 0.899, decides"
            page.run(DRAW, {**job, **told, "score": 0.9296, "rim": 0.93, "graded_by": "score"})
            assert page.text("#score") == "score 0.929, decidesrim 0.93"
            page.run(DRAW, {**job, **told, "score": 0.8, "rim": None, "graded_by": "score"})
            assert page.text("#score") == "score 0.80"
            assert page.said() == []
