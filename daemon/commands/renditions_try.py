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
from daemon.publishing.told_renditions import rendition_values
from daemon.renditions.wanted import MadeRendition
from daemon.settings import Settings
from daemon.settings.rendition_section import RenditionSettings
from daemon.words.catalogue import Texts, words_in
from daemon.words.rendition_texts import remark_text, rule_text


@dataclass(frozen=True, slots=True)
class TriedRenditions:
    """What came of one photo. files: the renditions that were kept. words: in which it is told."""

    grade: Grade
    made: tuple[MadeRendition, ...]
    files: tuple[Path, ...]
    words: Texts

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
        told = [self.words.say("The cut-out is %(grade)s.", grade=self.grade.value)]
        for made in self.made:
            told += ["", *_lines(made, self.words)]
        written = [self.words.say("written: %(path)s", path=path) for path in self.files]
        return [*told, *([""] if written else []), *written]


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
        done.outcome.verdict.grade,
        done.renditions,
        tuple(path for path in placed if is_rendition(path.name)),
        words_in(settings.language),
    )


def _for_all_grades(settings: Settings, name: str) -> RenditionSettings:
    find_rendition(settings, name)  # raises BadSettings with the names that there are
    own = settings.renditions.get(name) or RenditionSettings(preset=name)
    return own.model_copy(update={"grades": tuple(grade.value for grade in Grade)})


def _lines(made: MadeRendition, words: Texts) -> list[str]:
    name, broken = made.rendition.label, made.broken
    faults = [f"    {rule_text(proof.rule, proof.found, proof.wanted, words)}" for proof in broken]
    if broken and broken[0].rule == "made":
        return [words.say("%(name)s: not made", name=name), *faults]
    share = f"{made.share[0]:.0%}"
    head = words.say(
        "%(name)s: %(width)s x %(height)s pixels, %(megabytes)s MB, the subject takes %(share)s of the side",
        name=name,
        width=made.size[0],
        height=made.size[1],
        megabytes=words.figure(made.bytes / 1e6, 2),
        share=share,
    )
    state = (
        words.say("left out: %(broken)s of %(rules)s rules broken", broken=len(broken), rules=len(made.proofs))
        if broken
        else words.say("all %(rules)s rules hold", rules=len(made.proofs))
    )
    return [head, f"  {state}", *faults, *(f"  {remark_text(remark, words)}" for remark in made.remarks)]
