"""Remembers the results whose grade a person changed, until their renditions are those of the new grade."""

from daemon.journal import Journal

_KEY = "renditions_due:"


class DueRenditions:
    """Facts of the journal, so no crash forgets one. Safe to use from many threads."""

    def __init__(self, journal: Journal) -> None:
        self._facts = journal.facts

    def add(self, job_id: str) -> None:
        """Note that a result needs a look. Whoever calls it holds the job's lock until the new grade is recorded."""
        self._facts.record(f"{_KEY}{job_id}", "")

    def jobs(self) -> tuple[str, ...]:
        """The ids of those jobs."""
        return tuple(key.removeprefix(_KEY) for key in self._facts.keys_with(_KEY))

    def done(self, job_id: str) -> None:
        """Forget a result that was looked at."""
        self._facts.forget(f"{_KEY}{job_id}")
