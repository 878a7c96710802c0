"""The file on the share that says which process holds the hot folder."""

import json
import os
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from daemon.disk import open_below

NAME = "lease.json"
_FIXED_BYTES = 512  # the file always has this size, so that it can be overwritten in place


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease. token: names one run. beats: how often the lease was renewed.

    boot: names the run of the kernel, with the namespace that the pid counts in.
    """

    token: str
    host: str
    pid: int
    boot: str
    since: str
    beats: int = 0

    def __str__(self) -> str:
        return f"on {self.host}, pid {self.pid}, since {self.since}"


_HOLDER = TypeAdapter(Holder)


def this_process() -> Holder:
    """This process, as others read of it."""
    token = uuid.uuid4().hex
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        boot += f" {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # /proc is locked down: no holder counts as a process of this machine, and we wait for each
        boot = token
    return Holder(token, os.uname().nodename, os.getpid(), boot, time.strftime("%Y-%m-%d %H:%M:%S"))


def is_alive(pid: int) -> bool:
    """Whether this machine has another process of that number. It need not be the one that took the lease."""
    return pid != os.getpid() and 0 < pid < 1 << 31 and Path(f"/proc/{pid}").exists()


def read(path: Path) -> Holder | None:
    """Who holds the lease. Returns None if there is none, or if it cannot be understood: it may be half written."""
    try:
        return _HOLDER.validate_json(open_below.read_small(path), strict=True)
    except (FileNotFoundError, ValueError):
        return None


def content_of(path: Path) -> bytes | None:
    """The bytes of the file. Returns None if there is none, b"" if something else lies there."""
    try:
        return open_below.read_small(path)
    except FileNotFoundError:
        return None
    except ValueError:
        return b""


def create(path: Path, holder: Holder) -> None:
    """Make the file. Raises FileExistsError if there is one already."""
    with open_below.opened(path.parent) as folder:
        open_below.write_new(path.name, _padded(holder), folder, mode=0o644)
        open_below.settle(folder)


def write_over(path: Path, holder: Holder) -> None:
    """Overwrite the file in place: a new file of the name is noticed late by a machine that caches names (NFS)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        open_below.write_all(descriptor, _padded(holder))
    finally:
        os.close(descriptor)


def _padded(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode().ljust(_FIXED_BYTES - 1) + b"\n"
