"""One file in a worker process: each method asks the process to do that step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from daemon.arrays import Alpha, Rgb
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.jobs import Attempt, Recipe, View
from daemon.pictures.photo import Coverage, Seen
from daemon.pictures.values import ONLY_PAGE, Page, Samples
from daemon.renditions.wanted import MadeRendition, Rendition
from daemon.settings.output_formats import OutputFormat
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.worker_main import DECODE, PAGES, TAKE
from daemon.work.worker_process import WorkerProcess

_PIXEL_BYTES = 20
"""Of a rendition: it takes about twice the time of a pixel of a photo, since its quality is searched."""


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
        self._needs: Mapping[Page, int] = {}  # as far as they came with the pages
        self._seen: Seen | None = None

    def pages(self) -> tuple[Page, ...]:
        """The pictures of the file that are to be cut out. Raises BadPhoto."""
        found: tuple[Page, ...]
        if self._process is None:
            self._process = self._processes.take()
        found, self._needs = self._ask(PAGES, self._path, self._settings)
        return found

    def memory_need(self, page: Page) -> int:
        """How many bytes the work on a page takes at most. Raises BadPhoto."""
        need: int = self._needs[page] if page in self._needs else self._ask("memory_need", page)
        self._need_bytes = need
        return need

    def decode(self, page: Page) -> None:
        """Decode a page, make its small picture, and forget the page before. Raises BadPhoto."""
        self._seen = self._ask(DECODE, page, self._need_bytes)
        self.page = page

    def proxy(self, view: View) -> Rgb:
        """The picture that an engine sees of this view."""
        proxy: Rgb = self._ask("proxy", view)
        return proxy

    def encoded_proxy(self, view: View) -> EncodedProxy:
        """The same as engines get it over the network."""
        proxy: EncodedProxy = self._ask("encoded_proxy", view)
        return proxy

    def read_answer(
        self, number: int, recipe: Recipe, base: Attempt | None, png: bytes, channel: int, size: tuple[int, int]
    ) -> bytes:
        """Keep the alpha that an engine gave for what `encoded_proxy` made last."""
        kept: bytes = self._ask("read_answer", number, recipe, base, png, channel, size)
        return kept

    def add(self, number: int, recipe: Recipe, alpha: Alpha, base: Attempt | None) -> None:
        """Keep the raw alpha of an attempt."""
        self._ask("add", number, recipe, alpha, base)

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        """Keep the raw alpha of an attempt, in a PNG."""
        readable: bool = self._ask("add_kept", number, recipe, png, base)
        return readable

    def hear(self, model: str, steps: Samples) -> None:
        """Keep what a witness sees in the page."""
        self._ask("hear", model, steps)

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
        assert self._seen is not None
        return self._seen

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

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> tuple[int, int]:
        """Write what `compose` made, and read it back; returns its size."""
        size: tuple[int, int] = self._ask("write", path, output_format, job_id)
        return size

    def render(self, wanted: Sequence[tuple[Path, Rendition]], job_id: str) -> tuple[MadeRendition, ...]:
        """Write renditions of what `compose` made, and hold each against its rules."""
        size = sum(_PIXEL_BYTES * rendition.canvas.longest**2 for _, rendition in wanted)
        made: tuple[MadeRendition, ...] = self._ask("render", wanted, job_id, beyond_bytes=size)
        return made

    def close(self) -> None:
        """Give the process back; another file may have it then."""
        process, self._process = self._process, None
        if process is not None:
            self._processes.give_back(process)

    def _ask(self, word: str, *values: Any, beyond_bytes: int = 0) -> Any:
        if self._process is None:
            self._process = self._processes.take()
            self._processes.ask(self._process, self._path.name, 0, TAKE, self._path, self._settings)
        return self._processes.ask(self._process, self._path.name, self._need_bytes + beyond_bytes, word, *values)
