"""One file in a worker process: each method asks the process to do that step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Attempt, Recipe, View
from daemon.pictures.photo import Coverage, Seen
from daemon.pictures.values import ONLY_PAGE, Page
from daemon.settings.output_formats import OutputFormat
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.worker_main import DECODE, TAKE
from daemon.work.worker_process import WorkerProcess


class LentProcesses(Protocol):
    """Where processes come from, e.g. `Processes`; the methods are explained there."""

    def take(self) -> WorkerProcess:
        """A process that has nothing to do."""

    def give_back(self, process: WorkerProcess) -> None:
        """Keep a process for the next file."""

    def ask(
        self, process: WorkerProcess, name: str, need_bytes: int, word: str, *values: Any, descriptor: int | None = None
    ) -> Any:
        """Ask a process for a step."""


class FileInProcess:
    """One file in a worker process. It is a `PhotoWorker`; the methods are explained there."""

    def __init__(self, processes: LentProcesses, path: Path, settings: PixelSettings) -> None:
        self.page = ONLY_PAGE
        self._processes = processes
        self._path = path
        self._settings = settings
        self._process: WorkerProcess | None = None
        self._need_bytes = 0

    def pages(self) -> tuple[Page, ...]:
        """The pictures of the file that are to be cut out. Raises BadPhoto."""
        found: tuple[Page, ...] = self._ask("pages")
        return found

    def memory_need(self, page: Page) -> int:
        """How many bytes the work on a page takes at most. Raises BadPhoto."""
        need: int = self._ask("memory_need", page)
        self._need_bytes = need
        return need

    def decode(self, page: Page) -> None:
        """Decode a page, and forget the one before. Raises BadPhoto."""
        self._ask(DECODE, page, self._need_bytes)
        self.page = page

    def shrink(self) -> None:
        """Make the small picture that the judgement sees."""
        self._ask("shrink")

    def proxy(self, view: View) -> Rgb:
        """The picture that an engine sees of this view."""
        proxy: Rgb = self._ask("proxy", view)
        return proxy

    def add(self, number: int, recipe: Recipe, alpha: Alpha, base: Attempt | None) -> None:
        """Keep the raw alpha of an attempt."""
        self._ask("add", number, recipe, alpha, base)

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        """Keep the raw alpha of an attempt, in a PNG."""
        readable: bool = self._ask("add_kept", number, recipe, png, base)
        return readable

    def judge(self, attempt: Attempt) -> Attempt:
        """Search the best finish of the attempt's alpha, and judge it."""
        judged: Attempt = self._ask("judge", attempt)
        return judged

    def judge_again(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Attempts with the verdicts that they get beside all alphas that are known by now."""
        judged: list[Attempt] = self._ask("judge_again", attempts)
        return judged

    def seen(self) -> Seen:
        """What is known of the decoded page, for the report."""
        seen: Seen = self._ask("seen")
        return seen

    def compose(self, best: Attempt) -> Coverage:
        """Cut the page out, at full size, by the alpha of an attempt."""
        coverage: Coverage = self._ask("compose", best)
        return coverage

    def show_original(self, folder: Path) -> None:
        """Write what fits a screen of the page."""
        self._ask("show_original", folder)

    def show_result(self, colour: Path, alpha: Path) -> None:
        """Write what fits a screen of what `compose` made."""
        self._ask("show_result", colour, alpha)

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> None:
        """Write what `compose` made, and read it back."""
        self._ask("write", path, output_format, job_id)

    def close(self) -> None:
        """Give the process back; another file may have it then."""
        process, self._process = self._process, None
        if process is not None:
            self._processes.give_back(process)

    def _ask(self, word: str, *values: Any) -> Any:
        if self._process is None:
            self._process = self._processes.take()
            self._processes.ask(self._process, self._path.name, 0, TAKE, self._path, self._settings)
        return self._processes.ask(self._process, self._path.name, self._need_bytes, word, *values)
