"""Makes the renditions of a result in a job's staging folder: those whose proof holds stay, of the others only why."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from daemon.disk.whole_file import write_whole
from daemon.errors import FreistellerError, NoRoom, Said, WorkerLost
from daemon.hotfolder.effects import Effect, Tick
from daemon.jobs import Grade
from daemon.logs import log
from daemon.pictures.result_names import FOR
from daemon.pictures.values import Page
from daemon.renditions.encoded_rendition import rendition_suffix
from daemon.renditions.wanted import MadeRendition, Rendition
from daemon.words.catalogue import words_in
from daemon.words.rendition_texts import rule_text

_MADE = TypeAdapter(MadeRendition)
_MOST_LOST = 2  # then its result matters more, before the photo has had all its tries

To = tuple[Path, Rendition]
"""Where a rendition is written."""


class RenditionMaker(Protocol):
    """What draws renditions: the worker that holds the photo, after it has cut it out."""

    def render(self, wanted: Sequence[To], job_id: str) -> tuple[MadeRendition, ...]:
        """Write renditions of what `compose` made, each to its path, and hold each against its rules.

        One that cannot be made breaks the rule "made", and may have left no file.
        Raises OSError if the disk does not take them.
        """


class StagedRenditions:
    """The renditions of one picture in a staging folder. Each call may be repeated: what is made stays as it is."""

    def __init__(self, folder: Path, page: Page, wanted: Sequence[Rendition], grade: Grade, tick: Tick) -> None:
        """wanted: all that the settings name; only those for this grade are made."""
        self._folder = folder
        self._page = page
        self._wanted = [rendition for rendition in wanted if grade in rendition.grades]
        self._tick = tick
        # Read once: staging may lie on a share, where each look takes its time.
        self._made = {each.name: made for each in self._wanted if (made := self._made_before(each))}

    @property
    def missing(self) -> list[Rendition]:
        """Those that are still to be made."""
        return [rendition for rendition in self._wanted if rendition.label not in self._made]

    @property
    def made(self) -> tuple[MadeRendition, ...]:
        """Those that were made, the broken ones among them."""
        return tuple(self._made[rendition.label] for rendition in self._wanted if rendition.label in self._made)

    @property
    def files(self) -> tuple[tuple[Path, str], ...]:
        """The files of those that hold, with what their names end with."""
        return tuple(
            (self._folder / f"result{suffix}", suffix)
            for made in self.made
            if not made.broken
            for suffix in [self._suffix(made.rendition)]
        )

    def make(self, maker: RenditionMaker, job_id: str, scratch_of: Callable[[Path], Path]) -> None:
        """Make what is missing, after the photo was cut out.

        A rendition that cannot be made, or that breaks a rule, harms neither the result nor the others.
        Raises NoRoom if the disk is full.
        """
        missing = self.missing
        paths = [self._folder / f"result{self._suffix(rendition)}" for rendition in missing]
        scratches = [scratch_of(path) for path in paths]
        try:
            all_made = self._rendered(maker, list(zip(scratches, missing, strict=True)), job_id) if missing else ()
        except OSError as error:
            raise NoRoom(Said("file_not_written", path=self._folder, fault=error)) from error
        for made, scratch, path in zip(all_made, scratches, paths, strict=True):
            self._tick(Effect.KEEP_RESULT)
            if made.broken:
                scratch.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                _tell(made, job_id)
            else:
                scratch.replace(path)
            self._note(made)
            self._made[made.rendition.label] = made

    def _rendered(self, maker: RenditionMaker, wanted: Sequence[To], job_id: str) -> tuple[MadeRendition, ...]:
        """What came of renditions; nothing is made any more after the process that made them was lost twice."""
        lost = self._folder / f"lost{self._page.suffix}"
        times = len(lost.read_bytes()) if lost.exists() else 0
        if times >= _MOST_LOST:
            why = "the process that made it was lost twice"
            return tuple(MadeRendition.not_made(rendition, why) for _, rendition in wanted)
        try:
            return _rendered(maker, wanted, job_id)
        except WorkerLost:
            write_whole(lost, bytes(times + 1))
            raise

    def _made_before(self, rendition: Rendition) -> MadeRendition | None:
        """What an earlier call made, if it is what is wanted now."""
        with suppress(OSError, ValueError):
            made = _MADE.validate_json(self._note_of(rendition).read_bytes())
            there = (self._folder / f"result{self._suffix(rendition)}").exists()
            return made if made.rendition == rendition and (there or made.broken) else None
        return None

    def _note(self, made: MadeRendition) -> None:
        path = self._note_of(made.rendition)
        try:
            path.unlink(missing_ok=True)
            write_whole(path, _MADE.dump_json(made))
        except OSError as error:
            raise NoRoom(Said("file_not_written", path=path, fault=error)) from error

    def _note_of(self, rendition: Rendition) -> Path:
        return self._folder / f"rendition{self._page.suffix}{FOR}{rendition.label}.json"

    def _suffix(self, rendition: Rendition) -> str:
        return rendition_suffix(rendition, self._page)


def _rendered(maker: RenditionMaker, wanted: Sequence[To], job_id: str) -> tuple[MadeRendition, ...]:
    """What came of renditions. A mistake of ours in one of them costs neither the others nor the photo its result."""
    try:
        return maker.render(wanted, job_id)
    except (OSError, FreistellerError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever drawing, a codec or a proof may do wrong
        for path, _ in wanted:
            path.unlink(missing_ok=True)
        if len(wanted) > 1:
            return tuple(made for one in wanted for made in _rendered(maker, [one], job_id))
        ((_, rendition),) = wanted
        log.log(
            "rendition_failed",
            f"the picture for {rendition.label} cannot be made; please report this",
            level=logging.ERROR,
            error=error,
            job=job_id,
            rendition=rendition.label,
        )
        return (MadeRendition.not_made(rendition, f"{type(error).__name__}: {error}"),)


def _tell(made: MadeRendition, job_id: str) -> None:
    english = words_in("en")
    faults = "; ".join(rule_text(proof.rule, proof.found, proof.wanted, english) for proof in made.broken)
    log.log(
        "rendition_left_out",
        f"the picture for {made.rendition.label} is left out: {faults}",
        level=logging.WARNING,
        job=job_id,
        rendition=made.rendition.label,
        rules=[proof.rule for proof in made.broken],
    )
