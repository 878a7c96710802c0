"""`freisteller models add`: takes a network of a user's own into the weights folder, once it was tried."""

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from daemon.commands.model_questions import (
    Ask,
    Values,
    asked_values,
    described,
    given_values,
    read_from,
    read_table,
    table_text,
)
from daemon.commands.model_trial import NetworkTrial, try_network
from daemon.commands.models import refuse_for_commerce
from daemon.disk.whole_file import put_in_place, write_whole
from daemon.engines.onnx.fetch_weights import require_room
from daemon.engines.onnx.kept_speeds import keep_speed
from daemon.engines.onnx.onnx_session import read_graph
from daemon.engines.onnx.onnx_table import OnnxModel, shipped_onnx_models
from daemon.engines.onnx.proven_weights import right_weights
from daemon.engines.onnx.weights_folder import side_car, weights_file
from daemon.errors import BadSettings, EngineMisconfigured
from daemon.settings import Settings

MOST_ONNX_BYTES = 2**31 - 1  # of a protobuf message
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = ("local",)  # in the ladder: whichever model the settings name


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever sits at the terminal. ask: None = nobody is there. agrees: to what was made of the sample."""

    say: Callable[[str], None]
    ask: Ask | None
    agrees: Callable[[NetworkTrial], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to add. name: "" = the file's. table: None = NAME.toml beside the file, if there is one.

    settings: "key=value", which go before the table. photo: to try it on, None = the drawn picture. sample: where to
    show what came of it.
    """

    file: Path
    name: str = ""
    table: Path | None = None
    settings: Sequence[str] = ()
    photo: Path | None = None
    sample: Path | None = None

    @property
    def model_name(self) -> str:
        """What the model will be called."""
        return self.name or self.file.stem


@dataclass(frozen=True, slots=True)
class Added:
    """What was added. trial: None = it is a shipped model's own file, known by its sum."""

    name: str
    path: Path
    trial: NetworkTrial | None
    sample: Path | None

    def values(self) -> dict[str, Any]:
        """For JSON."""
        likeness = self.trial.likeness if self.trial else None
        return {
            "name": self.name,
            "file": str(self.path),
            "seconds": round(self.trial.seconds, 3) if self.trial else None,
            "likeness": None if likeness is None else round(likeness, 3),
            "sample": str(self.sample) if self.sample else None,
        }


def add_model(settings: Settings, wanted: Wanted, person: Person) -> Added | None:
    """Add a network, and its table, to the weights folder. None if the person did not agree with what it makes.

    Raises BadSettings for a name, table or option that cannot be; EngineMisconfigured for a file that is no network
    for pictures; NoRoom; BadPhoto; OSError.
    """
    name, folder = wanted.model_name, settings.engine.local.weights_path
    shipped = shipped_onnx_models().get(name)
    target = _target_of(wanted, folder)
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder / f"{name}.onnx", wanted.file.stat().st_size)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".add-") as scratch:
        # All that follows is done with the copy: it is what will be used, without what may lie beside the original.
        copy = Path(shutil.copyfile(wanted.file, Path(scratch) / f"{name}.onnx"))
        if shipped:
            return _add_shipped(settings, wanted, copy, shipped)
        model, text = _table_of(wanted, copy, person, settings)
        refuse_for_commerce(settings, name, model)
        trial = try_network(copy, model, settings, wanted.photo)
        sample = wanted.sample or Path(f"{name}-sample.png").absolute()
        trial.save(sample)
        if not person.agrees(trial):
            return None
        write_whole(side_car(target), text.encode())  # first: without it the network would be a riddle
        put_in_place(copy, target)
    keep_speed(folder, name, trial.seconds)
    return Added(name, target, trial, sample)


def _target_of(wanted: Wanted, folder: Path) -> Path:
    """Where the network will be. A file that lies in the weights folder already stays where it is, and is described.

    Raises BadSettings, EngineMisconfigured.
    """
    name = wanted.model_name
    if not NAME.fullmatch(name) or name in RESERVED:
        raise BadSettings(
            f"A model cannot be called {name!r}: use letters, digits, dots, - and _, at most 64. Name it with --name."
        )
    if not wanted.file.is_file():
        what = "is a link that leads nowhere" if wanted.file.is_symlink() else "is no file"
        raise BadSettings(f"{wanted.file} {what}. Name a file in the ONNX format.")
    size = wanted.file.stat().st_size
    if not 0 < size <= MOST_ONNX_BYTES:
        raise EngineMisconfigured(f"{wanted.file} has {size} bytes, and an ONNX file has at most {MOST_ONNX_BYTES}.")
    target = weights_file(folder, name) or folder / f"{name}.onnx"
    described = side_car(target).exists() and side_car(target).resolve() != _table_file(wanted)
    if described or (target.exists() and not target.samefile(wanted.file)):
        raise BadSettings(
            f"{target if target.exists() else side_car(target)} is there already. Remove it with: freisteller models "
            f"remove {name}, or give this one another name with --name."
        )
    return target


def _table_file(wanted: Wanted) -> Path | None:
    """The table that describes the network, None = there is none."""
    beside = wanted.file.with_suffix(".toml")
    found = wanted.table or (beside if beside.is_file() else None)
    return found.resolve() if found else None


def _add_shipped(settings: Settings, wanted: Wanted, copy: Path, model: OnnxModel) -> Added:
    """A file that freisteller describes itself, e.g. carried to a machine without the internet."""
    name, target = wanted.model_name, settings.engine.local.weights_path / copy.name
    if wanted.table or wanted.settings:
        raise BadSettings(f"freisteller describes {name} itself. Give a network of your own another --name.")
    refuse_for_commerce(settings, name, model)
    trial = None
    if not model.sources:  # its sum is not known, so see whether it works
        trial = try_network(copy, model, settings, wanted.photo)
    elif not right_weights(copy, model):
        raise BadSettings(
            f"{wanted.file} is not the {name} that freisteller describes. Fetch that with: freisteller models fetch "
            f"{name}, or give this one another --name."
        )
    put_in_place(copy, target)
    return Added(name, target, trial, None)


def _table_of(wanted: Wanted, copy: Path, person: Person, settings: Settings) -> tuple[OnnxModel, str]:
    """The table of a network, and the text of its file. Raises BadSettings, EngineMisconfigured."""
    table = _table_file(wanted)
    given = given_values(wanted.settings)
    graph = _graph_values(wanted, copy)
    if table and not given:
        written = read_table(table)
        return described(graph | written, wanted.model_name), table_text(graph | written)
    values = graph | (read_table(table) if table else {}) | given
    if person.ask:
        values = asked_values(values, partial(_likely_activation, copy, settings), person.ask, person.say)
    model = described(values, wanted.model_name)
    return model, table_text(values)


def _graph_values(wanted: Wanted, copy: Path) -> Values:
    try:
        return read_from(read_graph(copy), wanted.file.name)
    except EngineMisconfigured as error:
        text = str(error).replace(str(copy), str(wanted.file))
        if "external" in text.lower():
            raise EngineMisconfigured(
                f"{wanted.file} keeps its numbers in other files beside it (external data). Save it as one file first: "
                "onnx.save(onnx.load(FILE), NEW_FILE)."
            ) from error
        raise EngineMisconfigured(text) from error


def _likely_activation(copy: Path, settings: Settings, values: Values) -> str:
    """The activation that this network seems to want: from a look at what it puts out."""
    try:
        trial = try_network(copy, described(values | {"activation": "none", "range": "as is"}, "it"), settings, None)
    except (BadSettings, EngineMisconfigured):
        return "none"
    return "sigmoid" if trial.wants_sigmoid else "none"
