"""A file in a worker process: how large each step is said to be, which decides how long it may take."""

from pathlib import Path
from typing import Any

from daemon.renditions.named_renditions import rendition_of
from daemon.settings import Settings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.file_in_process import FileInProcess
from daemon.work.worker_process import WorkerProcess


class Asked:
    """Notes how large each step is said to be, and answers nothing."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def take(self) -> Any:
        return None

    def give_back(self, process: WorkerProcess) -> None:
        raise AssertionError(process)

    def ask(
        self, process: WorkerProcess, name: str, need_bytes: int, word: str, *values: Any, descriptor: int | None = None
    ) -> Any:
        self.sizes[word] = need_bytes
        return ()


def size_of_rendering(*names: str) -> int:
    asked = Asked()
    file = FileInProcess(asked, Path("a.png"), PixelSettings.of(Settings()))
    file.render([(Path(name), rendition_of(name)) for name in names], "job")
    return asked.sizes["render"]


def test_many_renditions_may_take_longer_than_one() -> None:
    one, two = size_of_rendering("ebay"), size_of_rendering("ebay", "otto")

    assert 0 < one < two
