"""The commands that our files and documents show for starting a scheduler of Dask, each with its environment."""

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.pages_of_documents import ROOT, blocks

FILES = ("ca.pem", "cluster.pem", "cluster.key")


@dataclass(frozen=True)
class SchedulerCommand:
    """What is typed or configured, word by word."""

    words: tuple[str, ...]
    environment: Mapping[str, str]

    def here(self, certificates: Path, port: int) -> list[str]:
        """The same for this machine: its own dask, another port, reached from here alone, and files that there are."""
        found = [re.sub(r"^(/\S+/)?(?=(ca|cluster)\.(pem|key)$)", f"{certificates}/", word) for word in self.words[1:]]
        said = " ".join(found)
        assert all(f"{certificates}/{name}" in said for name in FILES), self.words
        replaced = {"8786": str(port), "tls://0.0.0.0": "tls://127.0.0.1", "127.0.0.1:8787": "127.0.0.1:0"}
        assert replaced.keys() <= set(found), self.words
        return [str(Path(sys.executable).with_name("dask")), *(replaced.get(word, word) for word in found)]


def of_the_unit() -> SchedulerCommand:
    text = (ROOT / "systemd" / "freisteller-scheduler.service").read_text("utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    environment = dict(re.findall(r"^Environment=(\w+)=(.*)$", text, re.MULTILINE))
    return SchedulerCommand(tuple(shlex.split(line)), environment)


def of_the_document() -> SchedulerCommand:
    page = ROOT / "docs" / "operations" / "cluster.md"
    (text,) = [block.text for block in blocks(page) if "dask scheduler" in block.text]
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    first = words.index("dask")
    return SchedulerCommand(tuple(words[first:]), dict(word.split("=", 1) for word in words[:first]))


def of_the_compose_file() -> SchedulerCommand:
    from tests.compose_files import shown

    service = shown("scheduler")
    return SchedulerCommand(service.words, service.environment)


def of_the_manifests() -> SchedulerCommand:
    from tests.kubernetes_files import shown

    service = shown("scheduler")
    return SchedulerCommand(service.words, service.environment)


SCHEDULERS: Mapping[str, Callable[[], SchedulerCommand]] = {
    "unit": of_the_unit,
    "document": of_the_document,
    "compose": of_the_compose_file,
    "kubernetes": of_the_manifests,
}
