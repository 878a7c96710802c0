"""Decides from a photo's attempts which recipe comes next, if any, and which attempt wins."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from daemon.jobs import Attempt, Grade, Recipe, View
from daemon.judgement.best_of_pages import best_by_score
from daemon.judgement.expected_gain import GainTable, kind_of_call, shipped_gains
from daemon.judgement.views import zoom_on
from daemon.settings import Rung

SMALLEST_RES, FINEST_RES = 256, 2048  # pixels: the range of process_res that all nodes accept

Remedy = Callable[[Recipe, Recipe], bool]


def _other_model(recipe: Recipe, best: Recipe) -> bool:
    return recipe.model != best.model and recipe.view.whole and not recipe.view.mirrored


def _zoom(recipe: Recipe, _: Recipe) -> bool:
    return not recipe.view.whole


def _finer(recipe: Recipe, best: Recipe) -> bool:
    return recipe.model == best.model and (recipe.process_res or 0) > (best.process_res or 0)


def _of_no_beaten_model(recipe: Recipe, best: Recipe) -> bool:
    """Any recipe but the mirrored pass of a model that was beaten: its two alphas would agree, and win for that."""
    return not recipe.view.mirrored or recipe.model == best.model


def _any(_: Recipe, __: Recipe) -> bool:
    return True


IN_ORDER: tuple[Remedy, ...] = (_other_model, _zoom, _finer, _of_no_beaten_model)
REMEDIES: dict[str, tuple[Remedy, ...]] = {
    "empty": (_other_model,),
    "full": (_other_model,),
    "residue": (_other_model,),
    "stray": (_other_model,),
    "holes": (_other_model,),
    "hollow": (_other_model,),
    "apart": (_other_model,),
    "soft_rim": (_finer, _zoom),
    "small_subject": (_zoom,),
}
"""What to try first for a named defect; a verdict names the worst defect first. IN_ORDER is for the rest.

Another model is asked before another view of the same one, also beside a result that is gut: two passes of one model
share its errors, so that they agree proves little.
"""


class Strategy:
    """Knows the ladder and the models on offer; the rest it reads from the attempts."""

    def __init__(
        self,
        ladder: Sequence[Rung],
        offered: Sequence[str],
        local_model: str,
        max_attempts: int,
        min_gain: float,
        dead: Mapping[str, Sequence[str]] | None = None,
        gains: GainTable | None = None,
    ) -> None:
        """ladder: recipes, the preferred one first. offered: models that the engine in use has. local_model: the model
        that "local" stands for. min_gain: how much a call must be expected to add so that it is made, see `GainTable`.

        dead: by model the parameters that an audit found to make no difference; recipes go without them.
        gains: what calls can be expected to add; None = the shipped table.
        """
        self._dead = dead or {}
        named = named_rungs(ladder, local_model)
        self._rungs = tuple(dict.fromkeys(bare(rung, self._dead) for rung in named if rung.model in offered))
        self._max_attempts = max_attempts
        self._min_gain = min_gain
        self._gains = gains
        self._left_out: frozenset[str] = frozenset()

    def without(self, model: str) -> "Strategy":
        """The same strategy, but it never asks for this model."""
        other = copy.copy(self)
        other._left_out = self._left_out | {model}
        other._rungs = tuple(rung for rung in self._rungs if rung.model != model)
        return other

    def next_recipe(self, attempts: Sequence[Attempt], tried_before: Sequence[Attempt] = ()) -> Recipe | None:
        """What to ask the engine next; None if another call would not pay or `max_attempts` is reached.

        tried_before: the attempts of earlier rounds, whose results a person did not want; see `_harder`.
        """
        if len(attempts) >= self._max_attempts:
            return None
        if tried_before:
            return self._harder(attempts, tried_before)
        if attempts and (smaller := self._smaller(attempts)):
            return smaller
        best = self.best(attempts)
        if best is None or best.verdict is None:
            untried = self._untried(attempts, None)
            return untried[0] if untried else None
        if best.verdict.grade is Grade.SEHR_GUT:
            return None
        untried = self._untried(attempts, best.subject)
        recipes = _in_order(untried, best.recipe, (*_remedies(best.verdict.defects), *IN_ORDER))
        gains, verdict = self._gains or shipped_gains(), best.verdict
        paying = (each for each in recipes if gains.expected(kind_of_call(each, attempts), verdict) >= self._min_gain)
        return next(paying, None)

    def best(self, attempts: Sequence[Attempt]) -> Attempt | None:
        """The attempt with the highest score; of equal ones the earlier. None if none was judged."""
        return best_by_score(attempts)

    def _harder(self, attempts: Sequence[Attempt], tried_before: Sequence[Attempt]) -> Recipe | None:
        """A recipe that was not tried yet, also one beyond the ladder, until a result is sehr_gut.

        If all were tried, the ladder begins anew.
        """
        if attempts and (smaller := self._smaller(attempts)):
            return smaller
        best = self.best(attempts)
        if best and best.verdict and best.verdict.grade is Grade.SEHR_GUT:
            return None
        known = best or self.best(tried_before)
        subject = known.subject if known else None
        untried = self._untried([*tried_before, *attempts], subject, (*self._rungs, *_beyond(self._rungs)))
        untried = untried or self._untried(attempts, subject)
        if known is None or known.verdict is None:
            return untried[0] if untried else None
        recipes = _in_order(untried, known.recipe, (*_remedies(known.verdict.defects), *IN_ORDER, _any))
        return next(recipes, None)

    def _untried(
        self, attempts: Sequence[Attempt], subject: View | None, rungs: Sequence[Rung] | None = None
    ) -> list[Recipe]:
        tried = {self._bare(attempt.recipe) for attempt in attempts}
        zoomed = {(recipe.model, recipe.process_res) for recipe in tried if not recipe.view.whole}
        recipes = []
        for rung in self._rungs if rungs is None else rungs:
            recipe = _recipe(rung, subject)
            # A second zoom would show almost the same view, and so bring nothing new.
            if recipe is None or recipe in tried or recipe in recipes:
                continue
            if not recipe.view.whole and (recipe.model, recipe.process_res) in zoomed:
                continue
            recipes.append(recipe)
        return recipes

    def _bare(self, recipe: Recipe) -> Recipe:
        """A recipe without dead parameters: an attempt from before the audit may have asked with them."""
        return replace(recipe, process_res=None) if "process_res" in self._dead.get(recipe.model, ()) else recipe

    def _smaller(self, attempts: Sequence[Attempt]) -> Recipe | None:
        """The last recipe at half its size, if the engine had no memory for it."""
        last = attempts[-1]
        asked = self._bare(last.recipe).process_res
        if last.error_reason != "engine_full" or asked is None or last.recipe.model in self._left_out:
            return None
        size = max(SMALLEST_RES, asked // 2)
        smaller = Recipe(last.recipe.model, size, last.recipe.view)
        return None if smaller in {attempt.recipe for attempt in attempts} else smaller


def named_rungs(ladder: Sequence[Rung], local_model: str) -> tuple[Rung, ...]:
    """The ladder with the model's name in place of "local"."""
    return tuple(rung.model_copy(update={"model": local_model}) if rung.model == "local" else rung for rung in ladder)


def bare(rung: Rung, dead: Mapping[str, Sequence[str]]) -> Rung:
    """A rung without the dead parameters of its model."""
    return rung.model_copy(update={"process_res": None}) if "process_res" in dead.get(rung.model, ()) else rung


def left_out(ladder: Sequence[Rung], dead: Mapping[str, Sequence[str]]) -> Iterator[Rung]:
    """The rungs that differ from an earlier one only in a dead parameter. They are the same recipe and not tried."""
    seen: set[Rung] = set()
    for rung in ladder:
        if bare(rung, dead) in seen:
            yield rung
        seen.add(bare(rung, dead))


def _beyond(rungs: Sequence[Rung]) -> list[Rung]:
    """What goes beyond a ladder: its models at the finest resolution, zoomed on the subject, and mirrored."""
    further = []
    for rung in rungs:
        further += [rung.model_copy(update={"view": "zoom"}), rung.model_copy(update={"view": "mirrored"})]
        if rung.process_res and rung.process_res < FINEST_RES:
            further.insert(0, rung.model_copy(update={"process_res": FINEST_RES}))
    return further


def _recipe(rung: Rung, subject: View | None) -> Recipe | None:
    """A rung as a recipe; None if the rung is a zoom and there is nothing to zoom on."""
    if rung.view == "zoom":
        zoom = zoom_on(subject) if subject else None
        return Recipe(rung.model, rung.process_res, zoom) if zoom else None
    return Recipe(rung.model, rung.process_res, View(mirrored=rung.view == "mirrored"))


def _remedies(defects: Sequence[str]) -> list[Remedy]:
    return [remedy for defect in defects for remedy in REMEDIES.get(defect, ())]


def _in_order(untried: Sequence[Recipe], best: Recipe, remedies: Sequence[Remedy]) -> Iterator[Recipe]:
    """The recipes that the remedies allow, in the order of the remedies, then of the ladder; some maybe twice."""
    for remedy in remedies:
        yield from (recipe for recipe in untried if remedy(recipe, best))
