"""Learning from the journal: which recipe a photo begins with, chosen once and kept until the photo is done."""

import hashlib
from collections.abc import Callable, Sequence

from daemon.jobs import Job, Opening, Recipe
from daemon.journal import Journal, top_folder
from daemon.judgement import first_recipe_choice


class Learning:
    """Chooses by what earlier photos of the same top-level folder gave."""

    def __init__(
        self,
        journal: Journal,
        recipes: Sequence[Recipe],
        enough: float,
        bare: Callable[[Recipe], Recipe],
        *,
        on: bool,
    ) -> None:
        """recipes: to choose from, the ladder's first first. enough: the score from which no other recipe is tried.

        bare: a recipe as it is asked for today. on: False leaves new photos to the ladder.
        """
        self._on = on
        self._journal = journal
        self._recipes = tuple(recipes)
        self._enough = enough
        self._bare = bare

    def opening(self, job: Job) -> Opening | None:
        """What this photo begins with; the same after a restart. None = the ladder decides: there is nothing to choose.

        A photo that a person sends round again is asked otherwise on purpose.
        """
        if len(self._recipes) < 2 or job.round:
            return None
        known = self._journal.opening(job)
        if known is not None or not self._on:
            return known
        first = self._journal.first_attempts(top_folder(job.name), first_recipe_choice.MEMORY)
        tried = [
            first_recipe_choice.Tried(self._bare(one.recipe), first_recipe_choice.worth(one.score, self._enough))
            for one in first
        ]
        return self._journal.note_opening(job, first_recipe_choice.choose(self._recipes, tried, _dice(job.id)))


def _dice(job_id: str) -> float:
    """A number, 0..1, that is always the same for a job and as good as random among jobs."""
    return int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:4]) / 2**32
