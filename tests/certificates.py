"""Real certificates of a cluster, made by openssl as the document shows, with small keys."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.cluster.link import TlsFiles

SMALL = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"


def openssl(command: str, folder: Path) -> str:
    """Run `openssl COMMAND` in a folder; what it says."""
    path = shutil.which("openssl")
    if path is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    done = subprocess.run([path, *shlex.split(command)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_certificates(folder: Path, days: int = 825, authority_days: int = 3650) -> TlsFiles:
    """An authority, and a certificate of it with its key. -1 day: it has expired."""
    folder.mkdir(parents=True, exist_ok=True)
    # `openssl req -x509` takes no date that has passed, `openssl x509` does.
    openssl(f"req {SMALL} -nodes -subj '/CN=Our cluster' -keyout ca.key -out ca.csr", folder)
    (folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    openssl(f"x509 -req -in ca.csr -signkey ca.key -extfile ca.ext -days {authority_days} -out ca.pem", folder)
    openssl(f"req {SMALL} -nodes -subj /CN=cluster -keyout cluster.key -out cluster.csr", folder)
    sign(folder, days)
    return TlsFiles(folder / "ca.pem", folder / "cluster.pem", folder / "cluster.key")


def sign(folder: Path, days: int = 825, options: str = "") -> None:
    """Make cluster.pem again, of the same request."""
    signed = f"x509 -req -in cluster.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} {options}"
    openssl(f"{signed} -out cluster.pem", folder)
