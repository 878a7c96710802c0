"""A campaign: many programs with every bad habit write at once, and every file that they tried is accounted for.

The test's report (`pytest --junitxml`) has the figures: files tried, taken whole, rejected, taken too early.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import Vanished
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.watcher import Watcher
from daemon.settings import IntakeSettings
from daemon.work.open_file import prove_open_file
from tests.intake.photos import photo

WRITERS = 4
FILES_EACH = 45

# Runs in another process: argv = folder with whole photos, inbox, seed, number of files.
WRITER = r"""
import json, os, random, sys, time
whole, inbox, seed, number = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
pause = lambda longest: time.sleep(chance.uniform(0, longest))

def plain(path, content):
    with open(path, "wb") as file: file.write(content)

def append(path, content):
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(content), 1 + len(content) // 6):
            file.write(content[start:start + 1 + len(content) // 6]); pause(0.3)

def append_and_close(path, content):
    cuts = sorted(chance.sample(range(1, len(content) - 1), 2))
    for start, end in zip([0, *cuts], [*cuts, len(content)]):
        with open(path, "ab") as file: file.write(content[start:end])
        pause(0.6)

def size_first(path, content):
    with open(path, "wb", buffering=0) as file:
        file.truncate(len(content)); pause(0.6)
        for start in range(0, len(content), 1 + len(content) // 4):
            file.write(content[start:start + 1 + len(content) // 4]); pause(0.3)

def size_first_and_closed(path, content):
    with open(path, "wb") as file: file.truncate(len(content))
    pause(1.0)
    with open(path, "r+b") as file: file.write(content)

def placeholder(path, content):
    open(path, "wb").close(); pause(1.0); plain(path, content)

def renamed(path, content):
    plain(path + ".part", content); pause(0.5); os.rename(path + ".part", path)

def linked(path, content):
    plain(path + ".filepart", content); os.link(path + ".filepart", path); os.unlink(path + ".filepart")

def backwards(path, content):
    with open(path, "wb", buffering=0) as file:
        file.truncate(len(content))
        for start in reversed(range(0, len(content), 1 + len(content) // 5)):
            file.seek(start); file.write(content[start:start + 1 + len(content) // 5]); pause(0.2)

def replaced(path, content):
    plain(path, content[:len(content) // 2]); pause(0.8)
    plain(path + "~", content); os.replace(path + "~", path)

def dies_and_comes_back(path, content):
    plain(path, content[:len(content) * 2 // 3]); pause(1.0); plain(path, content)

def dies(path, content):
    plain(path, content[:len(content) // 2])

def times_set_back(path, content):
    append(path, content); os.utime(path, (1, 1))

habits = [plain, append, append_and_close, size_first, size_first_and_closed, placeholder, renamed, linked,
          backwards, replaced, dies_and_comes_back, dies, times_set_back]
for index in range(number):
    habit, kind = chance.choice(habits), chance.choice(sorted(os.listdir(whole)))
    content = open(os.path.join(whole, kind), "rb").read()
    folder = os.path.join(inbox, chance.choice(["", "kunde", "kunde/unter"]))
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{seed}-{index}-{habit.__name__}." + kind.split(".")[-1])
    habit(path, content)
    print(json.dumps([os.path.relpath(path, inbox), kind, habit.__name__]), flush=True)
"""


@pytest.mark.slow
def test_every_file_that_any_writer_tried_is_accounted_for(
    tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    for kind in ("jpg", "png", "tif", "webp"):
        (whole / f"whole.{kind}").write_bytes(photo(kind))
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    settings = IntakeSettings(quiet_seconds=0.5, scan_seconds=0.5, tiff_quiet_seconds=0.5, patience_seconds=12.0)
    watcher = Watcher(folders, settings, prove_open_file, time.monotonic)
    watcher.start()
    call = [sys.executable, "-c", WRITER, str(whole), str(folders.inbox)]
    writers = [
        subprocess.Popen([*call, str(seed), str(FILES_EACH)], stdout=subprocess.PIPE, text=True)
        for seed in range(WRITERS)
    ]

    taken: dict[str, bytes] = {}
    rejected: set[str] = set()
    stop = threading.Event()
    while True:
        over = all(writer.poll() is not None for writer in writers)
        scan = watcher.scan()
        for source, name, whole_now in [
            *((arrival.source, arrival.name, True) for arrival in scan.ready),
            *((reject.source, reject.name, False) for reject in scan.rejected),
        ]:
            try:
                claimed = folders.jobs.claim(source, f"job-{len(taken) + len(rejected)}")
            except Vanished:
                continue  # a writer came back at the last moment
            if whole_now:
                taken[name] = claimed.read_bytes()
            else:
                rejected.add(name)
        if over and not scan.ready and not scan.rejected and not scan.incomplete:
            break
        watcher.wait(scan.next_look_seconds, stop)
    watcher.close()

    tried = {name: (kind, habit) for writer in writers for name, kind, habit in map(json.loads, output(writer))}
    early = [name for name, content in taken.items() if content != (whole / tried[name][0]).read_bytes()]
    figure = {"tried": len(tried), "taken": len(taken), "rejected": len(rejected), "early": len(early)}
    record_testsuite_property("figure", json.dumps(figure))
    assert len(tried) == WRITERS * FILES_EACH
    assert early == []
    assert taken.keys() | rejected == tried.keys()
    assert {tried[name][1] for name in rejected} == {"dies"}


def output(writer: "subprocess.Popen[str]") -> list[str]:
    assert writer.stdout is not None
    with writer.stdout:
        return writer.stdout.read().splitlines()
