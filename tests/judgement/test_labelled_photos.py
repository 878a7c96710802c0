"""How benchmarks read labelled photos: several folders, alphas that are missing, films that stay together."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.labelled import kept_mask, photos_or_exit, with_masks


def labelled_folder(folder: Path, rows: list[str], masks: list[str]) -> Path:
    """An index with these rows, and masks at MODEL/NAME."""
    folder.mkdir()
    (folder / "index.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for mask in masks:
        draw(folder / "masks" / f"{mask}.png")
    return folder


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 6), 255, np.uint8))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("FREISTELLER_EVAL_CACHE", str(tmp_path / "cache"))
    plain = ["name\tset\ttruth", "grabcut13__cross\tgrabcut13\tbinary"]
    listed = [
        "name\tset\ttruth\tmasks",
        "davis480__cows_00009\tdavis480\tbinary\tu2netp,isnet512",
        "davis480__cows_00024\tdavis480\tbinary\t-",
        "ccp__0016\tccp\tbinary\tu2netp",
        "ccp__0020\tccp\tbinary\tu2netp",
    ]
    return [
        labelled_folder(tmp_path / "one", plain, ["u2netp/grabcut13__cross", "isnet/grabcut13__cross"]),
        labelled_folder(tmp_path / "two", listed, ["u2netp/davis480__cows_00009", "isnet512/davis480__cows_00009"]),
    ]


def test_photos_of_several_folders_are_read_side_by_side(folders: list[Path]) -> None:
    photos = photos_or_exit(folders)

    assert [photo.models for photo in photos] == [
        ("u2netp", "isnet"),
        ("u2netp", "isnet512"),
        (),
        ("u2netp",),
        ("u2netp",),
    ]
    assert [photo.rims for photo in photos] == ["1px", "1px", "1px", "2px", "2px"]


def test_frames_of_a_film_are_one_group_and_other_photos_are_one_each(folders: list[Path]) -> None:
    groups = [photo.group for photo in photos_or_exit(folders)]

    assert groups == ["grabcut13__cross", "davis480__cows", "davis480__cows", "ccp__0016", "ccp__0020"]


def test_an_alpha_that_the_data_have_not_is_read_from_the_cache(folders: list[Path]) -> None:
    frame = photos_or_exit(folders)[2]
    assert not with_masks([frame], "u2netp")

    draw(kept_mask(frame.name, "u2netp"))

    assert with_masks([frame], "u2netp") == [frame]
    assert frame.mask("u2netp").shape == (4, 6)
