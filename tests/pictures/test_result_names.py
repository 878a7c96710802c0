"""The files of a result are known by their names."""

import pytest

from daemon.pictures.result_names import picture_in


@pytest.mark.parametrize("called", ["shoe", "shoe_for-kids", "shoe_mask"])
def test_the_picture_is_found_whatever_the_photo_is_called(called: str) -> None:
    places = [f"gut/{called}{tail}" for tail in ("_mask.png", "_for-ebay.png", ".png", ".json")]

    assert picture_in(places) == f"gut/{called}.png"


def test_a_rendition_never_stands_for_a_result_of_which_only_the_mask_was_written() -> None:
    assert picture_in(["gut/a_for-ebay.png", "gut/a_mask.png", "gut/a.json"]) == "gut/a_mask.png"


def test_of_endings_alone_the_picture_is_found() -> None:
    assert picture_in(["-p1.png", "-p2_for-ebay.png", "-p2_mask.png", "-p2.png"], "-p2") == "-p2.png"
