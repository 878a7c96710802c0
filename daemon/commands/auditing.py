"""`freisteller audit`: which parameters of which models make a difference, and which only cost engine calls."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.table import Table

from daemon import findings
from daemon.arrays import Alpha, Rgb
from daemon.building import build_engine
from daemon.commands.audit_sheet import AuditSheet
from daemon.engines.contract import Engine
from daemon.errors import (
    BadSettings,
    EngineAway,
    EngineFull,
    EngineMisconfigured,
    RecipeRefused,
)
from daemon.intake.folders import Folders
from daemon.intake.identity import read_identity
from daemon.jobs import Recipe, View
from daemon.judgement.strategy import left_out, named_rungs
from daemon.pictures.proxy import make_proxy
from daemon.pictures.reading import open_photo
from daemon.settings import Rung, Settings

try:
    from daemon.judgement import audit
    from daemon.judgement.similarity import ssim
except ImportError as error:
    raise BadSettings("The audit compares pictures with scikit-image: pip install 'freisteller[audit]'.") from error

SAME_MODEL = 0.999  # SSIM from which two models are one for our purpose

Told = Callable[[str], None]
_STATES = {
    "changes": "[green]changes[/]",
    "slight": "[yellow]slight[/]",
    "dead": "[red]dead[/]",
    "not taken": "[red]dead: none[/]",
    "unsure": "dead?",
}


@dataclass(slots=True)
class Audit:
    """What an audit found. alike: SSIM by pair of models. troubles: by model why it could not be asked."""

    engine: str
    photos: tuple[str, ...]
    effects: tuple[audit.Effect, ...] = ()
    alike: dict[tuple[str, str], float] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    left_out: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def dead(self) -> dict[str, tuple[str, ...]]:
        """By model the parameters that the search leaves out."""
        return audit.dead_parameters(self.effects)

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
            "troubles": self.troubles,
            "dead": {model: list(names) for model, names in self.dead.items()},
            "recipes_left_out": list(self.left_out),
            "files": [str(path) for path in self.files],
        }

    def table(self) -> Table:
        """For people; fits a terminal of 80 columns."""
        table = Table(title=f"{self.engine}, {len(self.photos)} photos, {self.calls} engine calls", box=None)
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
    settings: Settings, photos: Sequence[Path], out_dir: Path | None, say: Told, told: Callable[[int, int], None]
) -> Audit:
    """Ask every model for every photo at every process_res, and compare; told: (calls done, calls in all).

    Raises BadPhoto where a photo cannot be read, BadSettings where no engine answers, NoRoom.
    """
    proxies = [
        make_proxy(open_photo(path, settings.intake.max_megapixels), View(), settings.engine.proxy_pixels)
        for path in photos
    ]
    engine = build_engine(settings, say)
    found = Audit(settings.engine_in_use, tuple(path.name for path in photos))
    sheet = AuditSheet([path.name for path in photos], proxies) if out_dir else None
    engine.start()
    try:
        _Run(settings, engine, found, proxies, sheet, told).go()
    except EngineAway as error:
        raise BadSettings(f"The audit cannot go on, for no engine answers: {error}") from error
    finally:
        engine.close()
    ladder = named_rungs(settings.strategy.ladder, settings.engine.local.model)
    found.left_out = tuple(map(_told_rung, left_out(ladder, found.dead)))
    if out_dir and sheet:
        found.files = sheet.write(out_dir, found.values())
    return found


class _Run:
    """One audit under way."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        found: Audit,
        proxies: Sequence[Rgb],
        sheet: AuditSheet | None,
        told: Callable[[int, int], None],
    ) -> None:
        self._grid = settings.audit
        self._engine = engine
        self._found = found
        self._proxies = proxies
        self._sheet = sheet
        self._told = told
        offered = engine.models
        unknown = [model for model in self._grid.models if model not in offered]
        if unknown:
            raise BadSettings(f"audit.models names {unknown[0]}, which the engine does not have: {', '.join(offered)}.")
        self._models = self._grid.models or offered

    def go(self) -> None:
        """All models, one after the other, so that a server loads each once."""
        comparisons: list[audit.Comparison] = []
        not_taken: list[tuple[str, str]] = []
        usual: dict[str, list[Alpha | None]] = {}
        for model in self._models:
            usual[model] = []
            for photo, proxy in enumerate(self._proxies):
                raws, plain = self._raws(model, proxy)
                raw = plain if plain is not None else raws.get(_middle(list(raws)))
                usual[model].append(raw)
                if raw is None:
                    break
                if plain is not None and (model, audit.PROCESS_RES) not in not_taken:
                    not_taken.append((model, audit.PROCESS_RES))
                outputs = {audit.PROCESS_RES: raws, **audit.finished(proxy, raw, self._finishes())}
                if self._sheet:
                    self._sheet.add(model, photo, raw, outputs)
                if audit.shows_a_subject(raw):
                    for parameter, made in outputs.items():
                        comparisons += audit.compare(model, parameter, photo, made)
        self._found.effects = audit.effects(comparisons, not_taken, self._grid.dead_ssim)
        self._found.alike = dict(_alike(usual))

    def _finishes(self) -> Mapping[str, Sequence[float]]:
        return {name: getattr(self._grid, name) for name in audit.OURS}

    def _raws(self, model: str, proxy: Rgb) -> tuple[dict[float, Alpha], Alpha | None]:
        """Raw alphas by process_res, and the one without it where the model takes none."""
        raws: dict[float, Alpha] = {}
        for size in self._grid.process_res:
            raw = self._asked(Recipe(model, size), proxy)
            if raw is not None:
                raws[size] = raw
        if raws or (raw := self._asked(Recipe(model), proxy)) is None:
            return raws, None
        self._found.troubles.pop(model, None)
        return {}, raw

    def _asked(self, recipe: Recipe, proxy: Rgb) -> Alpha | None:
        try:
            answer = self._engine.cut(uuid.uuid4(), proxy, recipe, new=True)
        except (RecipeRefused, EngineFull, EngineMisconfigured) as error:
            self._found.troubles[recipe.model] = str(error)
            return None
        self._found.calls += 1
        self._told(self._found.calls, len(self._models) * len(self._proxies) * len(self._grid.process_res))
        return answer.alpha


def remember(settings: Settings, found: Audit) -> Path | None:
    """Keep what makes no difference where the daemon of this hot folder finds it; None where there is none yet."""
    root_id = read_identity(Folders(settings.root_path).private)
    if root_id is None and settings.given_state_path is None:
        return None
    asked = {effect.model for effect in found.effects}
    return findings.keep(settings.state_path(root_id or ""), settings, found.dead, sorted(asked), time.time())


def told_after(found: Audit, kept: Path | None) -> Iterator[str]:
    """What a person should know besides the table."""
    yield "SSIM: structural similarity of outputs that differ in this parameter alone, 1 = the same; change: of alpha,"
    yield "on average; cost: whether each value is an engine call, or nothing, for it is applied here to the raw alpha."
    if any(effect.state == "unsure" for effect in found.effects):
        yield f"dead?: no difference, on fewer than {audit.LEAST_PHOTOS} photos with a subject; audit with more."
    for model, trouble in found.troubles.items():
        yield f"{model}: {trouble}"
    for (one, other), value in found.alike.items():
        same = "  (one of them is enough)" if value >= SAME_MODEL else ""
        yield f"{one} and {other}: SSIM {value:.4f} at the same settings{same}"
    if "RMBG-2.0" in {effect.model for effect in found.effects}:
        yield "sensitivity: the node would apply it twice to RMBG-2.0; applied here, it counts once for every model."
    for recipe in found.left_out:
        yield f"strategy.ladder: {recipe} is the same recipe as an earlier one, and is not tried twice."
    if kept:
        yield f"remembered: {kept} (the daemon reads it at its start, and when its settings are reloaded)"
    elif found.dead:
        yield "not remembered: no hot folder here yet, or --forget-it. --root says which daemon shall know it."
    for path in found.files:
        yield f"written: {path}"


def _alike(usual: Mapping[str, Sequence[Alpha | None]]) -> Iterator[tuple[tuple[str, str], float]]:
    for one, other in combinations(usual, 2):
        pairs = zip(usual[one], usual[other], strict=False)
        values = [ssim(first, second) for first, second in pairs if first is not None and second is not None]
        if values:
            yield (one, other), sum(values) / len(values)


def _middle(sizes: Sequence[float]) -> float:
    return sorted(sizes)[len(sizes) // 2] if sizes else 0.0


def _told_rung(rung: Rung) -> str:
    parts = [rung.model, *([str(rung.process_res)] if rung.process_res else [])]
    return " ".join([*parts, *([rung.view] if rung.view != "whole" else [])])
