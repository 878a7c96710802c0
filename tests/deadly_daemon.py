"""A daemon in a process of its own whose engine kills the whole process over each tall photo, as a bad library would.

`python -m tests.deadly_daemon DEATHS`: at each death it adds a line to the file DEATHS that says how many photos were
with the engine. The first death waits until six are. DEATHS.asked is there once the engine was asked.
"""

import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

from daemon.arrays import Rgb
from daemon.engines.contract import Answer
from daemon.jobs import Recipe
from daemon.service.lifecycle import Daemon
from daemon.service.os_signals import handle_signals
from daemon.settings import load
from tests.doubles import ScriptedEngine

COMPANY = 6


class DeadlyEngine(ScriptedEngine):
    """Answers photos that are wider than tall, but none before the first death."""

    slots = COMPANY

    def __init__(self, deaths: Path) -> None:
        super().__init__()
        self._deaths = deaths
        self._first = not deaths.exists()
        self._inside = 0
        self._changed = threading.Condition()

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        self._deaths.with_suffix(".asked").touch()
        with self._changed:
            self._inside += 1
            self._changed.notify_all()
            if proxy.shape[0] > proxy.shape[1]:
                self._changed.wait_for(lambda: self._inside >= COMPANY, None if self._first else 0.5)
                with self._deaths.open("a") as file:
                    file.write(f"{self._inside}\n")
                os.kill(os.getpid(), signal.SIGKILL)
            if self._first:
                self._changed.wait_for(lambda: False)
        time.sleep(0.2)  # so that it is seen beside others
        with self._changed:
            self._inside -= 1
        return super().cut(ticket, proxy, recipe, new=new)


def main() -> None:
    daemon = Daemon(load(), engine=DeadlyEngine(Path(sys.argv[1])))
    handle_signals(daemon.stop, lambda: None)
    daemon.run()


if __name__ == "__main__":
    main()
