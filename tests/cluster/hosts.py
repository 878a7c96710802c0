"""Machines that are only in this kernel: each has a network of its own, joined by cables that can be pulled."""

import ipaddress
import os
import random
import shutil
import subprocess
from collections.abc import Sequence

HERE = "here"
"""The machine that runs the tests; it is on the same network."""


class Hosts:
    """So many machines on one switch. Needs root, and a kernel that allows it; see `why_not`."""

    def __init__(self, names: Sequence[str]) -> None:
        network = ipaddress.ip_network(f"10.{random.randrange(64, 250)}.{random.randrange(1, 250)}.0/24")
        addresses = [str(address) for address in network.hosts()]
        self._switch = f"fs{random.randrange(16**6):06x}"
        self.addresses = dict(zip([HERE, *names], addresses, strict=False))
        """Of each machine, by name."""
        self._number = {name: number for number, name in enumerate(names)}
        _ip("link", "add", self._switch, "type", "bridge")
        _ip("addr", "add", f"{self.addresses[HERE]}/24", "dev", self._switch)
        _ip("link", "set", self._switch, "up")
        for name in names:
            space, cable = self._space(name), self._cable(name)
            _ip("netns", "add", space)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", cable, "master", self._switch, "up")
            _ip("-n", space, "addr", "add", f"{self.addresses[name]}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", space, "link", "set", device, "up")

    def inside(self, name: str) -> list[str]:
        """What to write before a command so that it runs on that machine."""
        return ["nsenter", f"--net=/run/netns/{self._space(name)}"] if name != HERE else []

    def pull(self, name: str) -> None:
        """Pull the cable of a machine: nothing is refused, nothing arrives."""
        _ip("link", "set", self._cable(name), "down")

    def plug(self, name: str) -> None:
        """Plug it in again."""
        _ip("link", "set", self._cable(name), "up")

    def close(self) -> None:
        """Take everything away."""
        for name in self._number:
            _ip("netns", "del", self._space(name), check=False)
        _ip("link", "del", self._switch, check=False)

    def _space(self, name: str) -> str:
        return f"{self._switch}n{self._number[name]}"

    def _cable(self, name: str) -> str:
        return f"{self._switch}c{self._number[name]}"


def why_not() -> str:
    """Why there can be no such machines here; "" if there can."""
    if os.geteuid() != 0:
        return "machines with networks of their own need root"
    if not (shutil.which("ip") and shutil.which("nsenter")):
        return "machines with networks of their own need iproute2 and nsenter"
    try:
        Hosts(["one"]).close()
    except subprocess.CalledProcessError as error:
        return f"this kernel gives no network of its own: {error.stderr.strip()}"
    return ""


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, text=True)
