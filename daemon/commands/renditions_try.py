"""`freisteller renditions try`: cuts out one photo and makes renditions of it, to look at."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.commands.process import make_out_dir
from daemon.commands.renditions_show import find_rendition
from daemon.commands.single_photos import SinglePhotos
from daemon.jobs import Grade
from daemon.logs import log
from daemon.pictures.result_names import is_rendition
from daemon.publishing.reports import rendition_values
from daemon.renditions.wanted import MadeRendition
from daemon.settings import Settings
from daemon.settings.rendition_section import RenditionSettings
from daemon.words.catalogue import words_in
from daemon.words.rendition_texts import remark_text, rule_text


@dataclass(frozen=True, slots=True)
class TriedRenditions:
    """What came of one photo. files: the renditions that were kept."""

    grade: Grade
    made: tuple[MadeRendition, ...]
    files: tuple[Path, ...]

    @property
    def broken(self) -> bool:
        """Whether one was left out."""
        return any(made.broken for made in self.made)

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "grade": self.grade.value,
            "renditions": [rendition_values(made) for made in self.made],
            "files": [str(path) for path in self.files],
        }

    def lines(self) -> list[str]:
        """For people: each rendition, and what is wrong with it."""
        told = [f"The cut-out is {self.grade.value}."]
        for made in self.made:
            told += ["", *_lines(made)]
        return [*told, *([""] if self.files else []), *(f"written: {path}" for path in self.files)]


def try_renditions(
    settings: Settings, photo: Path, names: Sequence[str], out_dir: Path, print_line: Callable[[str], None]
) -> TriedRenditions:
    """Make renditions of one photo in `out_dir`, whatever its grade.

    names: of presets, or of renditions of the settings. Raises BadSettings if one is not known or the folder cannot be
    made, BadPhoto, and what the engine raises if it cannot answer now.
    """
    log.set_up("error", settings.log.format, sys.stderr)  # what is left out is told in our own lines
    wanted = {name: _for_all_grades(settings, name) for name in names}
    make_out_dir(out_dir)
    settings = settings.model_copy(update={"renditions": wanted})
    with (
        SinglePhotos(settings, print_line) as single,
        tempfile.TemporaryDirectory(dir=out_dir, prefix=".freisteller-") as folder,
    ):
        done = single.cut_out(photo, Path(folder))
        placed = single.staging.place(done.files, out_dir, done.job.name, settings.outputs)
    return TriedRenditions(
        done.outcome.verdict.grade, done.renditions, tuple(path for path in placed if is_rendition(path.name))
    )


def _for_all_grades(settings: Settings, name: str) -> RenditionSettings:
    find_rendition(settings, name)  # raises BadSettings with the names that there are
    own = settings.renditions.get(name) or RenditionSettings(preset=name)
    return own.model_copy(update={"grades": tuple(grade.value for grade in Grade)})


def _lines(made: MadeRendition) -> list[str]:
    name, broken, english = made.rendition.label, made.broken, words_in("en")
    faults = [f"    {rule_text(proof.rule, proof.found, proof.wanted, english)}" for proof in broken]
    if broken and broken[0].rule == "made":
        return [f"{name}: not made", *faults]
    size = f"{made.size[0]} x {made.size[1]} pixels, {made.bytes / 1e6:.2f} MB"
    head = f"{name}: {size}, the subject takes {made.share[0]:.0%} of the side"
    kept = len(made.proofs) - len(broken)
    state = f"  left out: {len(broken)} of {len(made.proofs)} rules broken" if broken else f"  all {kept} rules hold"
    return [head, state, *faults, *(f"  {remark_text(remark, english)}" for remark in made.remarks)]
