"""Estimates the colours that a subject has without its ground, by pymatting's multi-level estimator.

pymatting is in rembg's environment (benchmarks/rembg_environment.py) and not in ours, so a process there does it: it
starts with the first picture and ends with this program. rembg's own Python runs this file, too.

    PYTHON true_colours.py        answers each line of its input, the name of a folder with rgb.npy and alpha.npy, with
                                  colours.npy in that folder, then with an empty line
"""

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


def true_colours(rgb: Any, alpha: Any) -> Any:
    """The subject's colours, (H, W, 3) float64 0..1, of a photo (H, W, 3) uint8 and its alpha (H, W) 0..1.

    Germer et al., "Fast Multi-Level Foreground Estimation", ICPR 2020. Raises RuntimeError if the process ends.
    """
    process = _process()
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "rgb.npy", rgb)
        np.save(Path(folder) / "alpha.npy", alpha)
        process.stdin.write(f"{folder}\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise RuntimeError(f"pymatting's process ended with {process.wait()}")
        return np.load(Path(folder) / "colours.npy")


@cache
def _process() -> Any:
    from benchmarks import rembg_environment

    command = [str(rembg_environment.python()), __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _answer() -> None:
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    for line in sys.stdin:
        folder = Path(line.rstrip("\n"))
        rgb, alpha = np.load(folder / "rgb.npy"), np.load(folder / "alpha.npy")
        np.save(folder / "colours.npy", estimate_foreground_ml(rgb / 255, alpha.astype(np.float64)))
        print(flush=True)


if __name__ == "__main__":
    _answer()
