"""What works on the pixels of photos: the seam behind which another process, or another machine, may do it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daemon.arrays import Alpha, Rgb
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.jobs import Attempt, Recipe, View
from daemon.pictures.laid_out import LaidOut, Layout
from daemon.pictures.opened_picture import PictureToShow
from daemon.pictures.photo import Coverage, Seen
from daemon.pictures.pyramid import Layer
from daemon.pictures.thumbs import Thumb
from daemon.pictures.values import Page, Samples
from daemon.renditions.wanted import MadeRendition, Rendition
from daemon.settings.output_formats import OutputFormat
from daemon.settings.pixel_settings import PixelSettings


@dataclass(frozen=True, slots=True, eq=False)
class KeptAttempts:
    """Attempts at one page of a file whose alphas are kept, with what is to be shown of them.

    alphas: number, recipe, PNG and base of each, as `PhotoWorker.add_kept` takes them. shown: the attempts to show, by
    the name of the layer. page: of the photos in the file, from 1.
    """

    alphas: Sequence[tuple[int, Recipe, bytes, Attempt | None]]
    shown: Mapping[str, Attempt]
    page: int = 1


class PhotoWorker(Protocol):
    """Holds one file of a stranger while it is cut out; only it ever decodes that file.

    `decode` comes first, then what needs pixels. Every method may raise WorkerLost, or EngineAway if the program stops.
    """

    page: Page
    """The page that was decoded last."""

    def pages(self) -> tuple[Page, ...]:
        """The pictures of the file that are to be cut out. Raises BadPhoto."""

    def memory_need(self, page: Page) -> int:
        """How many bytes the work on a page takes at most. Raises BadPhoto."""

    def decode(self, page: Page) -> None:
        """Decode a page, make the small picture that is judged, and forget the page before. Raises BadPhoto."""

    def proxy(self, view: View) -> Rgb:
        """The picture that an engine sees of this view: (h, w, 3) uint8."""

    def encoded_proxy(self, view: View) -> EncodedProxy:
        """The same as engines get it over the network."""

    def read_answer(
        self, number: int, recipe: Recipe, base: Attempt | None, png: bytes, channel: int, size: tuple[int, int]
    ) -> bytes:
        """Keep the raw alpha that an engine gave for what `encoded_proxy` made last; it is a `ReadAlpha` besides.

        base: as for `add`. Returns it as a PNG for `add_kept`, in the frame of the proxy, in steps of 1/255.
        """

    def add(self, number: int, recipe: Recipe, alpha: Alpha, base: Attempt | None) -> None:
        """Keep the raw alpha of an attempt. base: the best attempt so far; it fills what a zoom did not see."""

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        """The same of an alpha that was kept, in a PNG. Returns False if it cannot be read."""

    def hear(self, model: str, steps: Samples) -> None:
        """Keep what a witness sees in the page, (h, w) uint8, in steps of 1/255: it stands beside all verdicts to come.

        model: its name.
        """

    def judge(self, attempt: Attempt) -> Attempt:
        """The attempt with the best finish of its alpha, its verdict and its subject."""

    def judge_again(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Attempts with the verdicts that they get beside all alphas that are known by now."""

    def seen(self) -> Seen:
        """What is known of the decoded page, for the report."""

    def compose(self, best: Attempt) -> Coverage:
        """Cut the page out, at full size, by the alpha of an attempt."""

    def show_original(self, folder: Path) -> None:
        """Write what fits a screen of the page into a folder, before `compose`. Raises OSError."""

    def show_result(self, colour: Path, alpha: Path) -> None:
        """Write what fits a screen of what `compose` made into two folders. Raises OSError."""

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> tuple[int, int]:
        """Write what `compose` made, and read it back; a wrong file is written once more. Returns width and height.

        Raises ValueError if it is wrong again, OSError if the disk does not take it, BadPhoto if the format cannot.
        """

    def render(self, wanted: Sequence[tuple[Path, Rendition]], job_id: str) -> tuple[MadeRendition, ...]:
        """Write renditions of what `compose` made, each to its path, and hold each against its rules.

        One that cannot be made breaks the rule "made". Raises OSError if the disk does not take them.
        """


class PhotoWorkers(Protocol):
    """Gives each file a worker of its own. Safe to use from many threads."""

    def work_on(self, path: Path, settings: PixelSettings) -> AbstractContextManager[PhotoWorker]:
        """A worker for this file, for the length of the block."""

    def prove(self, descriptor: int, name: str, max_megapixels: float) -> None:
        """Prove that an open file decodes to its end, as `pictures.reading.prove_decodes` does.

        Raises WorkerLost as well, and what `MemoryBudget.held` raises.
        """

    def thumb(self, path: Path, longest: int, max_megapixels: float, page: int) -> Thumb:
        """The small picture of a file, as `pictures.thumbs.thumb_of_page` makes it. Raises WorkerLost, too."""

    def picture(
        self, path: Path, layers: Collection[Layer], page: int = 0, *, hurried: bool = False
    ) -> AbstractContextManager[PictureToShow]:
        """A file that is shown to people at every size, as `pictures.opened_picture.OpenedPicture` shows it.

        hurried: somebody waits for the first tiles, so that it is opened at normal priority. Raises WorkerLost as well,
        and what `MemoryBudget.held` raises.
        """

    def lay_out(self, path: Path, layout: Layout, target: Path) -> LaidOut:
        """Write a finished cut-out as a program asks, as `pictures.laid_out.lay_out` does.

        Raises WorkerLost as well, and what `MemoryBudget.held` raises.
        """

    def attempts(
        self, path: Path, settings: PixelSettings, kept: KeptAttempts, *, hurried: bool = False
    ) -> AbstractContextManager[PictureToShow]:
        """The alphas of attempts at a file, as `work.open_attempts.OpenAttempts` shows them; the rest as `picture`."""

    def close(self) -> None:
        """End all work now. What is not done raises EngineAway, since the program stops."""
