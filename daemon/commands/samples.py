"""Gives a newcomer three photos to look at: those that scikit-image ships.

`make setup` runs `python -m daemon.commands.samples`, which fetches them.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SAMPLES = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
}
"""The photos and their SHA-256."""

FOLDER = Path(sys.prefix) / "share" / "freisteller" / "samples"

# The same wheel on every machine. We only unpack it: installed, it would bring SciPy and eight more packages.
WHEEL = ("--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")
RELEASE = "scikit-image==0.26.0"
WHEEL_MB = 14
FETCH_SECONDS = 300.0


class NoSamples(Exception):
    """The sample photos could not be fetched. Nothing else needs them: say so and go on."""


def drop_samples(inbox: Path, folder: Path = FOLDER) -> tuple[Path, ...]:
    """Copy the samples from `folder` into `inbox`. Returns () if nobody fetched them."""
    found = [folder / name for name in SAMPLES if (folder / name).is_file()]
    return tuple(Path(shutil.copyfile(photo, inbox / photo.name)) for photo in found)


def fetch_samples(folder: Path) -> None:
    """Fetch the samples into `folder` if one of them is missing. Raises NoSamples."""
    if all((folder / name).is_file() for name in SAMPLES):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            command = [sys.executable, "-m", "pip", "download", "-qq", "--retries", "1", "--dest", scratch]
            subprocess.run([*command, *WHEEL, RELEASE], capture_output=True, timeout=FETCH_SECONDS, check=True)
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for name, sha256 in SAMPLES.items():
                    content = archive.read(f"skimage/data/{name}")
                    if hashlib.sha256(content).hexdigest() != sha256:
                        raise NoSamples(f"{name} in {wheel.name} is another picture.")
                    photo = Path(scratch) / name
                    photo.write_bytes(content)
                    os.replace(photo, folder / name)  # noqa: PTH105 - the name says that it replaces atomically
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise NoSamples(said[-1] if said else "pip said nothing.") from error
    except (OSError, subprocess.TimeoutExpired, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise NoSamples(str(error)) from error


def main() -> int:
    """Fetch the samples, and say how it went. Returns 0 if they are there, else 1."""
    print(f"Fetching three sample photos ({WHEEL_MB} MB) …", flush=True)  # noqa: T201
    try:
        fetch_samples(FOLDER)
    except NoSamples as error:
        print(f"There are no sample photos: {error} All else works without them.")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
