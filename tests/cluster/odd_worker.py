"""A worker in a process of its own that is not as it should be.

`python -m tests.cluster.odd_worker SETTINGS NAME THREADS [--dies-of WORD] [--version VERSION] [--clock-ahead SECONDS]`.
--dies-of: photos with this in their name kill the whole process in the middle of the work, as a bad library or the
kernel would. --version: of Freisteller, that it says it has. --clock-ahead: of its clock against everybody else's.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from unittest.mock import patch

from daemon import __version__
from daemon.cluster import on_worker
from daemon.cluster.errand import Errand, Made
from daemon.commands.worker import run_worker
from daemon.settings import load

LONG_ENOUGH_TO_BE_BESIDE_OTHERS = 1.0


class DeadlyMachine(on_worker.FarMachine):
    """Dies of some photos."""

    dies_of = ""

    def _made(self, errand: Errand, alphas: on_worker._NewAlphas) -> Made:
        if self.dies_of and self.dies_of in errand.task.job.name:
            time.sleep(LONG_ENOUGH_TO_BE_BESIDE_OTHERS)
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._made(errand, alphas)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path)
    parser.add_argument("name")
    parser.add_argument("threads", type=int)
    parser.add_argument("--dies-of", default="")
    parser.add_argument("--version", default=__version__)
    parser.add_argument("--clock-ahead", type=float, default=0.0)
    asked = parser.parse_args()
    DeadlyMachine.dies_of = asked.dies_of
    true_time = time.time
    with (
        patch.object(on_worker, "FarMachine", DeadlyMachine),
        patch.object(on_worker, "__version__", asked.version),
        patch.object(time, "time", lambda: true_time() + asked.clock_ahead),
    ):
        run_worker(load(asked.settings), asked.name, asked.threads, _say)


if __name__ == "__main__":
    main()
