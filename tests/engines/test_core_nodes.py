"""ComfyUI's own nodes for backgrounds: a chain of a loader, a worker and a converter."""

import uuid
from collections.abc import Iterator

import pytest

from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError, RecipeRefused
from daemon.jobs import Recipe
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG

CORE, FILE = Recipe("BiRefNet-core"), "birefnet.safetensors"
LADDER = (CORE.model, RMBG.model)


@pytest.fixture
def newer() -> Iterator[Double]:
    with Double(version="0.33.0") as running:
        running.background_models = [FILE]
        yield running


def models_of(double: Double) -> list[tuple[str, bool]]:
    return [(inference.model, inference.loaded) for inference in double.inferences]


def test_cores_nodes_cut_out_like_the_others(newer: Double, open_engine: OpenEngine) -> None:
    alpha = open_engine(newer).cut(uuid.uuid4(), drawn_photo(90, 130), CORE).alpha

    assert alpha.shape == (90, 130)
    assert (alpha.min(), alpha.max()) == (0.0, 1.0)


def test_the_loader_stays_parked_with_what_it_has_loaded(newer: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(newer, ladder=LADDER)

    for shift, recipe in enumerate((CORE, RMBG, CORE, RMBG)):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift), recipe)

    loads = [model for model, loaded in models_of(newer) if loaded]
    assert loads == [FILE, RMBG.model]


def test_a_resolution_is_sent_only_where_the_server_declares_it(newer: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(newer)
    engine.cut(uuid.uuid4(), drawn_photo(), CORE)
    with pytest.raises(RecipeRefused, match="has no resolution"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe(CORE.model, 2048))

    optional = {"resolution": ["INT", {"default": 1024, "min": 256, "max": 4096, "step": 32}]}
    newer.object_info["RemoveBackground"]["input"]["optional"] = optional
    later = open_engine(newer, owner="later")
    ticket = uuid.uuid4()
    later.cut(ticket, drawn_photo(), Recipe(CORE.model, 2048))

    sent = newer.worker.history[str(ticket)]["prompt"][2]
    assert sent[f"{CORE.model}/cut"]["inputs"]["resolution"] == 2048


def test_a_model_whose_file_is_not_there_is_named(newer: Double, open_engine: OpenEngine) -> None:
    newer.background_models = []

    with pytest.raises(EngineMisconfigured, match=r"nothing to choose from\. Put the model's file there"):
        open_engine(newer).cut(uuid.uuid4(), drawn_photo(), CORE)
    assert newer.asked("POST", "/prompt") == 0


def test_an_older_server_lacks_the_nodes_and_does_the_rest(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, ladder=LADDER)

    with pytest.raises(EngineMisconfigured, match=r"no node LoadBackgroundRemovalModel.*ComfyUI 0\.21"):
        engine.cut(uuid.uuid4(), drawn_photo(), CORE)
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_test_picture_goes_before_the_first_photo_only(newer: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(newer)

    for shift in range(2):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift), CORE)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert [model for model, _ in models_of(newer)] == [FILE, FILE, FILE, RMBG.model]


def test_a_spoilt_model_takes_a_server_down_once_and_no_photo_is_to_blame(
    newer: Double, other: Double, open_engine: OpenEngine
) -> None:
    newer.set_faults({"spoilt_models": [FILE]})
    engine = open_engine(newer, probe_seconds=0.2)
    ticket = uuid.uuid4()

    with pytest.raises((EngineMisconfigured, EngineAway)):
        engine.cut(ticket, drawn_photo(), CORE)
    assert newer.down
    newer.revive()
    assert works_again(engine.cut, newer)
    with pytest.raises(EngineMisconfigured, match="went away when a test picture went through BiRefNet-core"):
        engine.cut(ticket, drawn_photo(), CORE)

    assert [model for model, _ in models_of(newer)].count(FILE) == 1
    (health,) = engine.health()
    assert health.set_aside == (CORE.model,)


def test_a_restart_during_a_test_picture_of_a_model_that_works_sets_nothing_aside(
    newer: Double, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers are restarted by people, too, and a canary that comes every few minutes meets some of that."""
    monkeypatch.setattr("daemon.engines.comfyui.canary.LOOK_SECONDS", 0.05)
    engine = open_engine(newer, ladder=(RMBG.model,), canary_minutes=0.002, probe_seconds=0.2)
    assert newer.wait_until(lambda: bool(engine.health()[0].canaries))
    newer.set_faults({"hold": True})
    before = len(newer.inferences)
    assert newer.wait_until(lambda: len(newer.inferences) > before)
    newer.die()
    newer.set_faults({"hold": False})
    newer.revive()

    assert works_again(engine.cut, newer)


def works_again(cut: object, double: Double) -> bool:
    """Wait until a photo is cut out with another model."""
    assert callable(cut)

    def done() -> bool:
        try:
            return bool(cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.size)
        except FreistellerError:
            return False

    asked = double.asked("GET", "/system_stats")
    assert double.wait_until(lambda: double.asked("GET", "/system_stats") > asked + 1)
    return done()
