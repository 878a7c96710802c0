"""Measures what a newcomer waits for: `make setup` in a fresh clone, then the first result of `make run`.

    python benchmarks/setup.py [--commit HEAD] [--cold-only]

The clone, pip's cache, the weights and the state lie in a temporary folder, so nothing of this machine is used but the
network, and local wheels that pip's settings name. `make setup` runs twice: cold, with an empty cache of pip, as a
newcomer has it; and warm, in a new .venv with the cache that the cold run filled. (Some mirrors forbid pip to keep what
they send. Then the warm run fetches as much as the cold one.)

seconds: of the cold setup. venv_mb: what .venv takes on the disk, without the tests' tools. packages: all that pip
lists, without pip itself and this program. first_result_seconds: from `make run` to the first sample photo in a grade
folder. The last line is one JSON object.
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
GRADES = ("sehr_gut", "gut", "ungenügend")
LONGEST_SECONDS = 600.0
HEADINGS = "pip cache   seconds    CPU s  MB fetched  MB local  MB .venv  packages"
SHOWN = 12  # packages in the list of the heaviest


@dataclass(frozen=True)
class Installed:
    """What one `make setup` took. fetched_mb: what pip downloaded. local_mb: wheels that it found on this machine."""

    seconds: float
    cpu_seconds: float
    fetched_mb: float
    local_mb: float
    venv_mb: float
    packages: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default="HEAD")
    parser.add_argument("--cold-only", action="store_true", help="leave out the second setup, with a filled cache")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="setup_") as folder:
        scratch = Path(folder)
        clone = cloned(scratch, arguments.commit)
        environment = isolated(scratch)
        cold = set_up(clone, scratch, environment)
        print_row("cold", cold)
        print_heaviest(clone)
        first = first_result_seconds(clone, scratch, environment)
        print(f"first result of make run: {first:.1f} s")
        if not arguments.cold_only:
            shutil.rmtree(clone / ".venv")
            print_row("warm", set_up(clone, scratch, environment))
    found = {"seconds": cold.seconds, "venv_mb": cold.venv_mb, "packages": cold.packages, "first_result_seconds": first}
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))


def cloned(scratch: Path, commit: str) -> Path:
    """A fresh clone of a commit of this checkout. What is not committed is left out."""
    clone = scratch / "freisteller"
    revision = output("git", "rev-parse", f"{commit}^{{commit}}", folder=CHECKOUT).strip()
    output("git", "clone", "--quiet", "--no-checkout", str(CHECKOUT), str(clone), folder=scratch)
    output("git", "checkout", "--quiet", "--detach", revision, folder=clone)
    print(f"commit {revision[:9]}, {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"{'pip cache':<10}{'seconds':>9}{'CPU s':>9}{'MB fetched':>12}{'MB local':>10}{'MB .venv':>10}{'packages':>10}"
    )
    return clone


def isolated(scratch: Path) -> dict[str, str]:
    """The environment without our settings, and with folders of its own for all that a first run leaves behind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FREISTELLER__", "VIRTUAL_ENV"))}
    (scratch / "home").mkdir()  # weights are also looked for where rembg puts them
    own_pip = Path.home() / ".config" / "pip" / "pip.conf"
    if own_pip.exists():
        kept.setdefault("PIP_CONFIG_FILE", str(own_pip))
    return kept | {
        "HOME": str(scratch / "home"),
        "PIP_CACHE_DIR": str(scratch / "pip"),
        "PIP_LOG": str(scratch / "pip.log"),
        "U2NET_HOME": str(scratch / "weights"),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        "XDG_DATA_HOME": str(scratch / "data"),
        "XDG_STATE_HOME": str(scratch / "state"),
        "FREISTELLER__HTTP__BIND": "127.0.0.1:0",
    }


def set_up(clone: Path, scratch: Path, environment: Mapping[str, str]) -> Installed:
    """Run `make setup` without weights on the disk."""
    shutil.rmtree(scratch / "weights", ignore_errors=True)
    shutil.rmtree(scratch / "data", ignore_errors=True)
    (scratch / "pip.log").write_text("")
    began, cpu_began = time.perf_counter(), children_cpu_seconds()
    done = subprocess.run(["make", "setup"], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    seconds, cpu_seconds = time.perf_counter() - began, children_cpu_seconds() - cpu_began
    if done.returncode:
        raise SystemExit(f"make setup failed:\n{done.stdout}\n{done.stderr}")
    listed = json.loads(output(".venv/bin/python", "-m", "pip", "list", "--format", "json", folder=clone))
    others = {each["name"] for each in listed} - {"freisteller", "pip", "setuptools"}
    log = (scratch / "pip.log").read_text()
    venv_mb = disk_mb(clone / ".venv")
    return Installed(seconds, cpu_seconds, fetched_mb(log), local_mb(log), venv_mb, len(others))


def fetched_mb(log: str) -> float:
    """The sum of all downloads in pip's log, such as "Downloading numpy-2.3.5-….whl (16.6 MB)", in MB."""
    found = re.findall(r"Downloading \S+ \(([\d.]+) (kB|MB|GB)\)", log)
    return sum(float(size) * {"kB": 1e-3, "MB": 1.0, "GB": 1e3}[unit] for size, unit in found)


def local_mb(log: str) -> float:
    """The sum of all wheels in pip's log that lie on this machine, such as "Processing /opt/numpy-2.3.5-….whl"."""
    return sum(Path(path).stat().st_size for path in re.findall(r"Processing (/\S+\.whl)", log)) / 1e6


def children_cpu_seconds() -> float:
    """The processor time of all programs that ended so far: a busy machine changes it less than the seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_result_seconds(clone: Path, scratch: Path, environment: Mapping[str, str]) -> float:
    """From the start of `make run` to the first result of a sample photo."""
    root = scratch / "hot"
    with (scratch / "log").open("wb") as log:
        began = time.perf_counter()
        with running(["make", "run", f"ROOT={root}"], clone, environment, log.fileno()) as process:
            while not any(path for grade in GRADES for path in (root / grade).glob("*.png")):
                seconds = time.perf_counter() - began
                if seconds > LONGEST_SECONDS or process.poll() is not None:
                    raise SystemExit(f"make run gave no result:\n{(scratch / 'log').read_text()[-3000:]}")
                time.sleep(0.02)
            return time.perf_counter() - began


@contextmanager
def running(
    command: list[str], folder: Path, environment: Mapping[str, str], log: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own, which is stopped as a whole."""
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def print_row(cache: str, taken: Installed) -> None:
    figures = f"{taken.seconds:>9.1f}{taken.cpu_seconds:>9.1f}{taken.fetched_mb:>12.0f}{taken.local_mb:>10.0f}"
    print(f"{cache:<10}{figures}{taken.venv_mb:>10.0f}{taken.packages:>10}", flush=True)


def print_heaviest(clone: Path) -> None:
    (packages,) = (clone / ".venv" / "lib").glob("python3*/site-packages")
    heaviest = sorted(((disk_mb(path), path.name) for path in packages.iterdir()), reverse=True)[:SHOWN]
    print("heaviest: " + ", ".join(f"{name} {size:.0f}" for size, name in heaviest), flush=True)


def disk_mb(path: Path) -> float:
    """What a file, or all below a folder, takes on the disk, in MB (1e6 bytes). 0 if it is not there."""
    below = path.rglob("*") if path.is_dir() else [path] if path.exists() else []
    return sum(each.lstat().st_blocks * 512 for each in below) / 1e6


def output(*command: str, folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
