"""A report tells which pictures a result has; one that somebody edited is refused as a whole."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import Said
from daemon.exports.told_pictures import report_among, told_pictures

PLACES = ("gut/k/a.png", "gut/k/a_for-web.jpg", "gut/k/a_for-hero-warm.png", "gut/k/a.json")


def told(**changes: object) -> dict[str, Any]:
    return {
        "name": "web", "variant": None, "preset": "ebay", "kept": True, "width": 9, "height": 8, "bytes": 7,
        "format": "jpeg", "rules": [], "export": {"folder": "f", "template": "{stem}", "pictures": "all"}, **changes,
    }  # fmt: skip


def report(*renditions: dict[str, Any]) -> bytes:
    return json.dumps({"sha256": {"_for-web.jpg": "ab", "_for-hero-warm.png": "cd"}, "renditions": renditions}).encode()


def test_a_picture_has_the_place_and_the_sum_of_its_file() -> None:
    hero = told(name="hero", variant="warm", preset=None, format="png")

    web, warm = told_pictures(report(told(), hero), PLACES)

    assert (web.place, web.sha256, web.size, web.folder) == ("gut/k/a_for-web.jpg", "ab", (9, 8), "f")
    assert (warm.place, warm.sha256, warm.label, warm.preset) == ("gut/k/a_for-hero-warm.png", "cd", "hero-warm", "")


def test_one_that_was_not_kept_has_no_place_and_the_rules_that_it_breaks() -> None:
    rules = [{"rule": "bytes", "holds": False, "found": "9", "wanted": "8"}, {"rule": "x", "holds": True}]

    (one,) = told_pictures(report(told(kept=False, rules=rules)), PLACES)

    assert (one.place, one.broken) == ("", (("bytes", "9", "8"),))


def test_a_report_of_an_earlier_version_says_no_names() -> None:
    old = told()
    del old["export"], old["variant"]

    (one,) = told_pictures(report(old), PLACES)

    assert (one.folder, one.template, one.variant) == (None, None, "")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"[" * 100_000, b'{"sha256": 3}',
        report(told(export={"folder": "../..", "template": "{stem}", "pictures": "all"})),
        report(told(export={"folder": "f", "template": "../{stem}", "pictures": "all"})),
        report(told(export={"folder": "f", "template": "{stem}", "pictures": "none"})),
        report(told(format="gif")),
        report(told(width="wide")),
    ],
)  # fmt: skip
def test_a_report_that_somebody_edited_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="report") as refused:
        told_pictures(content, PLACES)

    assert isinstance(refused.value.args[0], Said)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_raise_nothing_else(content: bytes) -> None:
    with suppress(ValueError):
        told_pictures(content, PLACES)


def test_the_report_is_found_among_the_files() -> None:
    assert report_among(PLACES) == "gut/k/a.json"
    assert report_among(PLACES[:2]) is None
