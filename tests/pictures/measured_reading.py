"""Reads all files of a folder, and prints what each took: python -m tests.pictures.measured_reading FOLDER MEGAPIXELS.

In a process of its own, because only its highest memory can be told apart from the tests'.
"""

import json
import sys
import time
from pathlib import Path

from daemon.errors import FreistellerError
from daemon.pictures.reading import memory_need, open_photo, pages_of, prove_decodes


def main(folder: Path, megapixels: float) -> None:
    """Read each file; the first one twice, as libraries take memory and time of their own then."""
    paths = sorted(folder.iterdir())
    for path in (paths[0], *paths):
        sys.stdout.write(json.dumps({"name": path.name, **taken_by(path, megapixels)}) + "\n")


def taken_by(path: Path, megapixels: float) -> dict[str, float | str]:
    """CPU seconds, the highest growth of memory in bytes, what the header promises, and a reason or ""."""
    said, promised = "", 0
    Path("/proc/self/clear_refs").write_text("5")  # proc_pid_clear_refs(5): the highest memory begins anew
    before, started = _status("VmRSS"), time.process_time()
    try:
        promised = memory_need(path, megapixels).work_bytes
        prove_decodes(path, megapixels)
        for page in pages_of(path)[:2]:
            open_photo(path, megapixels, page)
    except FreistellerError as error:
        said = str(error)
    took = time.process_time() - started
    return {"seconds": took, "grown": _status("VmHWM") - before, "promised": promised, "said": said}


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
