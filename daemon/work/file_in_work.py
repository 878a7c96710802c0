"""One file in work, wherever it is worked on: the seam behind which another machine may do it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from daemon.errors import Said
from daemon.jobs import Outcome
from daemon.publishing.reports import Cut
from daemon.work.task import PhotoTask

if TYPE_CHECKING:
    from daemon.publishing.kept_pages import KeptPage  # it knows the journal, which `process` has not


class FileInWork(Protocol):
    """A file that is cut out, and whose results are staged then."""

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that stands for the file; None before `cut_out` or `restore`."""

    @property
    def not_done(self) -> Mapping[int, Said]:
        """Why pages were left out, by number; after `cut_out` or `restore`."""

    def cut_out(self) -> Outcome:
        """Cut out each picture; returns the outcome that stands for the file. Raises like `Pipeline.cut_out`."""

    def restore(self, kept: "Mapping[int, KeptPage] | None" = None) -> Outcome:
        """The outcome that an earlier run decided on. Raises like `Pipeline.decided`.

        kept: by number, the pages whose results stay as they are: nothing is made anew of these, here or by `stage`.
        """

    def stage(self, folder: Path) -> tuple[Cut, ...]:
        """Write the results of all pictures into `folder`, after `cut_out` or `restore`; then the file is closed."""


class OpensFiles(Protocol):
    """Opens files to work on them, here or elsewhere. Safe to use from many threads."""

    def open(self, task: PhotoTask, original: Path, *, decided: bool) -> AbstractContextManager[FileInWork]:
        """A file in work. decided: whether its outcome is settled, so that it is only to be staged."""
