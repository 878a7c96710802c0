"""A worker that keeps freed memory for its next step, and gives it back when there is no photo."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.drawing import drawn_photo, save_photo
from tests.work.test_processes import PIXELS, Workshop, judged, opened, shop

__all__ = ["shop"]  # the fixture

FAULTS = """
import resource, sys
import numpy as np
from daemon.work import kept_memory
if sys.argv[1] == "kept":
    kept_memory.keep_memory()
def step():
    arrays = [np.ones(1 << 18, np.float64) for _ in range(8)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_step_takes_the_memory_of_the_step_before() -> None:
    kept, plain = faults("kept"), faults("plain")

    if plain < 1000:
        pytest.skip("this C library keeps it by itself")
    assert kept < plain / 10


def test_a_worker_without_a_photo_gives_it_back(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png", drawn_photo(1600, 1200))
    with shop.processes.work_on(path, PIXELS) as worker:
        worker.compose(judged(opened(worker)))
        (pid,) = shop.children()
        in_work = resident(pid)
    deadline = time.monotonic() + 60

    while resident(pid) > 0.7 * in_work and time.monotonic() < deadline:
        time.sleep(0.1)
    assert resident(pid) <= 0.7 * in_work


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
