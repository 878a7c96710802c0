"""Rules over all files of the corpus."""

from pathlib import Path

import numpy as np
import pytest

from tests.pictures.corpus import corpus
from tests.pictures.corpus_rules import intake_takes, outcome_of, photos_of
from tests.pictures.pieces import turned

CUTS = 24  # places at which a file is cut, evenly, and as many in its last bytes
WHOLE = [
    name
    for name, piece in corpus().items()
    if not piece.refused
    and piece.pages == 1
    and any(word in name for word in ("plain", "rgb-", "lossless", "alpha", "everything"))
]


@pytest.mark.parametrize("name", list(corpus()))
def test_the_judges_agree_its_pixels_are_right_and_its_metadata_survive(name: str, tmp_path: Path) -> None:
    assert outcome_of(corpus()[name], tmp_path).faults == {}


def test_the_corpus_has_some_hundred_files_of_every_format() -> None:
    formats = {piece.format for piece in corpus().values()}

    assert len(corpus()) >= 300
    assert {"JPEG", "PNG", "TIFF", "WebP", "AVIF", "BMP"} <= formats


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_cut_anywhere_is_taken_by_all_judges_or_by_none(name: str, tmp_path: Path) -> None:
    content, path = corpus()[name].content, tmp_path / name
    path.write_bytes(content)
    whole = photos_of(path)[0][0].rgba
    places = {*np.linspace(0, len(content) - 1, CUTS).astype(int), *range(max(0, len(content) - CUTS), len(content))}

    for at in sorted(places):
        path.write_bytes(content[:at])
        (taken, why), (photos, said) = intake_takes(path), photos_of(path)
        assert taken == bool(photos), f"cut at {at} of {len(content)}: {why or 'taken'} | {said or 'opened'}"
        assert not photos or why or np.array_equal(photos[0].rgba, whole), f"cut at {at} of {len(content)}, no doubt"


@pytest.mark.parametrize("number", range(2, 9))
def test_a_camera_raw_is_turned_upright(number: int, tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    names = {at: next(name for name in corpus() if f"orientation-{at}.dng" in name) for at in (1, number)}
    for name in names.values():
        (tmp_path / name).write_bytes(corpus()[name].content)

    upright = photos_of(tmp_path / names[number])[0][0]
    lying = photos_of(tmp_path / names[1])[0][0]

    assert np.array_equal(turned(upright.rgba, number), lying.rgba)
