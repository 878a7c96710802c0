"""What our cgroups allow us: a service or a container may have less than the machine (cgroup v2, cgroups(7))."""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def memory_limits(membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> Iterator[int]:
    """The memory limits, in bytes, of our cgroup and of all cgroups around it: systemd's MemoryMax=, a container's."""
    for text in _values("memory.max", membership, mount):
        with suppress(ValueError):  # "max" is no limit
            yield int(text)


def processors(membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> int:
    """How many processors this program may use, at least 1: of those that it may run on, as many as its time allows.

    The time is what the cgroups' quotas allow (systemd's CPUQuota=, the limit of a container), rounded up.
    """
    allowed = [len(os.sched_getaffinity(0))]
    for text in _values("cpu.max", membership, mount):
        with suppress(ValueError, ZeroDivisionError):  # "max 100000" is no limit
            quota, period = map(int, text.split())
            allowed.append(ceil(quota / period))
    return max(1, min(allowed))


def _values(name: str, membership: Path, mount: Path) -> Iterator[str]:
    """What a file of this name says in our cgroup and in those around it; the root has none.

    mount: where the cgroups are mounted. A container sees its own cgroup as the root.
    """
    with suppress(OSError):
        lines = membership.read_text().splitlines()
        ours = mount / next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
        for group in (ours, *ours.parents):
            with suppress(OSError):
                yield (group / name).read_text()
            if group == mount:
                return
