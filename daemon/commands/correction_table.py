"""Shows by order and model how people's verdicts would correct scores, and what that would have changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from daemon.judgement.correction import Cell, FoundShift, find_shifts
from daemon.judgement.correction_trial import CorrectionTrial, try_corrections
from daemon.judgement.refit import Judged
from daemon.people.learnt_corrections import thresholds_of
from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """One order and model. in_use: whether the settings of the order let new photos be corrected."""

    order: str
    model: str
    found: FoundShift
    trial: CorrectionTrial
    in_use: bool

    def values(self) -> dict[str, Any]:
        """For JSON."""
        found, trial = self.found, self.trial
        return {
            "order": self.order,
            "model": self.model,
            "verdicts": found.verdicts,
            "left_alone": found.silent,
            "mean_disagreement": round(found.disagreement, 4),
            "correction": found.shift,
            "standard_error": round(found.error, 4),
            "needs_more_verdicts": found.lacking,
            "in_use": self.in_use,
            "tried_on": trial.tried,
            "would_have_changed": trial.changed,
            "nearer_to_people": trial.nearer,
            "farther_from_people": trial.farther,
        }


@dataclass(frozen=True, slots=True)
class CorrectionTable:
    """All orders and models that people gave a verdict on, those with most verdicts first."""

    rows: tuple[CorrectionRow, ...]

    @classmethod
    def of(cls, results: Sequence[Judged], settings: Mapping[str, Settings]) -> "CorrectionTable":
        """settings: by order, those that count there now."""
        thresholds = thresholds_of(settings)
        found, trials = find_shifts(results, thresholds), try_corrections(results, thresholds)
        spoken = [cell for cell, shift in found.items() if shift.verdicts]

        def row(cell: Cell) -> CorrectionRow:
            order, model = cell
            return CorrectionRow(order, model, found[cell], trials[cell], settings[order].judgement.correction == "on")

        return cls(tuple(map(row, sorted(spoken, key=lambda cell: (-found[cell].verdicts, cell)))))

    def tables(self) -> Iterator[Table]:
        """For people; nothing without verdicts."""
        if not self.rows:
            return
        title = "What verdicts say of scores, by folder of inbox/ and model"
        table = Table(box=None, title=title, title_justify="left")
        for heading in ("folder", "model", "verdicts", "apart", "correction", "in use", "tried", "changed", "nearer"):
            table.add_column(heading, no_wrap=heading not in ("folder", "model"))
        for row in self.rows:
            found, trial = row.found, row.trial
            needs = "needs one more" if found.lacking == 1 else f"needs {found.lacking} more"
            table.add_row(
                Text(f"{row.order}/" if row.order else "(none)"),
                Text(row.model),
                str(found.verdicts),
                f"{found.disagreement:+.2f}",
                f"0, {needs}" if found.lacking else f"{found.shift:+.3f} ± {found.error:.3f}",
                "yes" if row.in_use else "no",
                str(trial.tried),
                str(trial.changed),
                str(trial.nearer),
            )
        yield table

    def lines(self) -> Iterator[str]:
        """For people: what the table means."""
        if not self.rows:
            return
        yield (
            "apart: by how many grades people differ, on average. correction: is added to the scores of later photos, "
            "with its standard error. tried: results that people judged, each with the correction that was known "
            "before it; of these, changed: would have got another grade; nearer: one nearer to the person's."
        )
        if not any(row.in_use for row in self.rows):
            yield 'Nothing is corrected now. To let corrections count, set correction = "on" in [judgement].'
