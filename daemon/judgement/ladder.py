"""Makes the strategy that a photo's settings ask for, and refuses a ladder that no engine can climb."""

from collections.abc import Mapping, Sequence

from daemon.errors import BadSettings
from daemon.judgement.strategy import Strategy, named_rungs
from daemon.settings import Settings


def asked_models(settings: Settings, models: Sequence[str]) -> frozenset[str]:
    """Those of an engine's models that it may be asked for with these settings."""
    ladder = named_rungs(settings.strategy.ladder, settings.engine.local.model)
    return frozenset(rung.model for rung in ladder).intersection(models)


def strategy_for(
    settings: Settings, models: Sequence[str], dead: Mapping[str, Sequence[str]] | None = None
) -> Strategy:
    """The strategy of these settings with an engine that has these models.

    dead: by model, the parameters that recipes leave out, because an audit found that they change nothing.
    Raises BadSettings if the engine has no model of the ladder.
    """
    strategy = Strategy(
        settings.strategy.ladder,
        models,
        settings.engine.local.model,
        settings.strategy.max_attempts,
        settings.strategy.min_gain,
        dead,
    )
    if strategy.next_recipe(()) is None:
        raise BadSettings(
            f"strategy.ladder names no model that the engine in use has (it has: {', '.join(models) or 'none'})."
        )
    return strategy
