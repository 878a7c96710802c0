"""Every rule that a picture for a shop can break, and every remark, is said in words in each language."""

import re
from pathlib import Path
from typing import get_args

import pytest

from daemon.renditions import shop_rules
from daemon.renditions.wanted import Remark
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.rendition_texts import REMARKS, RULES, remark_text, rule_text

ENGLISH, GERMAN = words_in("en"), words_in("de")
HOUSE = Path(__file__).parents[2] / "daemon"


def test_every_rule_that_the_code_can_give_has_words() -> None:
    sources = "".join(path.read_text("utf-8") for path in HOUSE.rglob("*.py"))
    besides = set(re.findall(r'\bProved\(\s*"(\w+)"', sources))

    assert besides >= {"made", "readable"}
    assert shop_rules.RULES.keys() | besides == RULES.keys()


def test_every_remark_that_the_code_can_give_has_words() -> None:
    assert set(get_args(Remark)) == REMARKS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_value_is_left_out_of_a_sentence(language: str) -> None:
    words = words_in(language)
    said = [rule_text(rule, "1", "2", words) for rule in RULES] + [remark_text(remark, words) for remark in REMARKS]

    assert [text for text in said if "%(" in text or "_" in text] == []


def test_each_sentence_has_a_german_text() -> None:
    texts = [text for text in (*RULES.values(), *REMARKS.values()) if text != "%(found)s"]

    assert [text for text in texts if GERMAN.say(text) == text] == []


def test_a_broken_limit_is_said_without_signs() -> None:
    assert rule_text("longest_side", "320", "≥ 500, ≤ 9000", ENGLISH) == (
        "its longest side has 320 pixels; wanted: at least 500, at most 9000"
    )
    assert rule_text("longest_side", "320", "≥ 500", GERMAN) == (
        "seine längste Seite hat 320 Pixel; verlangt: mindestens 500"
    )


def test_figures_are_those_of_the_language() -> None:
    assert rule_text("share", "0.8412", "≥ 0.85", GERMAN).endswith("0,8412; verlangt: mindestens 0,85")
    assert "12,345,678 bytes; wanted: at most 10,000,000" in rule_text("bytes", "12345678", "≤ 10000000", ENGLISH)


def test_a_side_where_the_photo_ends_is_a_place() -> None:
    assert rule_text("uncut", "left, bottom", "-", ENGLISH) == (
        "the photo's edge cuts the subject off at the left, at the bottom"
    )


def test_what_is_no_figure_stays_as_it_is() -> None:
    assert rule_text("private", "gps 12345.67", "0", GERMAN).endswith("gps 12345.67")
    assert rule_text("made", "There is nothing to see.", "-", ENGLISH) == "There is nothing to see."


def test_a_rule_of_another_version_is_said_as_it_is() -> None:
    assert rule_text("seams_hidden", "3", "0", ENGLISH) == "seams hidden: 3; wanted: 0"
    assert remark_text("on_fire", ENGLISH) == "on fire"
