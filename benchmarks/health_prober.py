"""Asks a page every 50 ms, and writes a line for each good answer. No other work of this process delays it.

Run: `python benchmarks/health_prober.py http://127.0.0.1:9108/healthz ANSWERS`. Each line holds three numbers: when the
answer was there (CLOCK_MONOTONIC, which all processes share), the seconds since the good answer before it, and how many
of these seconds the prober itself came too late because the machine was busy.
"""

import os
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

PERIOD_SECONDS = 0.05
LONGEST_ANSWER_SECONDS = 2.0


def main(url: str, path: str) -> None:
    """Ask until the process that started us ends us."""
    with suppress(OSError):
        os.nice(-10)  # only root may; then a busy machine makes us late less often
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    before = time.monotonic()
    late = 0.0
    with Path(path).open("a", encoding="ascii", buffering=1) as answers:
        while True:
            until = time.monotonic() + PERIOD_SECONDS
            time.sleep(PERIOD_SECONDS)
            late += time.monotonic() - until
            with suppress(OSError, ValueError), opener.open(url, timeout=LONGEST_ANSWER_SECONDS) as answer:
                answer.read()
                now = time.monotonic()
                answers.write(f"{now:.4f} {now - before:.4f} {late:.4f}\n")
                before, late = now, 0.0


if __name__ == "__main__":
    main(*sys.argv[1:])
