"""`engine.commercial_use`: models with a non-commercial licence are never used, and the log says so."""

import logging
import uuid

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.engines.comfyui.model_table import load_models
from daemon.errors import BadSettings, RecipeRefused
from daemon.jobs import Recipe
from daemon.judgement.ladder import strategy_for
from daemon.judgement.strategy import Strategy
from daemon.service.choose_engine import build_engine
from daemon.settings import ComfyUISettings, ServerSettings, Settings, load
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo

SERVERS = [{"url": "http://127.0.0.1:9"}]


def settings_with(commercial_use: bool, *ladder: str) -> Settings:
    rungs = {"strategy": {"ladder": [{"model": model} for model in ladder]}} if ladder else {}
    return load(flags={"comfyui": {"servers": SERVERS}, "engine": {"commercial_use": commercial_use}, **rungs})


def strategy_in_use(settings: Settings) -> Strategy:
    engine = build_engine(settings, lambda _: None)
    try:
        return strategy_for(settings, engine.models)
    finally:
        engine.close()


def test_commercial_use_leaves_only_models_whose_licence_allows_it() -> None:
    engine = build_engine(settings_with(True), lambda _: None)

    assert engine.models[:4] == ("INSPYRENET", "BEN", "BEN2", "BiRefNet-HR")
    assert all(load_models().models[name].commercial_use for name in engine.models)


def test_without_commercial_use_every_model_is_on_offer_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "freisteller")

    engine = build_engine(settings_with(False), lambda _: None)

    assert "RMBG-2.0" in engine.models
    assert not caplog.records


def test_the_models_left_out_are_named_with_their_licence_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "freisteller")

    build_engine(settings_with(True), lambda _: None)

    (record,) = caplog.records
    assert record.__dict__["action"] == "models_left_out"
    assert "RMBG-2.0 (CC BY-NC 4.0 (BRIA AI))" in record.getMessage()
    assert "BEN2" not in record.getMessage()


def test_a_ladder_of_nothing_but_forbidden_models_stops_the_start() -> None:
    with pytest.raises(BadSettings, match=r"strategy\.ladder names no model"):
        strategy_in_use(settings_with(True, "RMBG-2.0"))

    strategy_in_use(settings_with(False, "RMBG-2.0"))
    strategy_in_use(settings_with(True, "RMBG-2.0", "BEN2"))


def test_a_forbidden_model_that_an_older_attempt_names_is_refused_before_anybody_is_asked(double: Double) -> None:
    servers = ComfyUISettings(servers=(ServerSettings(url=double.url),))
    engine = ComfyUIEngine(servers, commercial_use=True)

    with pytest.raises(RecipeRefused, match=r"RMBG-2\.0"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("RMBG-2.0", 512))
    engine.close()

    assert not double.requests


def test_doctor_does_not_miss_a_model_that_is_never_asked(double: Double) -> None:
    double.set_faults({"missing_models": ["RMBG-2.0"]})
    servers = ComfyUISettings(servers=(ServerSettings(url=double.url),))

    strict = ComfyUIEngine(servers, commercial_use=True)
    free = ComfyUIEngine(servers)

    assert [health.up for health in (*strict.check(), *free.check())] == [True, False]
    strict.close()
    free.close()
