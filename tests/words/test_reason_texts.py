"""Each reason has a sentence in each language, with the figures as people of that language write them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.jobs import Reason
from daemon.judgement import both_promises, reasons, rims
from daemon.words import promise_texts
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import ELSEWHERE, PARTS, PLACES, REASONS, reason_text, reason_values

GERMAN, ENGLISH = words_in("de"), words_in("en")
CONTRAST = re.compile(r'contrast = "(\w+)" if .* else "(\w+)"')
SOURCE = "".join(Path(str(module.__file__)).read_text("utf-8") for module in (reasons, rims, both_promises))


def every_reason() -> Iterator[Reason]:
    for code in REASONS:
        for place in PLACES:
            yield Reason(code, place, True, 0.0123, ("veil",))


def test_a_reason_is_said_in_real_words() -> None:
    reason = Reason("residue", "lower left", share=0.0143)

    assert reason_text(reason, GERMAN) == "Reste vom Hintergrund unten links, 1,4 % des Bildes"
    assert reason_text(reason, ENGLISH) == "remains of background at the lower left, 1.4 % of the picture"


def test_more_of_it_elsewhere_is_said() -> None:
    reason = Reason("holes", "middle", True, 0.02)

    assert reason_text(reason, GERMAN) == "eine Lücke im Motiv in der Mitte und anderswo, 2,0 % des Bildes"
    assert "in the middle and elsewhere, 2.0 %" in reason_text(reason, ENGLISH)


def test_what_is_good_is_one_sentence() -> None:
    reason = Reason("good", parts=("clean_edges", "nothing_left"))

    assert reason_text(reason, ENGLISH) == "clean edges, nothing left of the background"
    assert reason_text(reason, GERMAN) == "saubere Kanten, nichts vom Hintergrund übrig"


def test_passes_disagree_about_whole_per_cent() -> None:
    assert "about 38 % of" in reason_text(Reason("apart", share=0.378), ENGLISH)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_value_is_left_out_of_a_sentence(language: str) -> None:
    said = [reason_text(reason, words_in(language)) for reason in every_reason()]

    assert [text for text in said if "%(" in text] == []


def test_each_reason_part_and_place_has_a_german_text() -> None:
    texts = [text for text in (*REASONS.values(), *PARTS.values(), *PLACES.values(), ELSEWHERE) if text != "%(parts)s"]

    assert [text for text in texts if GERMAN.say(text) == text] == []


def test_every_code_of_the_judgement_has_a_sentence() -> None:
    codes = set(re.findall(r'(?:Reason|_place)\("(\w+)"', SOURCE))
    explaining = SOURCE[SOURCE.index("def explain(") : SOURCE.index("def _place(")]
    parts = set(re.findall(r'(?:\["|append\(")(\w+)"', explaining)) | {*CONTRAST.findall(SOURCE)[0]}

    assert len(codes) >= 10
    assert codes | set(rims.FAULTS.values()) <= REASONS.keys()
    assert parts == {"nothing_left", "passes_agree", "witness_agrees", "alike", "stands_out"}
    assert parts | reasons.WEIGHS_MOST.keys() | {"clean_edges", *rims.FAULTS.values(), "rim_other"} <= PARTS.keys()
    assert reasons.KINDS.keys() | rims.FAULTS.keys() | {"implausible", "other"} <= promise_texts.KINDS.keys()


def test_what_an_earlier_version_kept_as_text_is_said_as_it_is() -> None:
    assert reason_text("remains of background at the left, 3.1 % of the picture", GERMAN).startswith("remains of")
    assert reason_values("old words") == {"code": "", "text": "old words"}


def test_a_reason_of_a_stranger_s_report_says_no_more_than_it_has() -> None:
    assert reason_text(Reason("residue"), GERMAN) == "Reste vom Hintergrund ,  % des Bildes"
    assert reason_text(Reason("unheard of", "nowhere"), GERMAN) == "unheard of"


def test_programs_get_the_code_and_only_what_belongs_to_it() -> None:
    assert reason_values(Reason("stray", "top", False, 0.01)) == {
        "code": "stray",
        "place": "top",
        "elsewhere": False,
        "share": 0.01,
    }
    assert reason_values(Reason("good", parts=("clean_edges",))) == {"code": "good", "parts": ["clean_edges"]}


def test_figures_are_those_of_the_language() -> None:
    assert (GERMAN.figure(1234.5, 1), ENGLISH.figure(1234.5, 1)) == ("1.234,5", "1,234.5")
