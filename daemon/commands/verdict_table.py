"""`freisteller verdicts`: shows which results people moved, and proposes thresholds that agree better with them."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from daemon.commands.correction_table import CorrectionTable
from daemon.commands.journal_of_root import journal_of_root
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import Orders
from daemon.jobs import Grade
from daemon.journal import PersonVerdict
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import LEAST_SPOKEN, Judged, Refit, confusion, drift, refit
from daemon.people.judged_results import judged
from daemon.people.learnt_corrections import order_settings
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.counted import counted
from daemon.words.promise_texts import both_promises_text

SHOWN = 20


@dataclass(frozen=True, slots=True)
class PeopleVerdicts:
    """What people think of results. latest: the newest verdicts first. refit: None if nobody asked for it."""

    latest: tuple[PersonVerdict, ...]
    results: tuple[Judged, ...]
    present: Thresholds
    refit: Refit | None
    corrections: CorrectionTable

    def values(self) -> dict[str, Any]:
        """For JSON."""
        fitted = self.refit
        return {
            "verdicts": [_verdict(given) for given in self.latest],
            "drift": {name: _rounded(value) for name, value in asdict(drift(self.results)).items()},
            "confusion": [
                {"program": program.value, "person": person.value, "results": count}
                for (program, person), count in sorted(confusion(self.results).items())
            ],
            "thresholds": _thresholds(self.present),
            "refit": None
            if fitted is None
            else {
                **{name: _rounded(value) for name, value in asdict(fitted).items()},
                "proposed": fitted.proposed and _thresholds(fitted.proposed),
            },
            "corrections": [row.values() for row in self.corrections.rows],
        }

    def tables(self) -> Iterator[Table]:
        """For people: the newest verdicts, and where program and people differ; nothing if there are no verdicts."""
        if not self.latest:
            return
        english = words_in(LANGUAGES[0])
        table = Table(box=None, title="Results that people moved last", title_justify="left")
        for heading in ("when", "photo", "was", "is", "score", "how"):
            table.add_column(heading, no_wrap=heading != "photo")
        for given in self.latest[:SHOWN]:
            verdict = given.attempt.verdict if given.attempt else None
            when = datetime.fromtimestamp(given.at).strftime("%Y-%m-%d %H:%M")
            score = both_promises_text(verdict, english) if verdict else "?"
            how = f"{given.how} {given.who}".strip()
            table.add_row(when, Text(given.name), given.from_grade.value, given.to_grade.value, score, Text(how))
        yield table
        counts = confusion(self.results)
        table = Table(box=None, title="Grades by the program (rows) and by people (columns)", title_justify="left")
        table.add_column("")
        for grade in Grade:
            table.add_column(grade.value, justify="right")
        for program in Grade:
            table.add_row(program.value, *(str(counts.get((program, person), 0)) for person in Grade))
        yield table
        yield from self.corrections.tables()

    def lines(self) -> Iterator[str]:
        """For people: how much they differ from the program, and what a refit would change."""
        drifted = drift(self.results)
        if not self.latest:
            yield "There are no verdicts yet. To give one, move a result to another grade folder."
            return
        yield (
            f"Results that people moved: {drifted.spoken}, {drifted.better} of them to a better grade, "
            f"{drifted.worse} to a worse one. Results that they saw and left: {drifted.silent}."
        )
        if drifted.spoken >= LEAST_SPOKEN:
            yield (
                f"On average by {drifted.shift:+.2f} grades: {drifted.earlier:+.2f} in the earlier half, "
                f"{drifted.later:+.2f} in the later one."
            )
        yield from self.corrections.lines()
        fitted = self.refit
        if fitted is None:
            return
        yield f"present thresholds:  sehr_gut {self.present.sehr_gut:g}  gut {self.present.gut:g}"
        if fitted.proposed is None:
            yield f"proposed: none. {fitted.why.capitalize()}."
            return
        for name, (up, down) in (("sehr_gut", fitted.at_sehr_gut), ("gut", fitted.at_gut)):
            was, is_now = getattr(self.present, name), getattr(fitted.proposed, name)
            spoken = f"{counted(up, 'verdict')} took a result up over it, {down} down"
            yield f"proposed:  {name:<8} {was:g} -> {is_now:g}   ({spoken})"
        yield (
            f"{fitted.why.capitalize()}. On average grades differ by {fitted.before:.3f} -> {fitted.after:.3f}. "
            f"This rests on {counted(fitted.spoken, 'verdict')} and on {counted(fitted.silent, 'result')} "
            "that people saw and left."
        )


def read_verdicts(settings: Settings, *, fit: bool) -> PeopleVerdicts:
    """Read the verdicts; fit: also find better thresholds. Raises BadSettings if the hot folder has no journal."""
    with journal_of_root(settings) as journal:
        latest, results = journal.verdicts.latest(SHOWN), judged(journal)
    present = Thresholds(settings.grading.sehr_gut, settings.grading.gut)
    orders = Orders(HotFolder(settings.root_path), CurrentSettings(settings), verify=lambda _: None)
    by_order = order_settings(orders.settings_for, {one.order for one in results})
    corrections = CorrectionTable.of(results, by_order)
    return PeopleVerdicts(latest, results, present, refit(results, present) if fit else None, corrections)


def _verdict(given: PersonVerdict) -> dict[str, Any]:
    verdict = given.attempt.verdict if given.attempt else None
    return {
        "job": given.job_id,
        "name": given.name,
        "from": given.from_grade.value,
        "to": given.to_grade.value,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(given.at)),
        "who": given.who,
        "how": given.how,
        "score": verdict.score if verdict else None,
        "rim": verdict.rim if verdict else None,
        "measures": asdict(verdict.measures) if verdict else None,
    }


def _thresholds(thresholds: Thresholds) -> dict[str, float]:
    return {"sehr_gut": thresholds.sehr_gut, "gut": thresholds.gut}


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
