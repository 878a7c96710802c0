"""`freisteller audit`: finds out which parameters of which models make a difference, and which only cost time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from daemon.commands.audit_grid import ask_grid
from daemon.commands.audit_sheet import AuditSheet
from daemon.errors import BadSettings, EngineAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_identity import read_identity
from daemon.jobs import View
from daemon.journal import audit_results
from daemon.judgement import parameter_effects
from daemon.judgement.strategy import left_out, named_rungs
from daemon.pictures.proxy import make_proxy
from daemon.pictures.reading import open_photo
from daemon.service.choose_engine import build_engine
from daemon.settings import Rung, Settings
from daemon.words.counted import counted

SAME_MODEL = 0.999  # SSIM; two models that are so alike do the same for us

_STATES = {
    "changes": "[green]changes[/]",
    "slight": "[yellow]slight[/]",
    "dead": "[red]dead[/]",
    "not taken": "[red]dead: none[/]",
    "unsure": "dead?",
}


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found. alike: SSIM by pair of models. troubles: by model why an answer is missing.

    left_out: the recipes of the ladder that are no longer tried, in words.
    """

    engine: str
    photos: tuple[str, ...]
    effects: tuple[parameter_effects.ParameterEffect, ...]
    alike: Mapping[tuple[str, str], float]
    troubles: Mapping[str, str]
    calls: int
    left_out: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def dead(self) -> dict[str, tuple[str, ...]]:
        """By model the parameters that make no difference."""
        return parameter_effects.dead_parameters(self.effects)

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "engine": self.engine,
            "photos": list(self.photos),
            "engine_calls": self.calls,
            "effects": [
                {key: round(value, 5) if isinstance(value, float) else value for key, value in asdict(effect).items()}
                | {"engine_call_per_value": effect.costs_calls}
                for effect in self.effects
            ],
            "models_alike": [{"models": list(pair), "ssim": round(value, 5)} for pair, value in self.alike.items()],
            "troubles": dict(self.troubles),
            "dead": {model: list(names) for model, names in self.dead.items()},
            "recipes_left_out": list(self.left_out),
            "files": [str(path) for path in self.files],
        }

    def table(self) -> Table:
        """For people; fits a terminal of 80 columns."""
        table = Table(
            title=f"{self.engine}, {counted(len(self.photos), 'photo')}, {counted(self.calls, 'engine call')}", box=None
        )
        for heading in ("model", "parameter", "values"):
            table.add_column(heading, no_wrap=True)
        for heading in ("SSIM min", "mean", "change"):
            table.add_column(heading, justify="right", no_wrap=True)
        for heading in ("effect", "cost"):
            table.add_column(heading, no_wrap=True)
        for effect in self.effects:
            seen = effect.state != "not taken"
            table.add_row(
                effect.model,
                effect.parameter,
                ", ".join(f"{value:g}" for value in effect.values),
                f"{effect.lowest:.3f}" if seen else "",
                f"{effect.mean:.3f}" if seen else "",
                f"{100 * effect.change:.1f} %" if seen else "",
                _STATES[effect.state],
                "calls" if effect.costs_calls else "none",
            )
        return table


def audit_photos(
    settings: Settings,
    photos: Sequence[Path],
    out_dir: Path | None,
    print_line: Callable[[str], None],
    on_progress: Callable[[int, int], None],
) -> Audit:
    """Ask every model for every photo at every process_res, and compare. on_progress: (photos done, photos in all).

    Raises BadPhoto if a photo cannot be read, BadSettings if no engine answers, NoRoom if `out_dir` cannot be written.
    """
    proxies = [
        make_proxy(open_photo(path, settings.intake.max_megapixels), View(), settings.engine.proxy_pixels)
        for path in photos
    ]
    names = tuple(path.name for path in photos)
    sheet = AuditSheet(names, proxies) if out_dir else None
    ladder = named_rungs(settings.strategy.ladder, settings.engine.local.model)
    engine = build_engine(settings, print_line)
    engine.start()
    try:
        asked = settings.audit.models or tuple({rung.model: None for rung in ladder if rung.model in engine.models})
        grid = ask_grid(settings.audit.model_copy(update={"models": asked}), engine, proxies, sheet, on_progress)
    except EngineAway as error:
        raise BadSettings(f"The audit stops: no engine answers ({error}). Look with: freisteller doctor") from error
    finally:
        engine.close()
    superfluous = tuple(map(_recipe_words, left_out(ladder, parameter_effects.dead_parameters(grid.effects))))
    found = Audit(
        settings.engine_in_use, names, grid.effects, grid.alike, grid.troubles, grid.calls, left_out=superfluous
    )
    return replace(found, files=sheet.write(out_dir, found.values())) if out_dir and sheet else found


def remember(settings: Settings, found: Audit) -> Path | None:
    """Write what makes no difference where the daemon reads it. Returns that file; None if this is no hot folder yet.

    For models that this audit could not settle, the results of the last audit stay.
    """
    root_id = read_identity(HotFolder(settings.root_path).private)
    if root_id is None and settings.given_state_path is None:
        return None
    settled = {effect.model for effect in found.effects if effect.costs_calls and effect.state != "unsure"}
    return audit_results.record(settings.state_path(root_id or ""), settings, found.dead, sorted(settled), time.time())


def lines_after(found: Audit, kept: Path | None) -> Iterator[str]:
    """What a person should know besides the table. kept: the file that `remember` wrote."""
    yield "SSIM: how alike results are if only this parameter differs, 1 = the same. change: of the alpha, on average."
    yield "cost: whether another value needs another call of the engine; none = we apply it ourselves."
    if any(effect.state == "unsure" for effect in found.effects):
        least = parameter_effects.LEAST_PHOTOS
        yield f"dead?: it made no difference, but fewer than {least} photos show a subject. Audit with more photos."
    for model, trouble in found.troubles.items():
        yield f"{model}: {trouble}"
    for (one, other), value in found.alike.items():
        same = "  (one of them is enough)" if value >= SAME_MODEL else ""
        yield f"{one} and {other}: SSIM {value:.4f} at the same settings{same}"
    if "RMBG-2.0" in {effect.model for effect in found.effects}:
        yield "sensitivity: the node applies it twice to RMBG-2.0. We apply it ourselves, once for every model."
    for recipe in found.left_out:
        yield f"strategy.ladder: {recipe} does the same as an earlier entry, so it is not tried."
    if kept:
        yield f"written: {kept} (the daemon reads it when it starts and when its settings are reloaded)"
    elif found.dead:
        yield "The daemon does not know this: there is no hot folder here, or --forget-it was given. --root names one."
    for path in found.files:
        yield f"written: {path}"


def _recipe_words(rung: Rung) -> str:
    parts = [rung.model, *([str(rung.process_res)] if rung.process_res else [])]
    return " ".join([*parts, *([rung.view] if rung.view != "whole" else [])])
