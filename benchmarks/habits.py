"""How people and programs really use a hot folder: each situation is played on a real daemon in real folders.

Run: `.venv/bin/python -m benchmarks.habits [--only 43]`. A situation that needs a program which is not here (sshfs,
rclone, rdfind, …) is named and not counted. The last line is one JSON object.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from benchmarks import habits_feedback, habits_files, habits_inbox, habits_orders
from benchmarks.habits_place import Seen, played

PARTS = (habits_files, habits_orders, habits_feedback, habits_inbox)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the number of one situation")
    folder = Path(tempfile.mkdtemp(prefix="freisteller-habits-"))
    seen: list[Seen] = []
    try:
        for each, what in played(parser.parse_args().only, folder):
            if isinstance(what, str):
                print(f"{each.number:>4}  not played: {what}", flush=True)
                continue
            seen.append(what)
            print(f"{each.number:>4}  {'held ' if what.held else 'BROKE'}  {each.done}", flush=True)
            print(
                f"             -> {what.happened}"
                if what.held
                else f"             -> {what.happened}; expected: {each.expected}",
                flush=True,
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = {
        "situations": len(seen),
        "held": sum(each.held for each in seen),
        "lost": sum(each.lost for each in seen),
        "doubled": sum(each.doubled for each in seen),
        "untrue_messages": sum(each.untrue for each in seen),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
