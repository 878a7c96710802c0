"""How large the pictures of a finished job are, so that nobody needs to open them to lay out a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from daemon.journal import rows
from daemon.journal.database import Database


@dataclass(frozen=True, slots=True)
class ShownSizes:
    """(width, height) in pixels, of the original upright and of the result.

    page, page_suffix: of a file of several pages, the one that is shown, from 1, and what the names of its results have
    before the format's suffix; otherwise 0 and "". pages: the same of each page, in their order, without these.
    """

    original: tuple[int, int]
    result: tuple[int, int]
    page: int = 0
    page_suffix: str = ""
    pages: "tuple[ShownSizes, ...]" = ()

    def of_page(self, number: int) -> "ShownSizes | None":
        """The sizes of one page, from 1; None if there is no such page."""
        if not self.page:
            return self if number == 1 else None
        return next((each for each in self.pages if each.page == number), None)


_PAGES = TypeAdapter(tuple[ShownSizes, ...])


class ShownSizesTable:
    """The sizes that the journal knows. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def record(self, job_id: str, sizes: ShownSizes) -> None:
        """Keep the sizes of a job's pictures. Does nothing for a job that is not known."""
        with self._db.transaction():
            self._db.change(
                "INSERT OR REPLACE INTO shown_sizes SELECT id, round, ?, ?, ?, ?, ?, ?, ? FROM jobs WHERE id = ?",
                *sizes.original,
                *sizes.result,
                sizes.page,
                sizes.page_suffix,
                _PAGES.dump_json(sizes.pages).decode(),
                job_id,
            )

    def of_jobs(self, job_ids: Sequence[str]) -> Mapping[str, ShownSizes]:
        """The sizes by job, of those that are known for the job's latest round. job_ids: at most some thousands."""
        found = self._db.rows(
            "SELECT job_id, width, height, result_width, result_height, page, page_suffix, pages "
            "FROM shown_sizes "
            f"JOIN jobs ON jobs.id = job_id AND jobs.round = shown_sizes.round WHERE job_id IN "
            f"({rows.placeholders(job_ids)})",
            *job_ids,
        )
        return {str(job_id): _sizes(values) for job_id, *values in found}


def _sizes(values: Sequence[object]) -> ShownSizes:
    width, height, result_width, result_height, page = map(rows.whole, values[:5])
    pages = _PAGES.validate_json(str(values[6]))
    return ShownSizes((width, height), (result_width, result_height), page, str(values[5]), pages)
