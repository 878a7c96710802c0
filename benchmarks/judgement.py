"""Fits the score to labelled photos, and reports how far it can be trusted.

python benchmarks/judgement.py fit      [--data DIR]   writes daemon/judgement/score.json
python benchmarks/judgement.py report   [--data DIR]   how true the cards are, leaving sets and models out
python benchmarks/judgement.py measures [--data DIR]   whether measures notice faults, what finishes do, what both cost
python benchmarks/judgement.py drift --journal FILE    how far people's grades and the program's differ
"""

import argparse
import json
from pathlib import Path

from benchmarks.cards import fit
from benchmarks.cost import report_cost
from benchmarks.drift import report_drift
from benchmarks.finishes import report_finishes
from benchmarks.labelled import data_argument, photos_or_exit, with_masks
from benchmarks.rows import PASSES, gather
from benchmarks.spoiling import report_faults
from benchmarks.trust import report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "report", "measures", "drift"))
    parser.add_argument("--journal", type=Path, help="drift: the journal.sqlite3 of a state directory")
    data_argument(parser)
    arguments = parser.parse_args()
    if arguments.what == "drift":
        print(json.dumps(report_drift(arguments.journal)))
        return
    photos = photos_or_exit(arguments.data)
    if arguments.what == "measures":
        photos = with_masks(photos, *PASSES)
        report_faults(photos)
        report_finishes(photos)
        report_cost(photos)
        return
    rows = gather(with_masks(photos, "u2netp"))
    if arguments.what == "fit":
        fit(rows)
    else:
        print(json.dumps({key: round(value, 4) for key, value in report(rows).items()}))


if __name__ == "__main__":
    main()
