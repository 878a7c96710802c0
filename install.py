"""Installs this checkout into a virtual environment, and says what is fetched and how far it is. `make setup` runs it.

    python3 install.py .venv heic,local,raw

On a terminal the last line tells all the time what is left. Elsewhere, as in CI, there are three lines in all.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

FETCHED_MB = 140  # what benchmarks/setup.py prints; other machines need a little more or less
INSTALLED_MB = 440
PACKAGES = 49
SIZE = re.compile(r"(?:Downloading|Using cached) (\S+?)-\S* \(([\d.]+) (kB|MB|GB)\)")
LOCAL_WHEEL = re.compile(r"Processing (/\S+\.whl)")
COLLECTED = "Installing collected packages: "
IMPORT_ALL = """\
import contextlib, importlib, pkgutil, daemon
names = [module.name for module in pkgutil.walk_packages(daemon.__path__, "daemon.")]
for name in [*names, "onnxruntime", "pillow_heif", "rawpy"]:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
"""  # Python writes bytecode of what it imports. pip would do so for all files, most of which nobody ever imports.
IN_MB = {"kB": 1e-3, "MB": 1.0, "GB": 1e3}


class Progress:
    """One line that is written over, on a terminal only."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()

    def show(self, text: str) -> None:
        """Show this text in place of the last one; an empty one clears the line."""
        if self._on_terminal:
            print(f"\r\x1b[K{text[:79]}", end="", flush=True)


def main(folder: Path, extras: str) -> int:
    """Make the environment, and install. Returns pip's exit code."""
    print(
        f"Installing about {PACKAGES} packages into {folder}: {FETCHED_MB} MB to fetch, {INSTALLED_MB} MB on the disk."
    )
    print("With a line of 50 Mbit/s that takes about a minute.", flush=True)
    began, progress = time.monotonic(), Progress()
    progress.show("making the virtual environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    command = ["-u", "-m", "pip", "install", "--no-compile", "--progress-bar", "off", "--disable-pip-version-check"]
    with subprocess.Popen(
        [python, *command, "--editable", f".[{extras}]"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        said = follow(pip, folder, progress)
    if pip.returncode == 0:
        progress.show("compiling what is used")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([python, "-c", IMPORT_ALL], env=environment, check=False)
    progress.show("")
    if pip.returncode:
        print("".join(said[-20:]), file=sys.stderr)
    else:
        print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)
    return pip.returncode


def follow(pip: "subprocess.Popen[str]", folder: Path, progress: Progress) -> list[str]:
    """Show how far pip is, until it ends. Returns all that it said."""
    assert pip.stdout is not None
    said, fetched = [], 0.0
    for line in pip.stdout:
        said.append(line)
        name, size = fetching(line)
        fetched += size
        if name:
            progress.show(f"fetching: {fetched:.0f} of about {FETCHED_MB} MB, now {name}")
        if line.startswith(COLLECTED):
            wanted = line.removeprefix(COLLECTED).split(", ")
            before = packages(folder)
            while pip.poll() is None:  # pip is silent now
                done = min(max(0, packages(folder) - before), len(wanted))
                progress.show(f"installing: {done} of {len(wanted)} packages")
                time.sleep(0.2)
    return said


def packages(folder: Path) -> int:
    """How many packages are installed whole: this folder of a package is written last."""
    return len(list(folder.glob("lib/python3*/site-packages/*.dist-info")))


def fetching(line: str) -> tuple[str, float]:
    """What a line of pip's says is fetched: a package and its MB. ("", 0) if the line says something else."""
    if found := SIZE.search(line):
        return found[1], float(found[2]) * IN_MB[found[3]]
    if found := LOCAL_WHEEL.search(line):
        wheel = Path(found[1])
        return wheel.name.split("-")[0], wheel.stat().st_size / 1e6
    return "", 0.0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
