"""A person sees in a real browser that people's verdicts corrected a score, in German, too."""

from pathlib import Path

import pytest

from tests.drawing import drawn_photo, save_photo
from tests.web.browser import browser, needs_browser
from tests.web.light_table import light_table
from tests.work.test_corrected_scores import people_say, settings_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

DRAW = """
const script = [...document.scripts].find((each) => each.src.endsWith("/review.js")).src;
return import(script.replace("review.js", "facts.js")).then((facts) => facts.drawFacts({ job: arguments[0] }));
"""


def test_the_review_says_how_far_and_why_a_score_was_corrected(tmp_path: Path) -> None:
    people_say(settings_for(tmp_path), -0.03, model="RMBG-2.0")
    with light_table(tmp_path, FREISTELLER__JUDGEMENT__CORRECTION="on") as table:
        save_photo(table.root / "inbox" / "kunde" / "new.jpg", drawn_photo(240, 180, 1))
        table.drop("other", 1)
        table.daemon.wait_until(lambda: any(job["name"] == "kunde/new.jpg" for job in table.jobs("kunde")), "the photo")
        (corrected,) = [job for job in table.jobs("kunde") if job["name"] == "kunde/new.jpg"]
        (plain,) = table.jobs("other")

        told = corrected["correction"]
        assert plain["correction"] is None
        assert told["score_before"] + told["shift"] == pytest.approx(corrected["score"], abs=2e-4)
        with browser(table.base, (1280, 800)) as page:
            page.open("/review?order=other")
            page.wait_for_picture()
            assert not page.shows("#correction")
            page.run(DRAW, corrected)
            said = page.text("#correction").replace("\u2212", "-")
            assert f"by {told['shift']:.3f} for 40 verdicts of people" in said

            page.run("document.cookie = 'freisteller_language=de; path=/'")
            page.open("/review?order=other")
            page.wait_for_picture()
            page.run(DRAW, corrected)
            assert "wegen 40 Urteilen von Menschen" in page.text("#correction")
            assert page.said() == []
