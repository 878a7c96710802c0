"""Makes an environment with rembg alone, outside of ours, for the benchmarks that stand beside it.

    python benchmarks/rembg_environment.py        makes it if it is missing, and prints its Python

It lies in XDG_CACHE_HOME (else ~/.cache), below freisteller-benchmarks/, in a folder that names rembg's version and
Python's. It is made once, whoever asks first; others wait meanwhile. rm -r that folder to make it anew.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "2.0.86"
REQUIREMENT = f"rembg[cpu,cli]=={VERSION}"


def main() -> None:
    print(python())


def python() -> Path:
    """The Python of rembg's environment, which is made first if it is missing.

    Raises subprocess.CalledProcessError if it cannot be installed; then the next call begins again.
    """
    folder = cache_folder() / f"rembg-{VERSION}-python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists():
        return interpreter
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            print(f"Installing {REQUIREMENT} into {folder}, about 850 MB …", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
            subprocess.run([str(interpreter), "-m", "pip", "install", "-qq", REQUIREMENT], check=True)
            ready.touch()
    return interpreter


def command() -> Path:
    """The program `rembg` of that environment."""
    return python().with_name("rembg")


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "freisteller-benchmarks"


if __name__ == "__main__":
    main()
