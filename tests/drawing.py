"""Photos that the tests draw themselves."""

from pathlib import Path

import numpy as np
import pyvips

from daemon.arrays import Rgb


def drawn_photo(width: int = 320, height: int = 240, seed: int = 0) -> Rgb:
    """(height, width, 3) uint8: a red disc on a plain, slightly noisy grey ground; seed moves and colours it."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = min(width, height) * random.uniform(0.22, 0.32)
    centre = (width * random.uniform(0.42, 0.58), height * random.uniform(0.42, 0.58))
    inside = np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1)[..., None]
    ground = np.full((height, width, 3), 205, np.float32) + random.normal(0, 2, (height, width, 3))
    subject = np.array([random.uniform(140, 220), random.uniform(10, 60), random.uniform(10, 60)], np.float32)
    drawn: Rgb = np.clip(subject * inside + ground * (1 - inside), 0, 255).round().astype(np.uint8)
    return drawn


def save_photo(path: Path, rgb: Rgb | None = None, seed: int = 0) -> Path:
    """Write a drawn photo; the format follows the name."""
    picture = drawn_photo(seed=seed) if rgb is None else rgb
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(np.ascontiguousarray(picture), interpretation="srgb").write_to_file(str(path))
    return path
