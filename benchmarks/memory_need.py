"""Measures what proofs and decoders allocate, beside what `memory_need` says, and the time of a proof.

    python benchmarks/memory_need.py [--megapixels 24] [FILE ...]

Without files, photos of every kind are drawn. Each figure comes from a process of its own: the most memory that it
allocates (VmData, which RLIMIT_DATA limits) and the most that it touches (VmHWM), beyond what the libraries take. The
last line is one JSON object: the largest shares of what was said that a proof and a decoding took; 1 would be too much.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LIMIT_MEGAPIXELS = 4000.0
LOOK_SECONDS = 0.002
SLOW = ("heic", "webp, lossless with alpha")  # to encode; drawn at an eighth of the size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=24.0)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--measure", choices=["prove_decodes", "open_photo"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.files[0], arguments.files[1], arguments.measure)))
        return
    print(f"{'file':28} {'step':6} {'CPU s':>6} {'said MB':>8} {'taken MB':>8} {'touched':>8} {'B/pixel':>8}")
    worst = {"prove_decodes": 0.0, "open_photo": 0.0}
    with tempfile.TemporaryDirectory(prefix="freisteller-benchmark-") as folder:
        for name, small, path in pictures(Path(folder), arguments.files, arguments.megapixels):
            for step in worst:
                found = json.loads(
                    subprocess.check_output([sys.executable, __file__, "--measure", step, str(small), str(path)])
                )
                worst[step] = max(worst[step], found["taken"] / found["said"])
                line = f"{name:28} {step.split('_')[0]:6} {found['cpu']:6.2f} {found['said'] / 1e6:8.0f} "
                per_pixel = found["taken"] / found["pixels"]
                print(line + f"{found['taken'] / 1e6:8.0f} {found['touched'] / 1e6:8.0f} {per_pixel:8.1f}", flush=True)
    print(json.dumps({f"worst_share_{step.split('_')[0]}": round(share, 2) for step, share in worst.items()}))


def pictures(folder: Path, files: list[Path], megapixels: float) -> Iterator[tuple[str, Path, Path]]:
    """Each photo's name, a small file of its kind, and its path."""
    from tests.pictures.test_memory_need import KINDS

    if files:
        yield from ((path.name, path, path) for path in files)
        return
    for name, draw in KINDS.items():
        side = int((megapixels * 1e6 / 6 / (8 if name in SLOW else 1)) ** 0.5)
        small, path = folder / "small", folder / "photo"
        small.write_bytes(draw(96, 64))
        path.write_bytes(draw(3 * side, 2 * side))
        yield name, small, path


def measured(small: Path, path: Path, step: str) -> dict[str, float]:
    """What one step takes in this process."""
    import cv2

    from daemon.pictures import reading

    cv2.setNumThreads(1)
    need = reading.memory_need(path, LIMIT_MEGAPIXELS)
    if small != path:
        getattr(reading, step)(small, LIMIT_MEGAPIXELS)  # what the libraries take for themselves
    most, done = [field("VmData")], threading.Event()
    watch = threading.Thread(target=lambda: look(most, done))
    watch.start()
    time.sleep(10 * LOOK_SECONDS)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the most memory that was touched, proc(5)
    taken, touched, began = field("VmData"), field("VmRSS"), time.process_time()
    photo = getattr(reading, step)(path, LIMIT_MEGAPIXELS)
    cpu = time.process_time() - began
    done.set()
    watch.join()
    found = {"taken": max(most) - taken, "touched": field("VmHWM") - touched}
    said = need.proof_bytes if step == "prove_decodes" else need.whole_bytes
    pixels = reading.open_photo(path, LIMIT_MEGAPIXELS).rgba[..., 0].size if photo is None else photo.rgba[..., 0].size
    return {**found, "said": said, "cpu": cpu, "pixels": pixels}


def look(most: list[int], done: threading.Event) -> None:
    while not done.is_set():
        most[0] = max(most[0], field("VmData"))
        time.sleep(LOOK_SECONDS)


def field(name: str) -> int:
    """A figure of this process, in bytes, proc(5)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
