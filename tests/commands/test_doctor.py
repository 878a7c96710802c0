"""`freisteller doctor` and the engine: names in the ladder, weights, a server's flags, models on a drawn picture."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.commands.doctor_engine import engine_checks, weights_checks, witness_checks
from daemon.commands.findings import Check
from daemon.settings import load
from tests.engines.comfyui_double import Double
from tests.work.test_witness_desk import settings_with

STUDIO = {"family": "core", "value": "studio.safetensors", "weights": "studio.safetensors", "commercial_use": True}


@pytest.fixture
def server() -> Iterator[Double]:
    with Double(version="0.33.0") as running:
        yield running


def checks(server: Double, *ladder: str, tried: bool = False, own: Mapping[str, Any] | None = None) -> list[Check]:
    rungs = [{"model": name} for name in ladder or ("RMBG-2.0", "BEN2")]
    servers = {"servers": [{"url": server.url}]}
    settings = load(flags={"comfyui": servers, "strategy": {"ladder": rungs}, "models": own or {}})
    return list(engine_checks(settings, tried))


def said(found: list[Check], level: str) -> str:
    return " ".join(f"{check.what}: {check.detail} {check.remedy}" for check in found if check.level == level)


def test_a_ladder_that_fits_is_all_right(server: Double) -> None:
    found = checks(server)

    assert {check.level for check in found} == {"OK"}
    assert "no recipe names INSPYRENET, BEN, BiRefNet-HR" in said(found, "OK")


def test_a_witness_that_is_there_or_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    def told(witness: str, *has: str) -> tuple[str, str]:
        local = {"weights_dir": str(tmp_path)}
        settings = load(flags={"engine": {"local": local}, "judgement": {"witness": witness}})
        (check,) = witness_checks(settings, has)
        return check.level, f"{check.detail} {check.remedy}"

    missing = told("own", "RMBG-2.0")
    settings_with(tmp_path)

    assert missing[0] == "warn"
    assert "no model own" in missing[1]
    assert 'witness = "off"' in missing[1]
    assert told("own", "RMBG-2.0") == ("OK", "own stands beside the results of other models ")
    assert "agree with itself" in told("u2netp", "u2netp")[1]
    assert told("off", "RMBG-2.0")[0] == "OK"


def test_weights_that_no_table_describes_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "rings.onnx").write_bytes(b"x")
    (tmp_path / "watches.toml").write_text("fitt = 1")

    found = list(weights_checks(tmp_path))

    assert [check.what for check in found] == ["model watches", "model rings"]
    assert "Unknown setting fitt: did you mean fit?" in said(found, "warn")
    assert "freisteller models add" in said(found, "warn")


@pytest.mark.parametrize(
    ("typo", "meant"), [("RMBG2.0", "RMBG-2.0"), ("BiRefNet_HR", "BiRefNet-HR"), ("locale", "local")]
)
def test_a_name_that_is_not_known_is_an_error_with_the_one_that_is_meant(server: Double, typo: str, meant: str) -> None:
    found = checks(server, "BEN2", typo)

    assert f"no model is called {typo}, so its recipes are skipped: did you mean {meant}?" in said(found, "fail")


def test_a_model_that_no_recipe_names_need_not_be_there(server: Double) -> None:
    server.set_faults({"missing_models": ["BEN"], "missing_nodes": ["BiRefNetRMBG"]})

    assert not said(checks(server), "fail")
    assert "lacks node BiRefNetRMBG" in said(checks(server, "BiRefNet-HR"), "fail")


def test_weights_that_are_not_there_are_a_warning_that_names_the_file(server: Double) -> None:
    server.set_faults({"missing_weights": ["BEN2"]})

    warned = said(checks(server), "warn")

    assert "weights of BEN2 yet (rmbg/BEN2/BEN2_Base.pth)" in warned
    assert "fails if the server cannot reach the internet" in warned


def test_weights_that_the_server_cannot_download_are_an_error(server: Double) -> None:
    assert "lacks model BiRefNet-core of node LoadBackgroundRemovalModel" in said(
        checks(server, "BiRefNet-core"), "fail"
    )


def test_a_server_that_keeps_nothing_is_told_so(server: Double) -> None:
    server.flags.append("--cache-none")

    assert "--cache-none" in said(checks(server), "warn")


def test_own_models_outside_the_ladder_and_nodes_that_were_not_run_are_remarks(server: Double) -> None:
    found = checks(server, "BEN2", "InSPyReNet-Rembg", own={"studio": STUDIO})

    assert "no recipe names your model studio" in said(found, "warn")
    assert "InSPyReNet-Rembg needs ComfyUI-Inspyrenet-Rembg" in said(found, "warn")


def test_each_model_of_the_ladder_and_each_own_one_is_tried_on_a_drawn_picture(server: Double) -> None:
    server.background_models = ["studio.safetensors"]
    server.set_faults({"wrong_masks": ["BEN2"]})

    found = checks(server, tried=True, own={"studio": STUDIO})

    assert "model RMBG-2.0" in said(found, "OK")
    assert "model studio" in said(found, "OK")
    assert "model BEN2" in said(found, "fail")
    assert not server.worker.history


def test_what_the_built_in_engine_says_of_its_model_is_no_warning() -> None:
    assert {check.level for check in engine_checks(load(), False)} == {"OK"}


def test_a_graphics_card_that_is_missed_is_a_warning_with_its_name() -> None:
    settings = load(flags={"engine": {"local": {"providers": ["cuda"]}}})

    found = [check for check in engine_checks(settings, False) if check.what == "engine local"]

    assert "the processor stands in for CUDA" in said(found, "warn")
