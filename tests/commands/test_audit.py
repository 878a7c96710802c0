"""`freisteller audit` finds what makes no difference, against servers that behave as recorded; the daemon skips it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.commands.audit import Audit, remember
from daemon.commands.audit_grid import GridAnswers, ask_grid
from daemon.errors import EngineFull, EngineMisconfigured, NoRoom, RecipeRefused
from daemon.jobs import Recipe
from daemon.journal import audit_results
from daemon.judgement import parameter_effects
from daemon.service.lifecycle import Daemon
from daemon.settings import AuditSettings, Settings, load
from tests.doubles import ScriptedEngine, by_colour
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.processes import freisteller
from tests.test_comfyui_end_to_end import servers

ALPHA = by_colour(drawn_photo(120, 90))
NEVER_GOOD = {"sehr_gut": 1.0, "gut": 0.999}
DEAD = {"BiRefNet-HR": ("process_res",)}


def settings_for(folder: Path, **more: object) -> Settings:
    return load(flags={"root": str(folder / "hot"), "state_dir": str(folder / "state"), "http": {"bind": ""}, **more})


def photos(folder: Path, count: int = 3) -> list[str]:
    names = [f"{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        save_photo(folder / name, drawn_photo(200, 150, number))
    return names


@pytest.mark.slow
def test_an_audit_of_a_server_says_what_is_dead_and_what_is_not(tmp_path: Path) -> None:
    names = photos(tmp_path)
    ladder = [{"model": "BiRefNet-HR", "process_res": 1024}, {"model": "BiRefNet-HR"}, {"model": "BEN2"}]
    with Double() as double:
        done = freisteller(
            "audit",
            *names,
            "--out",
            "found",
            "--json",
            folder=tmp_path,
            FREISTELLER__COMFYUI__SERVERS=servers(double),
            FREISTELLER__AUDIT__MODELS='["RMBG-2.0", "BiRefNet-HR"]',
            FREISTELLER__AUDIT__PROCESS_RES="[256, 1024]",
            FREISTELLER__STRATEGY__LADDER=json.dumps(ladder),
        )
        asked = [inference.model for inference in double.inferences]

    values = json.loads(done.stdout)
    states = {(effect["model"], effect["parameter"]): effect["state"] for effect in values["effects"]}
    assert done.returncode == 0, done.stderr
    assert states["BiRefNet-HR", "process_res"] == "not taken"
    assert states["RMBG-2.0", "process_res"] == "changes"
    assert states["RMBG-2.0", "mask_blur"] == "changes"
    assert values["dead"] == {"BiRefNet-HR": ["process_res"]}
    assert values["recipes_left_out"] == ["BiRefNet-HR"]
    # Two calls for a model that takes sizes, one for the other. Finishes need no call.
    assert asked == ["RMBG-2.0"] * 6 + ["BiRefNet-HR"] * 3  # one model after the other
    assert json.loads((tmp_path / "found" / "audit.json").read_text())["effects"] == values["effects"]
    assert (tmp_path / "found" / "audit.png").stat().st_size > 5000
    remembered = settings_for(tmp_path, comfyui={"servers": [{"url": "http://127.0.0.1:9"}]})
    assert audit_results.known_dead(tmp_path / "state", remembered) == DEAD


@pytest.mark.slow
def test_the_local_engine_makes_nothing_of_process_res(tmp_path: Path) -> None:
    done = freisteller("audit", *photos(tmp_path), "--forget-it", "--json", folder=tmp_path)

    values = json.loads(done.stdout)
    assert values["dead"] == {"u2netp": ["process_res"]}, values
    assert values["remembered"] is None
    assert not (tmp_path / "state").exists()


def test_without_an_answer_an_audit_says_so_and_remembers_nothing(tmp_path: Path) -> None:
    done = freisteller(
        "audit",
        *photos(tmp_path, 1),
        folder=tmp_path,
        FREISTELLER__COMFYUI__SERVERS='[{"url": "http://127.0.0.1:9"}]',
    )

    assert done.returncode == 2
    assert "no engine answers" in done.stderr
    assert not (tmp_path / "state" / "audit.json").exists()


def test_a_model_that_the_engine_does_not_have_is_an_error_with_its_name(tmp_path: Path) -> None:
    done = freisteller("audit", *photos(tmp_path, 1), folder=tmp_path, FREISTELLER__AUDIT__MODELS='["BEN3"]')

    assert done.returncode == 2
    assert "BEN3" in done.stderr


def test_the_daemon_leaves_out_what_an_audit_found_dead(tmp_path: Path) -> None:
    ladder = [{"model": "u2netp", "process_res": 512}, {"model": "u2netp", "process_res": 1024}]
    settings = settings_for(
        tmp_path,
        strategy={"ladder": ladder, "min_gain": 0.0},
        grading=NEVER_GOOD,
        intake={"quiet_seconds": 0},
    )
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    engine = ScriptedEngine()
    Daemon(settings, engine=engine).run(once=True)
    before = len(engine.calls)
    audit_results.record(tmp_path / "state", settings, {"u2netp": ("process_res",)}, ("u2netp",), 1.0)
    save_photo(tmp_path / "hot" / "inbox" / "b.png", seed=1)

    Daemon(settings, engine=engine).run(once=True)

    assert (before, len(engine.calls) - before) == (2, 1)


@pytest.mark.parametrize("other", [{"engine": {"proxy_pixels": 2048}}, {"engine": {"use": "local"}}])
def test_what_was_found_with_other_pixels_or_another_engine_does_not_count(
    other: dict[str, object], tmp_path: Path
) -> None:
    comfyui = {"servers": [{"url": "http://127.0.0.1:9"}]}
    audit_results.record(tmp_path, settings_for(tmp_path, comfyui=comfyui), DEAD, tuple(DEAD), 1.0)

    assert audit_results.known_dead(tmp_path, settings_for(tmp_path, comfyui=comfyui)) == DEAD
    assert audit_results.known_dead(tmp_path, settings_for(tmp_path, comfyui=comfyui, **other)) == {}


def test_an_audit_of_one_model_leaves_the_findings_about_others(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    audit_results.record(tmp_path, settings, {"A": ("process_res",), "B": ("process_res",)}, ("A", "B"), 1.0)
    audit_results.record(tmp_path, settings, {}, ("B",), 2.0)

    assert audit_results.known_dead(tmp_path, settings) == {"A": ("process_res",)}


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"engine": 1}'])
def test_findings_that_cannot_be_read_count_for_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_bytes(content)

    assert audit_results.known_dead(tmp_path, settings_for(tmp_path)) == {}


def test_findings_that_cannot_be_written_are_an_error_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")

    with pytest.raises(NoRoom, match="cannot be written"):
        audit_results.record(tmp_path / "state", settings_for(tmp_path), DEAD, (), 1.0)


def test_a_photo_that_cannot_be_read_ends_an_audit_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_text("Dear Sir or Madam")

    done = freisteller("audit", "letter.png", folder=tmp_path)

    assert done.returncode == 1
    assert "letter.png" in done.stderr
    assert "Traceback" not in done.stderr


def asked_of(trouble: Callable[[Recipe], None], photos: int = 3) -> GridAnswers:
    engine = ScriptedEngine(trouble)
    proxies = [drawn_photo(120, 90, seed) for seed in range(photos)]
    return ask_grid(AuditSettings(process_res=(512, 1024)), engine, proxies, None, lambda done, total: None)


def test_an_engine_without_memory_is_no_proof_that_a_parameter_is_dead() -> None:
    def full(recipe: Recipe) -> None:
        if recipe.process_res:
            raise EngineFull("no memory")

    found = asked_of(full)

    assert parameter_effects.dead_parameters(found.effects) == {}
    assert found.troubles == {"u2netp": "no memory"}


def test_a_parameter_that_is_refused_for_one_photo_only_is_not_dead() -> None:
    refusals = iter([True, True])

    def refuse(recipe: Recipe) -> None:
        if recipe.process_res and next(refusals, False):
            raise RecipeRefused("not now")

    assert all(effect.state != "not taken" for effect in asked_of(refuse).effects)


def test_a_model_that_is_missing_is_told_and_the_others_go_on() -> None:
    def missing(recipe: Recipe) -> None:
        raise EngineMisconfigured("no such file")

    found = asked_of(missing)

    assert (found.effects, found.calls, found.troubles) == ((), 0, {"u2netp": "no such file"})


def test_an_audit_that_could_not_settle_a_model_leaves_what_was_known_of_it(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    state = tmp_path / "state"
    audit_results.record(state, settings, {"u2netp": ("process_res",)}, ("u2netp",), 1.0)
    unsure = parameter_effects.effects(
        parameter_effects.compare("u2netp", "process_res", 0, dict.fromkeys((512, 1024), ALPHA)), (), 0.999
    )

    remember(settings, Audit("local", ("a.png",), unsure, {}, {}, 2))

    assert unsure[0].state == "unsure"
    assert audit_results.known_dead(state, settings) == {"u2netp": ("process_res",)}


def test_a_reload_takes_over_what_an_audit_found_meanwhile(tmp_path: Path) -> None:
    ladder = [{"model": "u2netp", "process_res": 512}, {"model": "u2netp", "process_res": 1024}]
    strategy = {"ladder": ladder, "min_gain": 0.0}
    settings = settings_for(tmp_path, strategy=strategy, grading=NEVER_GOOD, intake={"quiet_seconds": 0})
    engine = ScriptedEngine()
    daemon = Daemon(settings, engine=engine)
    try:
        audit_results.record(tmp_path / "state", settings, {"u2netp": ("process_res",)}, ("u2netp",), 1.0)
        daemon.reloading.now()
        daemon.recover()
        save_photo(tmp_path / "hot" / "inbox" / "a.png")
        daemon.parts.inbox_loop.turn(urgent=True)
        job = daemon.parts.journal.take(2e9)
        assert job is not None
        daemon.parts.task_runner.run(job)
    finally:
        daemon.close()

    assert len(engine.calls) == 1
