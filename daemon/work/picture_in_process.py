"""A file that is shown to people, in a worker process: each method asks the process to do that step."""

from pathlib import Path
from typing import Any

from daemon.work.file_in_process import LentProcesses
from daemon.work.worker_main import BUILD, FITTING, TILE_OF
from daemon.work.worker_process import WorkerProcess


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

    def build(self, layer: str, folder: Path) -> None:
        """Write the files of a layer. The process has a low priority from now on."""
        self._ask(BUILD, layer, folder)

    def _ask(self, word: str, *values: object) -> Any:
        return self._processes.ask(self._process, self._name, self._need_bytes, word, *values)
