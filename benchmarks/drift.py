"""Reports how far people and program differ: `python benchmarks/judgement.py drift --journal FILE`."""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.labelled import auroc
from daemon.errors import BadSettings
from daemon.jobs import Grade, Measures
from daemon.journal import Journal
from daemon.judgement import refit
from daemon.judgement.correction import find_shifts
from daemon.judgement.correction_trial import CorrectionTrial, try_corrections
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import Judged
from daemon.people.judged_results import judged
from daemon.settings import GradingSettings


def report_drift(path: Path | None) -> dict[str, float | int | None]:
    """Print the tables; returns the figures."""
    if path is None or not path.is_file():
        sys.exit(f"There is no journal {path}. It is the file journal.sqlite3 in the state directory: --journal FILE")
    try:
        journal = Journal(path)
    except BadSettings as error:
        sys.exit(str(error))
    results = judged(journal)
    journal.close()
    spoken = [one for one in results if one.spoken]
    _by_month(spoken)
    _confusion(results)
    _measures(results)
    drift = refit.drift(results)
    settings = GradingSettings()
    present = Thresholds(settings.sehr_gut, settings.gut)
    fitted = refit.refit(results, present)
    corrected = _corrections(results, present)
    print(f"\nrefit: {fitted.proposed or 'none'}; {fitted.why}; disagreement {fitted.before:.3f} -> {fitted.after:.3f}")
    return {
        "verdicts": drift.spoken,
        "left_alone": drift.silent,
        "thought_better": drift.better,
        "thought_worse": drift.worse,
        "shift": round(drift.shift, 4),
        "shift_earlier": round(drift.earlier, 4),
        "shift_later": round(drift.later, 4),
        "auroc_sehr_gut": _auroc(results, Grade.SEHR_GUT),
        "auroc_ungenuegend": _auroc(results, Grade.GUT),
        "disagreement": round(fitted.before, 4),
        "disagreement_refitted": round(fitted.after, 4),
        "sehr_gut": fitted.proposed.sehr_gut if fitted.proposed else settings.sehr_gut,
        "gut": fitted.proposed.gut if fitted.proposed else settings.gut,
        "correction_tried": corrected.tried,
        "correction_changed": corrected.changed,
        "correction_nearer": corrected.nearer,
        "correction_farther": corrected.farther,
    }


def _corrections(results: Sequence[Judged], present: Thresholds) -> CorrectionTrial:
    """Print what corrections by order and model would have changed; returns the sums.

    Each is tried on results later than those that it was learnt from. A journal does not say what orders set, so all of
    them are taken to grade by `present`.
    """
    thresholds = {one.order: present for one in results}
    trials = try_corrections(results, thresholds)
    print("\norder             model         verdicts  correction  error    tried  changed  nearer  farther")
    for (order, model), found in sorted(find_shifts(results, thresholds).items()):
        if found.verdicts:
            trial = trials[order, model]
            print(
                f"{order or '(none)':16.16}  {model:12.12}  {found.verdicts:8d}  {found.shift:+10.4f}  "
                f"{found.error:.4f}  {trial.tried:6d}  {trial.changed:7d}  {trial.nearer:6d}  {trial.farther:7d}"
            )
    each = trials.values()
    return CorrectionTrial(
        sum(trial.tried for trial in each),
        sum(trial.changed for trial in each),
        sum(trial.nearer for trial in each),
        sum(trial.farther for trial in each),
    )


def _by_month(spoken: Sequence[Judged]) -> None:
    months: dict[str, list[Judged]] = defaultdict(list)
    for one in spoken:
        months[datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m")].append(one)
    print("month     verdicts  thought better  thought worse  mean shift in grades")
    for month, some in sorted(months.items()):
        found = refit.drift(some)
        print(f"{month}   {found.spoken:8d}  {found.better:14d}  {found.worse:13d}  {found.shift:+10.2f}")


def _confusion(results: Sequence[Judged]) -> None:
    counts = refit.confusion(results)
    print(f"\nprogram \\ people {''.join(f'{grade.value:>12}' for grade in Grade)}")
    for program in Grade:
        print(f"{program.value:16} {''.join(f'{counts.get((program, person), 0):12d}' for person in Grade)}")


def _measures(results: Sequence[Judged]) -> None:
    print("\nmean measures      pixel_residue  edge_cleanliness  completeness  agreement")
    for title, found in (
        ("thought better", mean_measures(results, lambda one: one.spoken and one.shift > 0)),
        ("thought worse", mean_measures(results, lambda one: one.spoken and one.shift < 0)),
        ("left alone", mean_measures(results, lambda one: not one.spoken)),
    ):
        print(f"{title:18} {_row(found)}")


def mean_measures(judged: Sequence[Judged], of: Callable[[Judged], bool]) -> Measures | None:
    """The mean measures of the results that `of` picks and whose measures are known; None if there are none."""
    known = [one.measures for one in judged if one.measures and of(one)]
    if not known:
        return None
    agreements = [each.agreement for each in known if each.agreement is not None]
    return Measures(
        sum(each.pixel_residue for each in known) / len(known),
        sum(each.edge_cleanliness for each in known) / len(known),
        sum(each.completeness for each in known) / len(known),
        sum(agreements) / len(agreements) if agreements else None,
    )


def _row(found: Measures | None) -> str:
    if found is None:
        return f"{'none':>13}"
    agreement = "none" if found.agreement is None else f"{found.agreement:.3f}"
    return f"{found.pixel_residue:13.3f}  {found.edge_cleanliness:16.3f}  {found.completeness:12.3f}  {agreement:>9}"


def _auroc(results: Sequence[Judged], grade: Grade) -> float | None:
    """How well the score separates results that people graded at least so; None if all or none of them are."""
    good = np.array([one.person.rank >= grade.rank for one in results], dtype=bool)
    if not len(good) or good.all() or not good.any():
        return None
    return round(float(auroc(np.array([one.score for one in results]), good)), 4)
