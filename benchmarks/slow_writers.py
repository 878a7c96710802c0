"""Measures whether files that take minutes to be written are taken whole: real writers, real time, default settings.

Each writer is a process of its own and takes --minutes for its file. One appends and keeps the file open, one opens it
again for each piece, one sets the size first and writes the data afterwards, one adds page after page to a TIFF, one
dies half-way and another starts again from the beginning, one dies for good. A watcher with default settings takes the
files that it proves whole.
Run: `.venv/bin/python benchmarks/slow_writers.py [--minutes 2]`. Last line: one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

WRITER = r"""
import os, sys, time
habit, whole, path, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
content, pieces = open(whole, "rb").read(), 24
size = -(-len(content) // pieces)
parts = [content[start:start + size] for start in range(0, len(content), size)]
pause = lambda: time.sleep(seconds / len(parts))
if habit == "keeps open":
    with open(path, "wb", buffering=0) as file:
        for part in parts: file.write(part); pause()
elif habit == "opens anew":
    for part in parts:
        with open(path, "ab") as file: file.write(part)
        pause()
elif habit == "size first":
    with open(path, "wb") as file: file.truncate(len(content))
    for number, part in enumerate(parts):
        pause()
        with open(path, "r+b") as file: file.seek(number * size); file.write(part)
elif habit == "page by page":
    page, rest = content[:len(content) // 2], content[len(content) // 2:]
    with open(path, "wb", buffering=0) as file:
        file.write(page); time.sleep(seconds / 2); file.write(rest); time.sleep(seconds / 2)
else:
    half = parts[:len(parts) // 2]
    with open(path, "wb") as file: file.writelines(half)
    if habit == "comes back":
        time.sleep(min(seconds / 2, 40))
        with open(path, "wb", buffering=0) as file:
            for part in parts: file.write(part); time.sleep(seconds / 2 / len(parts))
"""
HABITS = ("keeps open", "opens anew", "size first", "page by page", "comes back", "dies")


def main() -> None:
    from daemon.errors import Vanished
    from daemon.hotfolder.hot_folder import HotFolder
    from daemon.intake.scan_values import Arrival, Reject
    from daemon.intake.watcher import Watcher
    from daemon.settings import IntakeSettings
    from daemon.work.open_file import prove_open_file
    from tests.intake.photos import photo, two_pages

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = HotFolder(Path(scratch) / "hot")
        folders.prepare()
        settings = IntakeSettings()
        watcher = Watcher(folders, settings, prove_open_file, time.monotonic)
        watcher.start()
        contents, writers = {}, []
        for habit in HABITS:
            tiff = habit == "page by page"
            content = two_pages(photo("tif")) if tiff else photo("png")
            whole = Path(scratch) / f"whole {habit}"
            whole.write_bytes(content)
            name = f"{habit}.{'tif' if tiff else 'png'}"
            contents[name] = content
            path = folders.inbox / name.replace(".", "/photo.", 1)  # a folder for each writer's gaps
            path.parent.mkdir()
            call = [sys.executable, "-c", WRITER, habit, str(whole), str(path), str(options.minutes * 60)]
            writers.append(subprocess.Popen(call))
        taken: dict[str, tuple[bool, float]] = {}
        rejected: dict[str, float] = {}
        began = time.monotonic()
        while len(taken) + len(rejected) < len(HABITS):
            scan = watcher.scan()
            offered: list[tuple[Arrival | Reject, bool]] = [(each, True) for each in scan.ready]
            offered += [(each, False) for each in scan.rejected]
            for found, whole_now in offered:
                name = found.name.replace("/photo.", ".")
                try:
                    claimed = folders.jobs.claim(found.source, f"job-{len(taken) + len(rejected)}")
                except Vanished:
                    continue
                passed = time.monotonic() - began
                if whole_now:
                    taken[name] = (claimed.read_bytes() == contents[name], passed)
                else:
                    rejected[name] = passed
            watcher.wait(scan.next_look_seconds, threading.Event())
        watcher.close()
        for writer in writers:
            writer.wait()
    for name in contents:
        said = f"rejected after {rejected[name]:.0f} s" if name in rejected else f"taken after {taken[name][1]:.0f} s"
        print(f"  {name:20} {said:24} {'' if name in rejected or taken[name][0] else 'TOO EARLY'}")
    figures = {
        "tried": len(HABITS),
        "accounted": len(taken) + len(rejected),
        "early": sum(not whole for whole, _ in taken.values()),
        "rejected": sorted(rejected),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
