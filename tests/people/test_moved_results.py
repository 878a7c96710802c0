"""What people mean by moving results, read from places alone."""

import unicodedata
from pathlib import PurePosixPath
from typing import get_args

import pytest

from daemon.jobs import Grade
from daemon.people.moved_results import grade_of, read_move, stem_of, tail_of
from daemon.people.stray_results import SUFFIXES
from daemon.pictures.writing import suffix_of
from daemon.settings import OutputFormat

KNOWN = ("gut/kunde/a.png", "gut/kunde/a_mask.png", "gut/kunde/a.json")


def test_a_picture_in_another_grade_folder_is_a_verdict_on_all_of_its_result() -> None:
    moved = read_move(KNOWN, ["gut/kunde/a.png"], ["sehr_gut/kunde/a.png"])

    assert moved is not None
    assert (moved.before, moved.after) == (Grade.GUT, Grade.SEHR_GUT)
    assert moved.places == (
        ("gut/kunde/a.png", "sehr_gut/kunde/a.png"),
        ("gut/kunde/a_mask.png", "sehr_gut/kunde/a_mask.png"),
        ("gut/kunde/a.json", "sehr_gut/kunde/a.json"),
    )


def test_what_belongs_to_a_picture_follows_its_new_name() -> None:
    moved = read_move(KNOWN, ["gut/kunde/a.png"], ["sehr_gut/best/Schuh rot.PNG"])

    assert moved is not None
    assert [now for _, now in moved.places] == [
        "sehr_gut/best/Schuh rot.PNG",
        "sehr_gut/best/Schuh rot_mask.png",
        "sehr_gut/best/Schuh rot.json",
    ]


@pytest.mark.parametrize("called", ["shoe_for-kids", "shoe_mask", "shoe-p2"])
def test_a_photo_whose_name_ends_like_a_rendition_keeps_its_name(called: str) -> None:
    tails = (".png", "_mask.png", "_for-ebay.jpg", ".json")
    known = [f"gut/{called}{tail}" for tail in tails]

    moved = read_move(known, known[:1], [f"sehr_gut/{called}.png"])
    renamed = read_move(known, known[:1], ["sehr_gut/boot.png"])

    assert moved is not None
    assert [now for _, now in moved.places] == [f"sehr_gut/{called}{tail}" for tail in tails]
    assert renamed is not None
    assert [now for _, now in renamed.places] == [f"sehr_gut/boot{tail}" for tail in tails]


def test_several_formats_that_were_moved_are_one_move() -> None:
    found = ["sehr_gut/a_mask.png", "sehr_gut/kunde/a.png"]
    moved = read_move(KNOWN, KNOWN, found)

    assert moved is not None
    assert [now for _, now in moved.places] == ["sehr_gut/kunde/a.png", "sehr_gut/a_mask.png", "sehr_gut/kunde/a.json"]


def test_a_copy_is_no_verdict() -> None:
    assert read_move(KNOWN, [], ["sehr_gut/kunde/a.png"]) is None


FORMATS = ("gut/a.png", "gut/a_mask.png", "gut/a.jpg", "gut/a_for-ebay.jpg", "gut/a.json")


@pytest.mark.parametrize("name", ["a.png", "a_mask.png", "a.jpg"])
def test_any_format_that_is_moved_is_a_verdict_and_the_others_follow(name: str) -> None:
    moved = read_move(FORMATS, [f"gut/{name}"], [f"sehr_gut/{name}"])

    assert moved is not None
    assert (moved.before, moved.after, moved.by) == (Grade.GUT, Grade.SEHR_GUT, f"gut/{name}")
    assert [now for _, now in moved.places] == [place.replace("gut/", "sehr_gut/") for place in FORMATS]


def test_a_rendition_that_is_moved_alone_is_no_verdict() -> None:
    assert read_move(FORMATS, ["gut/a_for-ebay.jpg"], ["sehr_gut/a_for-ebay.jpg"]) is None


def test_a_photo_called_like_a_rendition_is_none() -> None:
    known = ("gut/shoe_for-kids.png", "gut/shoe_for-kids.jpg", "gut/shoe_for-kids.json")

    assert read_move(known, known[1:2], ["sehr_gut/shoe_for-kids.jpg"]) is not None


def test_of_two_formats_in_two_grades_the_first_one_speaks_and_the_other_stays() -> None:
    found = ["sehr_gut/a.jpg", "ungenügend/a.png"]
    moved = read_move(FORMATS, ["gut/a.png", "gut/a.jpg"], found)

    assert moved is not None
    assert moved.after is Grade.UNGENUEGEND
    assert dict(moved.places)["gut/a.jpg"] == "sehr_gut/a.jpg"


def test_a_deleted_mask_and_a_copy_of_the_picture_under_another_name_are_no_verdict() -> None:
    assert read_move(KNOWN, ["gut/kunde/a_mask.png"], ["sehr_gut/for Anna.png"]) is None


def test_a_deleted_mask_and_a_copy_of_the_picture_are_no_verdict() -> None:
    assert read_move(KNOWN, ["gut/kunde/a_mask.png"], ["sehr_gut/kunde/a.png"]) is None


def test_what_people_said_last_is_the_grade_of_a_result_in_two_folders() -> None:
    known = ("gut/a.png", "sehr_gut/a.jpg", "gut/a.json")

    back = read_move(known, known[1:2], ["gut/a.jpg"], Grade.GUT)
    on = read_move(known, known[1:2], ["ungenügend/a.jpg"], Grade.GUT)
    again = read_move(KNOWN, KNOWN[:1], ["ungenügend/kunde/a.png"], Grade.UNGENUEGEND)

    assert back is not None
    assert back.before is back.after is Grade.GUT
    assert on is not None
    assert on.before is Grade.GUT
    assert again is not None
    assert again.before is Grade.GUT


def test_where_the_picture_was_deleted_its_mask_speaks() -> None:
    gone = ["gut/kunde/a.png", "gut/kunde/a_mask.png"]
    moved = read_move(KNOWN, gone, ["sehr_gut/kunde/a_mask.png"])

    assert moved is not None
    assert moved.after is Grade.SEHR_GUT


def test_the_pages_of_a_file_are_one_result() -> None:
    known = ("gut/a-p1.png", "gut/a-p2.png", "gut/a.json")
    moved = read_move(known, known[:2], ["sehr_gut/a-p2.png", "sehr_gut/a-p1.png"])

    assert moved is not None
    assert [now for _, now in moved.places] == ["sehr_gut/a-p1.png", "sehr_gut/a-p2.png", "sehr_gut/a.json"]
    first = read_move(known, known[:1], ["sehr_gut/a-p1.png"])
    assert first is not None
    assert [now for _, now in first.places] == ["sehr_gut/a-p1.png", "sehr_gut/a-p2.png", "sehr_gut/a.json"]
    assert read_move(known, known[1:2], ["sehr_gut/a-p2.png"]) is not None


def test_a_name_within_the_grade_folder_is_no_verdict_and_takes_nothing_along() -> None:
    moved = read_move(KNOWN, ["gut/kunde/a.png"], ["gut/b.png"])

    assert moved is not None
    assert moved.before is moved.after is Grade.GUT
    assert [now for _, now in moved.places] == ["gut/b.png", "gut/kunde/a_mask.png", "gut/kunde/a.json"]


def test_of_a_renamed_picture_and_a_copy_elsewhere_the_renamed_one_is_it() -> None:
    moved = read_move(KNOWN, ["gut/kunde/a.png"], ["sehr_gut/b.png", "gut/b.png"])

    assert moved is not None
    assert moved.before is moved.after


def test_nothing_that_is_known_of_a_result_is_nothing_to_say() -> None:
    assert read_move((), (), ["gut/a.png"]) is None
    assert read_move(("failed/a.jpg", "failed/a.jpg.txt"), ["failed/a.jpg"], ["gut/a.jpg"]) is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_grade_folder_is_known_in_each_spelling(form: str) -> None:
    spelled = unicodedata.normalize(form, "ungenügend")  # type: ignore[arg-type]  # one of its literals

    assert grade_of(f"{spelled}/a.png") is Grade.UNGENUEGEND
    moved = read_move(("gut/a.png",), ["gut/a.png"], [f"{spelled}/a.png"])
    assert moved is not None
    assert moved.after is Grade.UNGENUEGEND
    assert moved.places == (("gut/a.png", f"{spelled}/a.png"),)


def test_other_folders_are_no_grades() -> None:
    assert grade_of("archiv/a.png") is None


@pytest.mark.parametrize(
    ("place", "stem", "tail"),
    [
        ("gut/a.png", "a", ".png"),
        ("gut/x/a_mask.png", "a", "_mask.png"),
        ("gut/a.b.TIF", "a.b", ".tif"),
        ("gut/a-p2.png", "a", "-p2.png"),
        ("gut/a-p2.json", "a-p2", ".json"),  # one report describes all pages: the photo itself has this name
    ],
)
def test_a_name_is_a_stem_and_what_tells_the_files_of_a_result_apart(place: str, stem: str, tail: str) -> None:
    assert (stem_of(place), tail_of(place)) == (stem, tail)


@pytest.mark.parametrize("output_format", get_args(OutputFormat))
def test_each_format_that_we_write_is_known(output_format: OutputFormat) -> None:
    suffix = suffix_of(output_format)

    assert tail_of(f"gut/a{suffix}") == suffix
    assert PurePosixPath(f"a{suffix}").suffix in SUFFIXES
