"""The engine at servers of newer versions, as they were recorded."""

import uuid
from collections.abc import Iterator

import pytest
import requests

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.errors import EngineMisconfigured
from daemon.jobs import Recipe
from tests.engines.comfyui_double import Double
from tests.engines.conformance import EngineConformance, drawn_photo
from tests.engines.conftest import OpenEngine

RMBG = Recipe("RMBG-2.0", 1024)


@pytest.fixture
def newer() -> Iterator[Double]:
    with Double(version="0.33.0") as running:
        yield running


class TestNewerComfyUI(EngineConformance):
    @pytest.fixture
    def engine(self, newer: Double, open_engine: OpenEngine) -> ComfyUIEngine:
        return open_engine(newer)


def test_a_server_that_takes_canonical_ids_only_takes_ours(newer: Double, open_engine: OpenEngine) -> None:
    assert open_engine(newer).cut(uuid.UUID(int=2**127 + 0xABCDEF), drawn_photo(), RMBG).alpha.max() > 0.9
    answer = requests.post(f"{newer.url}/prompt", json={"prompt": {}, "prompt_id": "ABC"}, timeout=60)
    assert answer.status_code == 400


def test_a_node_that_is_not_installed_is_named(newer: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(newer)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)  # now the engine knows the nodes, and does not ask again
    newer.set_faults({"missing_nodes": ["RMBG"]})

    with pytest.raises(EngineMisconfigured, match="Node 'RMBG' not found"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_an_upload_that_pyav_cannot_read_is_sent_again(newer: Double, open_engine: OpenEngine) -> None:
    newer.set_faults({"corrupt_uploads": 1})

    assert open_engine(newer).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    assert newer.asked("POST", "/upload/image") == 2
