"""Words on pictures, with this machine's fonts and on a machine without fonts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daemon.pictures import drawn_text
from daemon.pictures.drawn_text import written

NO_FONTS = '<?xml version="1.0"?><fontconfig><dir>/nonexistent</dir></fontconfig>'
PROBE = """
import json, sys
from daemon.pictures.drawn_text import written
print(json.dumps([written(text, 12, width).tolist() for text, width in json.load(sys.stdin)]))
"""


def without_fonts(folder: Path, *words: tuple[str, int]) -> list[np.ndarray]:
    """What a machine without fonts draws for each (text, width)."""
    config = folder / "fonts.conf"
    config.write_text(NO_FONTS)
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        input=json.dumps(words),
        env={**os.environ, "FONTCONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [np.array(ink, np.uint8) for ink in json.loads(done.stdout)]


def test_words_are_never_taken_for_markup() -> None:
    if not drawn_text._has_fonts():
        pytest.skip("this machine has no fonts")

    assert written("<b>x</b> & \x00\udcff", 12, 400).shape[1] > written("x &", 12, 400).shape[1]


def test_lines_are_broken_where_they_would_be_too_wide() -> None:
    one, two = written("remains of background", 12, 1000), written("remains of background", 12, 100)

    assert two.shape[1] <= 100
    assert two.shape[0] > one.shape[0]


def test_nothing_to_write_is_no_ink() -> None:
    assert written("", 12, 100).size == 0
    assert written("\x00", 12, 100).size == 0


def test_a_machine_without_fonts_writes_letters_and_no_boxes(tmp_path: Path) -> None:
    narrow, wide, umlaut, spelt = without_fonts(
        tmp_path, ("iiii", 500), ("mmmm", 500), ("ungenügend", 500), ("ungenuegend", 500)
    )

    assert wide.shape[1] > 2 * narrow.shape[1]
    assert np.array_equal(umlaut, spelt)


def test_a_machine_without_fonts_breaks_lines_too(tmp_path: Path) -> None:
    (one, two, nothing) = without_fonts(
        tmp_path, ("remains of background", 500), ("remains of background", 100), ("", 100)
    )

    assert two.shape[0] == 2 * one.shape[0]
    assert two.shape[1] <= 100
    assert nothing.size == 0
