"""A user's own families of nodes at a server, and alphas of each kind."""

import uuid

import numpy as np
import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.jobs import Recipe
from daemon.settings import ComfyUISettings, ModelTables, ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.test_graph import TABLE

RAW = TABLE.families["RMBG"].chain["cut"].model_dump()


@pytest.mark.parametrize(("kind", "output"), [("RGBA", 0), ("MASK", 1), ("MASK_IMAGE", 2)])
def test_each_kind_of_alpha_is_the_same_alpha(double: Double, kind: str, output: int) -> None:
    family = {"install": "My nodes", "chain": {"work": RAW}, "alpha": {"node": "work", "output": output, "kind": kind}}
    model = {"family": "mine", "value": "BEN2", "process_res": "width"}
    resolutions = {"lowest": 256, "highest": 2048, "step": 128, "usual": 1024}
    own = ModelTables.model_validate(
        {"families": {"mine": family}, "models": {"m": model | {"resolutions": resolutions}}}
    )
    engine = ComfyUIEngine(
        ComfyUISettings(servers=(ServerSettings(url=double.url),), poll_seconds=0.4), ladder=["m"], own_models=own
    )
    engine.start()

    ours = engine.cut(uuid.uuid4(), drawn_photo(), Recipe("m")).alpha
    shipped = engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2")).alpha
    engine.close()

    assert np.array_equal(ours, shipped)
    assert ours.max() > 0.9
    assert ours.min() < 0.1
