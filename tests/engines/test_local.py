"""The local engine keeps the contract's promises, with the starter weights that `make setup` fetched."""

import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from daemon.engines.local import LocalEngine
from daemon.engines.weights import STARTER_MODEL, weights_file
from daemon.errors import EngineMisconfigured
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings
from tests.engines.conformance import EngineConformance, drawn_photo

SETTINGS = LocalEngineSettings(threads=1)

pytestmark = pytest.mark.skipif(
    weights_file(SETTINGS.weights_path, STARTER_MODEL) is None, reason="no starter weights: make setup"
)


@pytest.fixture(scope="module")
def loaded() -> Iterator[LocalEngine]:
    """Loading takes seconds: one engine for all that do not close it."""
    engine = LocalEngine(SETTINGS, cores=2, say=lambda text: None)
    yield engine
    engine.close()


class TestLocal(EngineConformance):
    refusal = EngineMisconfigured  # any model could be had: somebody only has to put its weights there

    @pytest.fixture
    def engine(self, loaded: LocalEngine, request: pytest.FixtureRequest) -> LocalEngine:
        if any(word in request.node.name for word in ("closed", "unknown", "error")):
            return LocalEngine(SETTINGS, cores=2, say=lambda text: None)
        return loaded


def test_a_drawn_subject_stands_out_from_its_background() -> None:
    engine = LocalEngine(SETTINGS, cores=1, say=lambda text: None)
    alpha = engine.cut(uuid.uuid4(), drawn_photo(240, 320), Recipe(STARTER_MODEL)).alpha
    engine.close()

    assert alpha[100:140, 140:180].mean() > 0.5
    assert np.concatenate([alpha[:10].ravel(), alpha[-10:].ravel()]).mean() < 0.1
