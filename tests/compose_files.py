"""The services of docker-compose.yml with docker-compose.cluster.yml added, as compose adds them up."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.pages_of_documents import ROOT
from tests.shown_services import IMAGE_COMMAND, IMAGE_ENTRYPOINT, ShownService

yaml = pytest.importorskip("yaml", reason="Dask brings it, and the extra cluster is not installed")

ALONE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
ADDED: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.cluster.yml").read_text("utf-8"))


def service(name: str) -> dict[str, Any]:
    """A service of both files: mappings are merged, and so are the lists that we use in both."""
    one, two = ALONE["services"].get(name, {}), ADDED["services"].get(name, {})
    both = {**one, **two}
    for key in one.keys() & two.keys():
        both[key] = {**one[key], **two[key]} if isinstance(one[key], dict) else [*one[key], *two[key]]
    return both


def shown(name: str) -> ShownService:
    """What a container of this service runs."""
    found = service(name)
    words = (*found.get("entrypoint", IMAGE_ENTRYPOINT), *found.get("command", IMAGE_COMMAND))
    return ShownService(words, found.get("environment", {}))
