"""What rembg is asked in benchmarks. rembg's own Python runs this file, so it imports nothing of ours.

PYTHON rembg_work.py cut PHOTO MATTE.npy RUNS    one photo with a drawn answer in place of the network; prints the
                                                 processor seconds of each run as JSON
PYTHON rembg_work.py folder IN OUT               what `rembg p -m u2netp IN OUT` does, without its slow start
"""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np


class DrawnAnswer:
    """Stands in for the network: the same matte, at no cost."""

    def __init__(self, matte: Any) -> None:
        self._matte = matte[None, None]

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="input.1")]

    def run(self, *_: Any) -> list[Any]:
        return [self._matte]


def cut(photo: Path, matte: Path, runs: int) -> list[float]:
    from rembg.bg import remove
    from rembg.sessions.u2netp import U2netpSession

    session = object.__new__(U2netpSession)
    session.inner_session = DrawnAnswer(np.load(matte))
    taken = []
    for _ in range(runs):
        began = time.process_time()
        photo.with_name(f"{photo.stem}-rembg.png").write_bytes(remove(photo.read_bytes(), session=session))
        taken.append(time.process_time() - began)
    return taken


def folder(source: Path, target: Path) -> None:
    from rembg import new_session, remove

    session = new_session("u2netp")
    for path in sorted(source.iterdir()):
        (target / f"{path.stem}.png").write_bytes(remove(path.read_bytes(), session=session))


if __name__ == "__main__":
    if sys.argv[1] == "cut":
        print(json.dumps(cut(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        folder(Path(sys.argv[2]), Path(sys.argv[3]))
