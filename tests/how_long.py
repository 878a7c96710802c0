"""Runs pytest on all tests, and says beforehand how long that will take: `make test` does so.

The figure is that of the last whole run on this machine, kept beside the environment; before the first one it is an
estimate from the number of processors.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

LAST = Path(sys.prefix) / ".seconds-of-all-tests"
MINUTES_OF_ONE_CORE = 36  # 18 minutes were measured on two


def expected(last: Path, cores: int) -> str:
    """How long all tests will take, in words. last: where the last run left its seconds."""
    try:
        minutes = round(float(last.read_text("utf-8")) / 60)
    except (OSError, ValueError):
        about = round(MINUTES_OF_ONE_CORE / max(1, min(cores, 4)))
        return f"All tests take about {about} minutes (an estimate: they have not run on this machine yet)."
    return f"All tests take about {max(1, minutes)} {'minute' if minutes <= 1 else 'minutes'}, as the last time."


def main(arguments: list[str], last: Path = LAST) -> int:
    """Say how long it will take, run pytest, and keep how long it took. Returns pytest's exit code."""
    sys.stdout.write(expected(last, len(os.sched_getaffinity(0))) + "\n")
    sys.stdout.flush()
    began = time.monotonic()
    code = subprocess.call([sys.executable, "-m", "pytest", *arguments])
    if code in (0, 1):  # it ran to its end
        last.write_text(f"{time.monotonic() - began:.0f}\n", "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
