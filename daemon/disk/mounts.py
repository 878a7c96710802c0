"""Tells file systems that report what is written into them from those that other machines can write unseen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

# inotify reports what this kernel does. Into these file systems, another machine or process writes without this kernel.
_REMOTE = re.compile(
    r"cifs|smb3|smbfs|nfs4?|9p|virtiofs|fuse(\..*)?|ceph|afs|coda|lustre|gpfs|beegfs|glusterfs|gfs2?|ocfs2|orangefs"
    r"|ncpfs|vboxsf|prl_fs|vmhgfs|davfs|drvfs"
)
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo. point: where it is mounted. kind: the type of its file system."""

    point: str
    kind: str

    @property
    def remote(self) -> bool:
        """Whether others may write into it unseen. False for `fuseblk`, which is NTFS on a local disk."""
        return _REMOTE.fullmatch(self.kind) is not None


def parse(mountinfo: str) -> dict[str, Mount]:
    """The mounts by mount point (format: proc(5), /proc/pid/mountinfo). Of two on one point, the later one counts."""
    mounts = {}
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = _unescape(fields[4])
        mounts[point] = Mount(point, after.split(" ")[0])
    return mounts


def read() -> dict[str, Mount]:
    """The mounts as they are now; empty if /proc cannot be read."""
    try:
        return parse(MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return {}


def mount_of(path: str, mounts: Mapping[str, Mount]) -> Mount:
    """The mount that holds an absolute path without symbolic links."""
    probe = path.rstrip("/") or "/"
    while probe not in mounts and probe != "/":
        probe = probe.rpartition("/")[0] or "/"
    return mounts.get(probe, Mount("/", "unknown"))


def _unescape(field: str) -> str:
    # Space, tab, newline and backslash are written in octal; each escape is one byte of a name that may be UTF-8.
    if "\\" not in field:
        return field
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
