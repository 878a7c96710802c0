"""Measures time, memory and accuracy of our pictures, side by side with rembg in one run.

    python benchmarks/pictures.py [--runs 5] [--photos 6] [--truth DIR] [--rembg COMMAND]
        [--rembg-python PYTHON] [--no-throughput]

Each figure is the median of `runs`. Each run is a process of its own; ours and rembg's take turns, so that a busy
machine slows both; a throughput ratio is the median of those within a turn. CPU ratios count everything between a file
and a finished PNG except the network: both sides get the same drawn matte in its place. Throughput runs the two
programs as a user does, weights and all; the peak of memory is that of `freisteller process` with its engine.

rembg runs in an environment of its own, which benchmarks/rembg_environment.py makes once (--rembg-python PYTHON takes
another). For the throughput a loop over the folder calls its library, which starts faster than the program `rembg`;
--rembg COMMAND takes the program.

--truth DIR: a folder with index.tsv, images/ and alpha/ of photos with soft mattes, for the last figure; without it,
drawn scenes are used. The last line is one JSON object.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import borders, rembg_environment
from daemon.commands import samples

Rgb = NDArray[np.uint8]
Alpha = NDArray[np.float32]

REMBG_WORK = Path(__file__).with_name("rembg_work.py")
MATTE_SIDE = 320  # what u2netp gives
PROXY_PIXELS = 1024
LIMIT_MEGAPIXELS = 500.0


def main() -> None:
    arguments = parsed()
    if arguments.peak_of:
        print_peak(arguments.peak_of)
        return
    if arguments.worker:
        photo, result = arguments.worker
        print(json.dumps(ours(Path(photo), Path(result))))
        return
    with tempfile.TemporaryDirectory(prefix="freisteller-benchmark-") as folder:
        figures = measured(Path(folder), arguments)
    print(json.dumps({name: None if figure is None else round(figure, 3) for name, figure in figures.items()}))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--photos", type=int, default=6, help="24 megapixel photos for the throughput")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--rembg", help="the command, for the throughput")
    parser.add_argument("--rembg-python", help="the Python of an environment with rembg")
    parser.add_argument("--no-throughput", action="store_true")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--peak-of", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(folder: Path, arguments: argparse.Namespace) -> dict[str, float | None]:
    rembg_python = arguments.rembg_python or str(rembg_environment.python())
    jpeg = drawn(folder / "24mp.jpg", 6000, 4000)
    deep = drawn(folder / "60mp.tif", 9480, 6330, deep=True)
    huge = drawn(folder / "100mp.tif", 12240, 8172, deep=True)
    figures: dict[str, float | None] = {
        "cpu_ratio_24mp_jpeg": cpu_ratio(jpeg, arguments.runs, rembg_python),
        "cpu_ratio_60mp_tiff16": cpu_ratio(deep, arguments.runs, rembg_python),
        "throughput_ratio_24mp": None,
        "throughput_ratio_1mp": None,
        "peak_mb_100mp_tiff16": statistics.median(whole_peak(huge) for _ in range(min(arguments.runs, 3))),
        "band_mad_ratio_to_bilinear": borders.band_ratio(arguments.truth),
    }
    if not arguments.no_throughput:
        small = drawn(folder / "1mp.jpg", 1224, 816)
        library = [rembg_python, str(REMBG_WORK), "folder"]
        rembg = [arguments.rembg, "p", "-m", "u2netp"] if arguments.rembg else library
        figures["throughput_ratio_24mp"] = throughput_ratio(folder, jpeg, arguments.photos, arguments.runs, rembg)
        figures["throughput_ratio_1mp"] = throughput_ratio(folder, small, 4 * arguments.photos, arguments.runs, rembg)
    return figures


# --- without inference


def cpu_ratio(photo: Path, runs: int, rembg_python: str) -> float:
    np.save(photo.with_suffix(".npy"), matte())
    mine: list[dict[str, float]] = []
    theirs: list[float] = []
    for _ in range(runs):
        mine.append(our_run(photo))
        theirs.append(rembgs_run(photo, rembg_python))
    ours_seconds = statistics.median(run["cpu_seconds"] for run in mine)
    rembgs_seconds = statistics.median(theirs)
    alpha = statistics.median(run["alpha_seconds"] for run in mine)
    print(f"{photo.name}: ours {ours_seconds:.2f} CPU s ({alpha:.2f} for the full-size alpha), ", end="")
    print(f"rembg {rembgs_seconds:.2f} CPU s", flush=True)
    return ours_seconds / rembgs_seconds


def our_run(photo: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=photo.parent) as folder:
        command = [sys.executable, __file__, "--worker", str(photo), str(Path(folder) / "result.png")]
        found: dict[str, float] = json.loads(subprocess.check_output(command))
    return found


def rembgs_run(photo: Path, rembg_python: str) -> float:
    command = [rembg_python, str(REMBG_WORK), "cut", str(photo), str(photo.with_suffix(".npy")), "1"]
    (seconds,) = json.loads(subprocess.check_output(command))
    return float(seconds)


def ours(photo_path: Path, result: Path) -> dict[str, float]:
    from daemon.jobs import View
    from daemon.pictures import compositing, proxy, reading, refining, writing

    began = time.process_time()
    photo = reading.open_photo(photo_path, LIMIT_MEGAPIXELS)
    small = proxy.make_proxy(photo, View(), PROXY_PIXELS)
    alpha = np.asarray(cv2.resize(matte(), small.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    before = time.process_time()
    full = refining.full_size_alpha(photo, alpha)
    refined = time.process_time() - before
    writing.write(result, compositing.cut_out(photo, full, clean_rims=True), photo, "png", "benchmark")
    return {"cpu_seconds": time.process_time() - began, "alpha_seconds": refined}


# --- whole programs


def whole_peak(photo: Path) -> float:
    """The peak memory of `freisteller process`, in MB."""
    with tempfile.TemporaryDirectory(dir=photo.parent) as out:
        command = [sys.executable, __file__, "--peak-of", *ours_on([photo], Path(out))]
        return float(subprocess.check_output(command, text=True).splitlines()[-1])


def print_peak(command: Sequence[str]) -> None:
    """Print the peak memory of a command, in MB; the kernel keeps one figure for all children of a process."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def throughput_ratio(folder: Path, photo: Path, photos: int, runs: int, rembg: Sequence[str]) -> float:
    inbox = folder / f"inbox of {photo.stem}"
    inbox.mkdir()
    for number in range(photos):
        shutil.copy(photo, inbox / f"{number}.jpg")
    turns: list[dict[str, float]] = []
    for _ in range(runs):
        seconds: dict[str, float] = {}
        for side in ("ours", "rembg"):
            with tempfile.TemporaryDirectory(dir=folder) as out:
                command = ours_on(sorted(inbox.iterdir()), Path(out)) if side == "ours" else [*rembg, str(inbox), out]
                seconds[side] = whole_run(command, Path(out), photos)
        turns.append(seconds)
    ratios = [seconds["rembg"] / seconds["ours"] for seconds in turns]
    mine, theirs = (statistics.median(seconds[side] for seconds in turns) for side in ("ours", "rembg"))
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"{photos} x {photo.name}: ours {mine:.1f} s, rembg {theirs:.1f} s; ratio of each turn {told}", flush=True)
    return statistics.median(ratios)


def ours_on(photos: Sequence[Path], out: Path) -> list[str]:
    return [sys.executable, "-m", "daemon", "process", *(str(photo) for photo in photos), "--out", str(out)]


def whole_run(command: Sequence[str], out: Path, photos: int) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken = time.perf_counter() - began
    made = sum(1 for _ in out.rglob("*.png"))
    if made < photos:
        raise SystemExit(f"{command[0]} made only {made} pictures")
    return taken


# --- drawn input


def matte() -> NDArray[np.float32]:
    """(320, 320) 0..1: a blob with a wavy border, about a third of the picture."""
    y, x = np.mgrid[:MATTE_SIDE, :MATTE_SIDE] - MATTE_SIDE / 2
    border = 105 + 8 * np.sin(9 * np.arctan2(y, x))
    blob: NDArray[np.float32] = np.clip((border - np.hypot(y, x)) / 2 + 0.5, 0, 1).astype(np.float32)
    return blob


def drawn(path: Path, width: int, height: int, deep: bool = False) -> Path:
    """Write a sample photo of ours, enlarged and with a camera's grain."""
    import pyvips

    samples.fetch_samples(samples.FOLDER)
    coffee = np.asarray(cv2.imread(str(samples.FOLDER / "coffee.png"), cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    large = cv2.resize(coffee, (width, height), interpolation=cv2.INTER_CUBIC)
    scale = 257 if deep else 1
    grainy = np.empty(large.shape, np.uint16 if deep else np.uint8)
    random = np.random.default_rng(0)
    for top in range(0, height, 512):  # in strips, to save memory
        strip = large[top : top + 512].astype(np.float32) + random.normal(0, 2, large[top : top + 512].shape)
        grainy[top : top + 512] = np.clip(np.rint(strip * scale), 0, 255 * scale)
    image = pyvips.Image.new_from_memory(grainy.data, width, height, 3, "ushort" if deep else "uchar")
    image = image.copy(interpretation="rgb16" if deep else "srgb")
    if path.suffix == ".jpg":
        image.jpegsave(str(path), Q=92)
    else:
        image.tiffsave(str(path))
    return path


if __name__ == "__main__":
    main()
