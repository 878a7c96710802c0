"""What tests of the port share."""

from pathlib import Path

import pytest

from tests.drawing import drawn_photo, save_photo


@pytest.fixture
def photo(tmp_path: Path) -> bytes:
    save_photo(tmp_path / "drawn.png", drawn_photo(96, 72))
    return (tmp_path / "drawn.png").read_bytes()
