"""Hot folders on file systems as people mount them: sshfs from an SSH server on this machine, and rclone."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.intake.test_shares import need
from tests.observe.prometheus import free_port

PATIENCE_SECONDS = 20.0


def _made(folder: Path) -> tuple[Path, Path]:
    back, mount = folder / "back", folder / "mount"
    for path in (back, mount):
        path.mkdir(parents=True)
    return back, mount


def _unmount(mount: Path) -> None:
    subprocess.run(["umount", "--lazy", str(mount)], check=False, capture_output=True)


def _wait_until_there(mount: Path, why: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not mount.is_mount():
        if time.monotonic() > until:
            pytest.skip(f"this file system cannot be mounted here: {why.read_text('utf-8', 'replace')[-300:]}")
        time.sleep(0.05)


@contextmanager
def sshfs(folder: Path) -> Iterator[Path]:
    """A folder over SSH."""
    need("sshfs", "sshd", "ssh-keygen", "umount")
    back, mount = _made(folder)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it
    log = folder / "sshd.log"
    with log.open("wb") as output:
        command = [str(shutil.which("sshd")), "-D", "-e", "-f", str(folder / "sshd.conf")]
        server = subprocess.Popen(command, stdout=output, stderr=output)
    options = f"IdentityFile={folder}/user,StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null"
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        what = ["sshfs", "-p", str(port), "-o", options, f"root@127.0.0.1:{back}", str(mount)]
        while subprocess.run(what, check=False, capture_output=True).returncode and time.monotonic() < until:
            time.sleep(0.1)
        _wait_until_there(mount, log)
        yield mount
    finally:
        _unmount(mount)
        server.terminate()
        server.wait(PATIENCE_SECONDS)


@contextmanager
def rclone(folder: Path) -> Iterator[Path]:
    """A folder that rclone mounts, with its cache for writing."""
    need("rclone", "umount")
    back, mount = _made(folder)
    log = folder / "rclone.log"
    command = ["rclone", "mount", "--config", "/dev/null", "--cache-dir", str(folder / "cache")]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--vfs-cache-mode", "writes", f":local:{back}", str(mount)],
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_there(mount, log)
        yield mount
    finally:
        _unmount(mount)
        server.terminate()
        server.wait(PATIENCE_SECONDS)


MOUNTS = {"sshfs": sshfs, "rclone": rclone}
