"""Measures what each stage of the work on a photo takes, beside rembg's work on the same photo.

    python benchmarks/stages.py [--quick] [--rembg-python PYTHON]

A real daemon with its worker processes takes photos from the inbox to their results: with the built-in engine, and with
a double of a ComfyUI server that answers at once. The photos are drawn so that the first answer is sehr_gut, if a rim
passes at any promise; there is no witness, since that is inference beside the server's. The first
photo is left out, because it also starts processes. The stages are those of the metrics; "outside" is what the daemon
does besides: scans, dispatch, events, other threads; since writing down costs something, too, all processor time is
measured with another daemon, which does not. All figures are for one photo, means over all photos of a size.

rembg does its work on the same photo with a drawn answer in place of the network, in an environment of its own, which
benchmarks/rembg_environment.py makes once (--rembg-python PYTHON takes another). What the built-in engine's network
takes is left out of ours (its stage infer).

The last line is one JSON object. cpu_ratio_*: all processor time of the daemon for one photo, with the double, so that
nothing is left out, over rembg's. search_ms, fsyncs_per_photo and commits_per_photo are those of 2 MP, with the double;
each commit is one fsync of SQLite's besides.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyvips

CHECKOUT = Path(__file__).resolve().parent.parent
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))

from benchmarks import rembg_environment  # noqa: E402 - the checkout is no installed package
from benchmarks.probed_daemon import FOLDER  # noqa: E402
from daemon.arrays import Alpha  # noqa: E402
from daemon.observe.labels import STAGES  # noqa: E402

LONGEST_SECONDS = 900.0
SHOWN = [stage for stage in STAGES if stage not in ("completeness", "show")]
REMBG_WORK = Path(__file__).with_name("rembg_work.py")
GRADES = ("sehr_gut", "gut", "ungenügend")
MATTE_SIDE = 320  # what u2netp gives


@dataclass(frozen=True)
class Case:
    """A size of photos, and how many of them are measured."""

    name: str
    width: int
    height: int
    photos: int
    suffix: str = ".jpg"


CASES = (
    Case("1mp", 1224, 816, 16),
    Case("2mp", 1632, 1224, 16),
    Case("6mp", 3000, 2000, 8),
    Case("24mp", 6000, 4000, 5),
    Case("60mp_tiff16", 9480, 6330, 2, ".tif"),
)


@dataclass
class Taken:
    """What a stage of one photo took. count: how often it came."""

    count: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    read_bytes: float = 0.0
    written_bytes: float = 0.0
    fsyncs: float = 0.0
    commits: float = 0.0
    peak_mb: float = 0.0


@dataclass(frozen=True)
class Figures:
    """The stages of one photo, and all processor time of it, in seconds."""

    stages: dict[str, Taken]
    cpu_seconds: float
    all_sehr_gut: bool

    def without_inference(self) -> float:
        return self.cpu_seconds - self.stages["infer"].cpu_seconds


# --- photos


def drawn(path: Path, width: int, height: int, grain: float = 2.0) -> Path:
    """A disc, a third of the picture, and its ground, both with grain; 8 bit as a JPEG, 16 bit as a TIFF.

    grain: the standard deviation of each channel, of 255.
    """
    random, deep = np.random.default_rng(1), path.suffix == ".tif"
    photo = np.empty((height, width, 3), np.uint16 if deep else np.uint8)
    ground, subject = np.full(3, 205, np.float32), np.array([180, 35, 40], np.float32)
    for top in range(0, height, 512):  # in strips, to save memory
        rows = slice(top, min(height, top + 512))
        inside = disc(width, height, rows)[..., None]
        strip = subject * inside + ground * (1 - inside)
        strip += random.normal(0, grain, strip.shape)
        photo[rows] = np.clip(np.rint(strip * (257 if deep else 1)), 0, 65535 if deep else 255)
    image = pyvips.Image.new_from_memory(photo.data, width, height, 3, "ushort" if deep else "uchar")
    image = image.copy(interpretation="rgb16" if deep else "srgb")
    if deep:
        image.tiffsave(str(path))
    else:
        image.jpegsave(str(path), Q=92)
    return path


def disc(width: int, height: int, rows: slice) -> Alpha:
    """How much each pixel of some rows is inside of the disc, 0..1."""
    y, x = np.mgrid[rows, :width].astype(np.float32)
    inside = 0.4 * min(width, height) - np.hypot(x - width / 2, y - height / 2) + 0.5
    return np.asarray(np.clip(inside, 0, 1), np.float32)


def matte(case: Case) -> Alpha:
    """What a network gives for the drawn photo, (320, 320) float32."""
    scale = 1024 / max(case.width, case.height)
    width, height = round(case.width * scale), round(case.height * scale)
    whole = disc(width, height, slice(0, height))
    return np.asarray(cv2.resize(whole, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA), np.float32)


# --- the daemon


def measured(case: Case, photo: Path, engine: str) -> Figures:
    """The figures of a daemon with this engine; all processor time is that of one which writes nothing down."""
    rows, _, graded = run(case, photo, engine, probed=True)
    _, cpu, also_graded = run(case, photo, engine, probed=False)
    return Figures(per_photo(rows, case.photos), cpu / case.photos, graded and also_graded)


def run(case: Case, photo: Path, engine: str, probed: bool) -> tuple[list[dict[str, float]], float, bool]:
    """What the stages of all photos took, the processor time of all, and whether all are sehr_gut."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stages-")))
        notes, inbox = folder / "notes", folder / "hot" / "inbox"
        notes.mkdir()
        inbox.mkdir(parents=True)
        pid = stack.enter_context(started_daemon(folder, notes if probed else None, engine, stack))
        drop(photo, inbox, 1)
        wait_for(folder / "hot", 1, pid)
        seen = {path: path.stat().st_size for path in notes.iterdir()}
        began = cpu_seconds(pid)
        drop(photo, inbox, case.photos)
        wait_for(folder / "hot", 1 + case.photos, pid)
        spent = cpu_seconds(pid) - began
        graded = len(list((folder / "hot" / GRADES[0]).glob("*.json")))
        rows = [json.loads(line) for path in notes.iterdir() for line in new_lines(path, seen.get(path, 0))]
    return rows, spent, graded == 1 + case.photos


@contextmanager
def started_daemon(folder: Path, notes: Path | None, engine: str, stack: ExitStack) -> Iterator[int]:
    """A daemon; gives its process id. notes: the folder where it writes down what its stages took."""
    settings = {
        "ROOT": str(folder / "hot"),
        "STATE_DIR": str(folder / "state"),
        "HTTP__BIND": "",
        "INTAKE__QUIET_SECONDS": "0.5",
        "ENGINE__USE": "local" if engine == "built-in" else "comfyui",
        "GRADING__RIM_GUT": "0",  # drawn photos of a drawn border: their rims are judged, but not what their grade is
        "GRADING__RIM_SEHR_GUT": "0",
        "JUDGEMENT__WITNESS": "off",  # all of its work is inference
        "ENGINE__LOCAL__THREADS": "1",  # so that the network's processor time is that of the thread that asks
    }
    if engine == "double":
        settings["COMFYUI__SERVERS"] = json.dumps([{"url": stack.enter_context(double())}])
    environment = {**os.environ, FOLDER: str(notes or ""), "PYTHONPATH": str(CHECKOUT)}
    environment |= {f"FREISTELLER__{name}": value for name, value in settings.items()}
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "probed_daemon.py"), "run"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process.pid
    except SystemExit:
        print((folder / "log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def double() -> Iterator[str]:
    """A double of a ComfyUI server in a process of its own; gives its URL."""
    command = [sys.executable, "-m", "tests.engines.comfyui_double"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)


def drop(photo: Path, inbox: Path, photos: int) -> None:
    """Put copies of a photo into the inbox, whole at once."""
    for _ in range(photos):
        number = sum(1 for _ in inbox.parent.rglob(f"*{photo.suffix}"))
        shutil.copy(photo, inbox.parent / "copy")
        (inbox.parent / "copy").rename(inbox / f"{time.monotonic_ns()}-{number}{photo.suffix}")


def wait_for(root: Path, photos: int, pid: int) -> None:
    """Wait until so many photos are done, with nothing left in work."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        done = sum(1 for folder in GRADES for _ in (root / folder).glob("*.json"))
        if done >= photos and not any((root / ".freisteller" / "work").iterdir()):
            return
        if time.monotonic() > deadline or not Path(f"/proc/{pid}/exe").exists():
            raise SystemExit(f"The daemon ended, or took too long: {done} photos of {photos} have a result.")
        time.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    """The processor time of a process and of all its descendants so far, those included that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children.split())


def new_lines(path: Path, after: int) -> list[bytes]:
    return path.read_bytes()[after:].splitlines()


def per_photo(rows: Sequence[dict[str, float]], photos: int) -> dict[str, Taken]:
    """What the stages of one photo took: sums over the photos, and the highest peak."""
    stages: dict[str, Taken] = defaultdict(Taken)
    for row in rows:
        taken = stages[str(row["stage"])]
        taken.count += 1 / photos
        taken.peak_mb = max(taken.peak_mb, row["peak_mb"])
        for name in ("seconds", "cpu_seconds", "read_bytes", "written_bytes", "fsyncs", "commits"):
            setattr(taken, name, getattr(taken, name) + row[name] / photos)
    return stages


# --- rembg


def rembg_seconds(case: Case, photo: Path, python: str) -> float | None:
    """rembg's processor time for the photo without its network; None if this Python has no rembg."""
    answer = photo.with_suffix(".npy")
    np.save(answer, matte(case))
    runs = 4 if case.width < 5000 else 2  # the first one is left out
    command = [python, str(REMBG_WORK), "cut", str(photo), str(answer), str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"no rembg: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        return None
    return float(statistics.median(json.loads(done.stdout)[1:]))


# --- what is printed


def print_table(case: Case, engine: str, found: Figures, rembg: float | None) -> None:
    """Print the stages of one photo."""
    remark = "" if found.all_sehr_gut else " NOT ALL OF THEM ARE sehr_gut"
    print(f"\n{case.name}, {engine} engine, means of {case.photos} photos{remark}")
    print(
        f"{'stage':<12}{'times':>6}{'CPU ms':>9}{'wall ms':>9}{'peak MB':>9}{'MB read':>9}{'MB written':>12}"
        f"{'fsyncs':>8}{'commits':>9}"
    )
    for stage in [*SHOWN, *sorted(set(found.stages) - set(SHOWN))]:
        print_row(stage, found.stages[stage])
    inside = sum(taken.cpu_seconds for taken in found.stages.values())
    print(f"{'outside':<12}{'':>6}{1000 * (found.cpu_seconds - inside):>9.1f}")
    ours = found.without_inference()
    print(f"{'all':<12}{'':>6}{1000 * found.cpu_seconds:>9.1f}   without inference {1000 * ours:.1f}", end="")
    print("" if rembg is None else f", rembg {1000 * rembg:.1f}, ratio {ours / rembg:.3f}", flush=True)


def print_row(stage: str, taken: Taken) -> None:
    print(
        f"{stage:<12}{taken.count:>6.2f}{1000 * taken.cpu_seconds:>9.1f}{1000 * taken.seconds:>9.1f}"
        f"{taken.peak_mb:>9.0f}{taken.read_bytes / 1e6:>9.2f}{taken.written_bytes / 1e6:>12.2f}"
        f"{taken.fsyncs:>8.2f}{taken.commits:>9.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="with the double only, and 1, 2 and 24 MP unless --only says otherwise"
    )
    parser.add_argument("--only", choices=[case.name for case in CASES], help="one size only")
    parser.add_argument("--rembg-python", help="the Python of an environment with rembg")
    arguments = parser.parse_args()
    rembg_python = arguments.rembg_python or str(rembg_environment.python())
    names = {arguments.only} if arguments.only else {"1mp", "2mp", "24mp"} if arguments.quick else None
    line: dict[str, float | None] = dict.fromkeys(
        ("cpu_ratio_1mp", "cpu_ratio_2mp", "cpu_ratio_24mp", "search_ms", "fsyncs_per_photo", "commits_per_photo")
    )
    with tempfile.TemporaryDirectory(prefix="stages-photos-") as folder:
        for case in (case for case in CASES if names is None or case.name in names):
            photo = drawn(Path(folder) / f"{case.name}{case.suffix}", case.width, case.height)
            rembg = rembg_seconds(case, photo, rembg_python)
            for engine in ("double",) if arguments.quick else ("built-in", "double"):
                found = measured(case, photo, engine)
                print_table(case, engine, found, rembg)
            if f"cpu_ratio_{case.name}" in line and rembg:
                line[f"cpu_ratio_{case.name}"] = round(found.cpu_seconds / rembg, 3)
            if case.name == "2mp":
                line["search_ms"] = round(1000 * found.stages["search"].cpu_seconds / found.stages["search"].count, 1)
                line["fsyncs_per_photo"] = round(sum(each.fsyncs for each in found.stages.values()), 2)
                line["commits_per_photo"] = round(sum(each.commits for each in found.stages.values()), 2)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
