"""A file that is shown to people, in a worker process: each method asks the process to do that step."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.pictures.opened_picture import nothing
from daemon.work.file_in_process import LentProcesses
from daemon.work.worker_main import BUILD, BUILT, FITTING, TILE_OF
from daemon.work.worker_process import WorkerProcess

_MOST_SECONDS = 900.0  # of one layer at low priority, on a busy machine
_LOOK_SECONDS = 0.03  # between two looks for tiles that are wanted while a layer is built


class PictureInProcess:
    """It is a `PictureToShow`; the methods are explained there. Each may raise WorkerLost as well."""

    def __init__(self, processes: LentProcesses, process: WorkerProcess, name: str, need_bytes: int) -> None:
        """process: has opened the file of that name, which takes so many bytes."""
        self._processes = processes
        self._process = process
        self._name = name
        self._need_bytes = need_bytes

    def tile(self, layer: str, level: int, column: int, row: int) -> bytes | None:
        """One tile; None if there is none."""
        content: bytes | None = self._ask(TILE_OF, layer, level, column, row)
        return content

    def fit(self, layer: str) -> bytes | None:
        """The picture that fits a screen."""
        content: bytes | None = self._ask(FITTING, layer)
        return content

    def build(self, layer: str, folder: Path, meanwhile: Callable[[], None] = nothing) -> None:
        """Write the files of a layer, in a thread of the process that has a low priority."""
        self._ask(BUILD, layer, folder)
        failure, until = None, time.monotonic() + _MOST_SECONDS
        while not self._ask(BUILT, _LOOK_SECONDS):
            if time.monotonic() > until:
                self._process.kill()  # it hangs, as the next question says
            elif failure is None:
                try:
                    meanwhile()
                except Exception as error:  # noqa: BLE001 - the thread must not be left alone
                    failure = error
        if failure is not None:
            raise failure

    def _ask(self, word: str, *values: object) -> Any:
        return self._processes.ask(self._process, self._name, self._need_bytes, word, *values)
