"""`freisteller verdicts`: what people made of results, and the thresholds that would agree better with them."""

import re
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from daemon.commands.journal_of_root import journal_of_root
from daemon.errors import BadSettings, NoRoom
from daemon.jobs import Grade
from daemon.journal import PersonVerdict
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import LEAST_SPOKEN, Judged, Refit, confusion, drift, refit
from daemon.people.judged_results import judged
from daemon.settings import Settings

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """All that people said. latest: the newest verdicts, newest first. refit: None where nobody asked for it."""

    latest: tuple[PersonVerdict, ...]
    results: tuple[Judged, ...]
    present: Thresholds
    refit: Refit | None

    def values(self) -> dict[str, Any]:
        """For JSON."""
        fitted = self.refit
        return {
            "verdicts": [_verdict(said) for said in self.latest],
            "drift": {name: _rounded(value) for name, value in asdict(drift(self.results)).items()},
            "confusion": [
                {"program": program.value, "person": person.value, "results": count}
                for (program, person), count in sorted(confusion(self.results).items())
            ],
            "thresholds": asdict(self.present),
            "refit": None if fitted is None else {name: _rounded(value) for name, value in asdict(fitted).items()},
        }

    def tables(self) -> Iterator[Table]:
        """For people: the newest verdicts, and where program and people differ; nothing where nobody said anything."""
        if not self.latest:
            return
        table = Table(box=None, title="What people said last", title_justify="left")
        for heading in ("when", "photo", "was", "is", "score", "how"):
            table.add_column(heading, no_wrap=heading != "photo")
        for said in self.latest[:SHOWN]:
            verdict = said.attempt.verdict if said.attempt else None
            when = datetime.fromtimestamp(said.at).strftime("%Y-%m-%d %H:%M")
            score = f"{verdict.score:.2f}" if verdict else "?"
            how = f"{said.how} {said.who}".strip()
            table.add_row(when, _plain(said.name), said.from_grade.value, said.to_grade.value, score, _plain(how))
        yield table
        counts = confusion(self.results)
        table = Table(box=None, title="The program said (rows), people said (columns)", title_justify="left")
        table.add_column("")
        for grade in Grade:
            table.add_column(grade.value, justify="right")
        for program in Grade:
            table.add_row(program.value, *(str(counts.get((program, person), 0)) for person in Grade))
        yield table

    def lines(self) -> Iterator[str]:
        """For people: the drift, and what a refit would change."""
        drifted = drift(self.results)
        if not self.latest:
            yield "Nobody has said anything yet: who thinks otherwise moves a result to another grade folder."
            return
        yield (
            f"Results that people judged: {drifted.spoken}, {drifted.better} of them better than the program did, "
            f"{drifted.worse} worse; looked at and left: {drifted.silent}."
        )
        if drifted.spoken >= LEAST_SPOKEN:
            yield (
                f"On average {drifted.shift:+.2f} grades; {drifted.earlier:+.2f} in the earlier half, "
                f"{drifted.later:+.2f} in the later one."
            )
        fitted = self.refit
        if fitted is None:
            return
        yield f"present thresholds:  sehr_gut {self.present.sehr_gut:g}  gut {self.present.gut:g}"
        if fitted.proposed is None:
            yield f"proposed: none, for {fitted.why}."
            return
        for name, (up, down) in (("sehr_gut", fitted.at_sehr_gut), ("gut", fitted.at_gut)):
            was, is_now = getattr(self.present, name), getattr(fitted.proposed, name)
            yield f"proposed:  {name:<8} {was:g} -> {is_now:g}   ({up} verdicts took a result up over it, {down} down)"
        yield (
            f"{fitted.why}: grades apart {fitted.before:.3f} -> {fitted.after:.3f}, resting on {fitted.spoken} "
            f"verdicts and on {fitted.silent} results that were looked at and left."
        )


def hear(settings: Settings, *, fit: bool) -> Heard:
    """Read what people said; `fit`: and which thresholds would agree better. Raises BadSettings without a journal."""
    with journal_of_root(settings) as journal:
        latest, results = journal.verdicts(SHOWN), judged(journal)
    present = Thresholds(settings.grading.sehr_gut, settings.grading.gut)
    return Heard(latest, results, present, refit(results, present) if fit else None)


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Put thresholds into a settings file, a new one where there is none; nothing else in it changes.

    Raises BadSettings where the file cannot be changed safely, NoRoom where it cannot be written.
    """
    wanted = {"sehr_gut": thresholds.sehr_gut, "gut": thresholds.gut}
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        before = tomllib.loads(text)
        changed = _with(text, wanted)
        after = tomllib.loads(changed)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not valid TOML: {error}. Nothing was written.") from error
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}. Nothing was written.") from error
    if after != {**before, "grading": {**before.get("grading", {}), **wanted}}:
        told = ", ".join(f"{name} = {value:g}" for name, value in wanted.items())
        raise BadSettings(f"{path} is written in a way that is left to you: put {told} under [grading].")
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_text(changed, encoding="utf-8")
        if path.exists():
            scratch.chmod(path.stat().st_mode & 0o7777)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise NoRoom(f"{path} cannot be written: {error.strerror}. Name another file.") from error


def _with(text: str, wanted: dict[str, float]) -> str:
    """The settings file with these keys of [grading], comments and order kept."""
    section = re.search(r"^\[grading\][^\n]*\n", text, re.MULTILINE)
    if section is None:
        lines = "".join(f"{name} = {value:g}\n" for name, value in wanted.items())
        gap = "\n" if text and not text.endswith("\n\n") else ""
        return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{gap}[grading]\n{lines}"
    following = re.compile(r"^\s*\[", re.MULTILINE).search(text, section.end())
    end = following.start() if following else len(text)
    body = text[section.end() : end]
    for name, value in wanted.items():
        line = re.compile(rf"^(\s*{name}\s*=\s*)[0-9.eE+_-]+", re.MULTILINE)
        body = line.sub(rf"\g<1>{value:g}", body, count=1) if line.search(body) else f"{name} = {value:g}\n{body}"
    return text[: section.end()] + body + text[end:]


def _verdict(said: PersonVerdict) -> dict[str, Any]:
    verdict = said.attempt.verdict if said.attempt else None
    return {
        "job": said.job_id,
        "name": said.name,
        "from": said.from_grade.value,
        "to": said.to_grade.value,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(said.at)),
        "who": said.who,
        "how": said.how,
        "score": verdict.score if verdict else None,
        "measures": asdict(verdict.measures) if verdict else None,
    }


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def _plain(text: str) -> str:
    """Square brackets would be markup to Rich."""
    return text.replace("[", r"\[")
