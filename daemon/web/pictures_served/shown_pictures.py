"""What the pages show of a job: its original, and its result as colours and alpha."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from daemon.errors import Said, Vanished
from daemon.journal import JobRow
from daemon.judgement.best_of_pages import pages_of_job
from daemon.web.pictures_served.picture_shelf import PictureShelf
from daemon.web.pictures_served.shown_files import ATTEMPT, ShownFile, ShownFiles, described, meaning_of

_LOOKS, _PAUSE_SECONDS = 4, 0.1  # a verdict moves the files first and says where they are a moment later


@dataclass(frozen=True, slots=True)
class ShownPictures:
    """What the site knows of pictures. shelf: gives them out. files: finds what is shown of a job."""

    shelf: PictureShelf
    files: ShownFiles

    def of(self, row: JobRow, page: int = 0) -> Mapping[str, object] | None:
        """The pictures of a job as JSON values, by kind; None if it has no result, or none that we may look at.

        page: from 1; 0 = the one that stands for the file, the worst. Looks at files, opens none. One folder that
        cannot be read must not spoil a list of jobs.
        """
        try:
            original, result = self.files.both(row, page)
        except OSError:
            return None
        if result is None:
            return None
        return {
            "original": original and described(row.job.id, "original", original),
            "colour": described(row.job.id, "colour", result),
            "alpha": described(row.job.id, "alpha", result),
        }

    def of_attempts(self, row: JobRow) -> Mapping[int, Mapping[str, object]]:
        """The alphas of a job's attempts as JSON values, by number; each as large as the original's page.

        "answer" says how fine each was before, as `ShownFiles.answer` does.
        """
        found: dict[int, Mapping[str, object]] = {}
        for page in pages_of_job(row.job):
            with suppress(OSError):
                if shown := self.files.attempts(row, page):
                    for layer in shown.layers:
                        number = int(layer.removeprefix(ATTEMPT))
                        answer = self.files.answer(row.job, number, shown.size)
                        found[number] = {**described(row.job.id, layer, shown), "answer": answer}
        return found

    def find(self, row: Callable[[], JobRow], kind: str, page: int) -> ShownFile:
        """What is shown of a job's page now; 0 = the one that stands for the file. row: reads the job's row.

        Raises Vanished if it is not there, and what `meaning_of` gives.
        """
        for look in range(_LOOKS):
            time.sleep(_PAUSE_SECONDS if look else 0)
            now = row()
            shown = self._look(now, kind, page)
            if shown is not None:
                return shown
        code = "result_not_there" if kind in ("colour", "alpha") else "original_not_there"
        raise Vanished(Said(code, name=now.job.name))

    def _look(self, row: JobRow, kind: str, page: int) -> ShownFile | None:
        try:
            if kind.startswith(ATTEMPT):
                return self.files.attempts(row, page)
            return self.files.original(row, page) if kind == "original" else self.files.result(row, page)
        except OSError as error:
            raise meaning_of(error, row.job.name) from error
