"""`freisteller models list` and `remove`: what the built-in engine has, what it could have, and away with it."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from daemon.engines.onnx.kept_part import KeptPart, PartInUse, PartNote
from daemon.engines.onnx.kept_speeds import keep_speed, read_speeds
from daemon.engines.onnx.onnx_table import OnnxModel, load_onnx_table
from daemon.engines.onnx.weights_folder import own_tables, present_models, weights_file
from daemon.errors import BadSettings, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_identity import read_identity
from daemon.judgement.strategy import named_rungs
from daemon.settings import Settings, suggestion

MB = 1e6
FIGURES = (3, 4)  # columns of the list whose cells stand at the right


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model of the built-in engine, as a person asks about it.

    path: its weights, None = not there. model: its table, None = nothing describes it. seconds: for one picture on
    this machine, None = never seen. trouble: why it cannot be used, "" = it can.
    """

    name: str
    path: Path | None
    model: OnnxModel | None
    in_use: bool
    own: bool
    seconds: float | None
    trouble: str

    @property
    def state(self) -> str:
        """One word or two for people and programs."""
        if self.model is None:
            return "trouble"
        if self.path is not None:
            return "in use" if self.in_use else "here"
        if self.in_use:
            return "missing"
        return "fetchable" if self.model.sources else "not here"

    @property
    def megabytes(self) -> float | None:
        """Of the file that is there, else about what the table says."""
        if self.path is not None:
            return self.path.stat().st_size / MB
        return self.model.megabytes if self.model else None

    def values(self) -> dict[str, Any]:
        """For JSON."""
        model = self.model
        return {
            "name": self.name,
            "state": self.state,
            "in_use": self.in_use,
            "file": str(self.path) if self.path else None,
            "own": self.own,
            "megabytes": None if self.megabytes is None else round(self.megabytes, 1),
            "licence": model.licence if model else "not known",
            "licence_note": model.licence_note if model else "",
            "commercial_use": model.commercial_use if model else "not known",
            "seconds": self.seconds,
            "good_for": model.good_for if model else "",
            "sources": [source.url or source.wheel for source in model.sources] if model else [],
            "trouble": self.trouble,
        }


def list_models(settings: Settings) -> list[ModelRow]:
    """Those that are there first, then those that can be fetched. Troubles are in the rows; they raise nothing."""
    local = settings.engine.local
    folder = local.weights_path
    table, speeds = load_onnx_table(folder), _seen_speeds(settings)
    used = models_in_use(settings)
    names = dict.fromkeys((*used, *table.models, *table.troubles, *present_models(folder)))
    rows = [
        ModelRow(
            name,
            found_weights(settings, name),
            table.models.get(name),
            name in used,
            name in table.own,
            speeds.get(name),
            table.troubles.get(name, ""),
        )
        for name in names
    ]
    return sorted(rows, key=lambda row: (not row.in_use, row.path is None))


def _seen_speeds(settings: Settings) -> dict[str, float]:
    """Those beside the weights, and those that the daemon keeps itself because it may not write there."""
    state = _state_path(settings)
    return read_speeds(settings.engine.local.weights_path) | (read_speeds(state) if state else {})


def _state_path(settings: Settings) -> Path | None:
    """The state directory of the hot folder; None if there is no hot folder yet."""
    with suppress(RootAway, OSError):
        root_id = "" if settings.given_state_path else read_identity(HotFolder(settings.root_path).private)
        return None if root_id is None else settings.state_path(root_id)
    return None


def found_weights(settings: Settings, name: str) -> Path | None:
    """The weights of a model: in the weights folder, else where rembg itself put them. None = nowhere."""
    if not is_name(name):
        return None
    local = settings.engine.local
    folders = (local.weights_path, *local.rembg_paths)
    return next((path for folder in folders if (path := weights_file(folder, name))), None)


def is_name(name: str) -> bool:
    """Whether a model may be called so: its files are, and lead nowhere else."""
    return bool(name) and not name.startswith(".") and "/" not in name and "\0" not in name


def models_in_use(settings: Settings) -> tuple[str, ...]:
    """The models that the settings have the built-in engine use; none if ComfyUI does the work."""
    if settings.engine_in_use != "local":
        return ()
    local = settings.engine.local.model
    known = load_onnx_table(settings.engine.local.weights_path).models
    ladder = (rung.model for rung in named_rungs(settings.strategy.ladder, local))
    return tuple(dict.fromkeys((local, *(name for name in ladder if name in known))))


def known_model(settings: Settings, name: str) -> OnnxModel:
    """The table of a model. Raises BadSettings for a name that nothing describes, with the one that was meant."""
    table = load_onnx_table(settings.engine.local.weights_path)
    if name not in table.models:
        if name in table.troubles:
            raise BadSettings(table.troubles[name])
        raise BadSettings(f"There is no model {name}{suggestion(name, table.models)}")
    return table.models[name]


def refuse_for_commerce(settings: Settings, name: str, model: OnnxModel) -> None:
    """Raise BadSettings for a model that engine.commercial_use forbids."""
    if settings.engine.commercial_use and not model.allows_commerce:
        word = "does not allow" if model.commercial_use == "no" else "is not known to allow"
        note = f"; {model.licence_note}" if model.licence_note else ""
        raise BadSettings(
            f"engine.commercial_use is true, and the licence of {name} ({model.licence}{note}) {word} commercial use. "
            "Choose another model (freisteller models list), or change that setting."
        )


def list_lines(rows: Sequence[ModelRow], width: int) -> Iterator[Text]:
    """The rows for a terminal of `width` columns: a line of figures for each model, and below it what it is for."""
    heads = ("", "model", "state", "MB", "s/photo", "commercial", "licence")
    cells = [_cells(row) for row in rows]
    widths = [max(len(each[at]) for each in (heads, *cells)) for at in range(len(heads) - 1)]
    widths.append(max(8, width - sum(widths) - 2 * len(widths)))
    yield _line(heads, widths, "bold")
    colours = {"in use": "green", "here": "green", "missing": "red", "trouble": "red"}
    for row, each in zip(rows, cells, strict=True):
        yield Text()
        yield _line(each, widths, colours.get(row.state, ""))
        told = row.trouble or (row.model.good_for if row.model else "")
        for line in textwrap.wrap(told, max(20, width - 3)):
            yield Text(f"   {line}", style="red" if row.trouble else "dim")


def _cells(row: ModelRow) -> tuple[str, ...]:
    size, model = row.megabytes, row.model
    return (
        "*" if row.in_use else "",
        row.name,
        row.state,
        "?" if size is None else f"{size:.0f}" if size >= 10 else f"{size:.1f}",
        "" if row.seconds is None else f"{row.seconds:.2f}",
        model.commercial_use if model else "",
        model.licence if model else "",
    )


def _line(cells: Sequence[str], widths: Sequence[int], style: str) -> Text:
    line = Text(style=style)
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        fitted = cell if len(cell) <= width else f"{cell[: width - 1]}…"
        line.append(f"{fitted:>{width}}" if at in FIGURES else f"{fitted:<{width}}")
        line.append("  ")
    line.rstrip()
    return line


def remove_model(settings: Settings, name: str, *, force: bool) -> tuple[tuple[Path, ...], int]:
    """Remove the weights of a model from the weights folder, its own table, and what an interrupted fetch left.

    force: also one that the settings use. Returns the removed files and the bytes that this freed. Raises BadSettings
    if there is nothing to remove, or the model is in use; OSError.
    """
    folder = settings.engine.local.weights_path
    files = tuple(_files_of(folder, name))
    if not files:
        if elsewhere := found_weights(settings, name):
            raise BadSettings(f"{elsewhere} is rembg's own, not in {folder}. Remove it yourself if nobody needs it.")
        names = (*present_models(folder), *own_tables(folder))
        hint = suggestion(name, names).replace(": allowed are", ". What is there:") if names else "."
        raise BadSettings(f"There is no model {name} in {folder}{hint}")
    if name in models_in_use(settings) and not force:
        raise BadSettings(
            f"The settings use {name} (engine.local.model or strategy.ladder), so it stays. "
            "Name another model there first, or remove it all the same with --force."
        )
    try:
        with KeptPart(folder / f"{name}.onnx", wait=False) as part:
            freed = sum(_freed_bytes(path) for path in files)
            part.begin(PartNote())  # an empty part is removed with the rest
            for path in files:
                path.unlink(missing_ok=True)
    except PartInUse as error:
        raise BadSettings(f"{name} is being fetched right now. Stop that first.") from error
    for place in filter(None, (folder, _state_path(settings))):
        keep_speed(place, name, None)
    return files, freed


def _files_of(folder: Path, name: str) -> Iterator[Path]:
    """What lies in the folder below this name: weights, a table, part of a download; broken links too."""
    if not is_name(name):
        return
    for place in (folder, folder / "models" / name):
        for suffix in (".onnx", ".toml"):
            path = place / f"{name}{suffix}"
            if path.is_symlink() or path.is_file():
                yield path
    part = folder / f".{name}.onnx.part"
    if part.is_file() and part.stat().st_size:
        yield part


def _freed_bytes(path: Path) -> int:
    """What removing a name frees: nothing if it is a link, or if the file has another name."""
    found = path.lstat()
    return 0 if path.is_symlink() or found.st_nlink > 1 else found.st_size
