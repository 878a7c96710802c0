"""We leave nothing behind on a server, and overwrite nobody's pictures."""

import uuid

import numpy as np
import pytest

from daemon.engines.comfyui.upload_names import UploadNames
from daemon.jobs import Recipe
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut
from tests.observe.prometheus import eventually


def uploads(double: Double) -> list[str]:
    files = sorted("/".join(part for part in place if part) for place in double.files)
    return [name for name in files if "ComfyUI_temp" not in name]


def test_uploads_reuse_a_few_names_in_temp_and_leave_nothing_in_input(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, owner="studio-1")

    for shift in range(6):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG)

    assert uploads(double) == ["temp/freisteller-studio-1-01.jpg"]


def test_nothing_is_left_but_what_a_restart_wipes(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    for model in ("RMBG-2.0", "BEN2", "BiRefNet-HR"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe(model))

    assert {(kind, folder) for kind, folder, _ in double.files} == {("temp", "")}


def test_own_history_entries_are_deleted_and_nobody_elses(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.worker.history["somebody-elses"] = {}
    for shift in range(3):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG)

    engine.close()

    assert list(double.worker.history) == ["somebody-elses"]


def test_history_entries_are_deleted_while_it_runs(
    double: Double, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.engines.comfyui.server.KEPT_SECONDS", 0.0)
    engine = open_engine(double, probe_seconds=0.2)

    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert double.wait_until(lambda: not double.worker.history)


def test_the_whole_history_is_never_asked_for(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    engine.check()
    engine.close()

    assert not [each for each in double.requests if each.method == "GET" and each.path in ("/history", "/history/")]


def test_two_daemons_on_one_server_never_share_a_name(double: Double, open_engine: OpenEngine) -> None:
    engines = [open_engine(double, owner="one"), open_engine(double, owner="two")]
    double.faults.hold = True

    cuts = [BackgroundCut(engine, shift=shift) for shift, engine in enumerate(engines * 2)]
    assert double.wait_until(lambda: double.worker.remaining() == 4)
    names = uploads(double)
    double.set_faults({"hold": False})

    assert names == [f"temp/freisteller-{owner}-0{number}.jpg" for owner in ("one", "two") for number in (1, 2)]
    assert all(cut.join().answer for cut in cuts)


def test_an_engine_without_an_owner_makes_one_up(double: Double, open_engine: OpenEngine) -> None:
    for _ in range(2):
        open_engine(double, owner="").cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert len(uploads(double)) == 2


def test_a_name_that_a_queued_prompt_still_needs_is_not_overwritten(double: Double, open_engine: OpenEngine) -> None:
    double.faults.hold = True
    before = open_engine(double)
    left = [BackgroundCut(before, shift=shift) for shift in (3, 6)]
    assert double.wait_until(lambda: double.worker.remaining() == 2)
    before.close()
    for cut in left:
        cut.join()

    engine = open_engine(double)
    fresh = BackgroundCut(engine, shift=9)
    assert double.wait_until(lambda: double.worker.remaining() == 3)
    double.set_faults({"hold": False})
    expected = fresh.join().answer
    adopted = engine.cut(left[1].ticket, drawn_photo(shift=6), RMBG)

    assert len(uploads(double)) == 3
    assert expected
    assert not np.array_equal(adopted.alpha, expected.alpha)
    assert len(double.inferences) == 3  # the earlier prompt was computed from its own picture, so its result counts


def test_a_prompt_answered_elsewhere_is_cleared_away_when_its_server_is_back(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, other, connect_seconds=0.4, probe_seconds=0.3)
    for server in (double, other):
        server.set_faults({"hold": True})
    cut = BackgroundCut(engine)
    assert eventually(lambda: bool(double.inferences or other.inferences))
    slow, quick = (double, other) if double.inferences else (other, double)
    quick.set_faults({"hold": False})

    slow.set_faults({"hang_paths": ["/history", "/queue", "/system_stats"]})
    assert cut.join().answer
    slow.set_faults({"hang_paths": [], "hold": False})

    assert slow.wait_until(lambda: slow.asked("POST", "/interrupt") > 0)
    assert slow.wait_until(lambda: not slow.worker.history and slow.worker.remaining() == 0)


def test_what_lies_on_a_server_is_counted(
    double: Double, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(double, probe_seconds=0.2)
    before = engine.health()[0]
    for shift in range(2):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG)
    after = engine.health()[0]

    monkeypatch.setattr("daemon.engines.comfyui.server.KEPT_SECONDS", 0.0)

    assert (before.uploads, before.history_entries) == (0, 0)
    assert (after.uploads, after.history_entries) == (len(uploads(double)), 2)
    assert double.wait_until(lambda: engine.health()[0].history_entries == 0)
    assert not double.worker.history


def test_a_prompt_that_outlives_its_interrupt_is_still_cleared_away(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    """A node finishes before it obeys an interrupt, so its history entry appears long after the interrupt."""
    engine = open_engine(double, other, connect_seconds=0.4, probe_seconds=0.2)
    double.faults.hold = other.faults.hold = True
    cut = BackgroundCut(engine)
    assert eventually(lambda: bool(double.inferences or other.inferences))
    slow, quick = (double, other) if double.inferences else (other, double)
    quick.set_faults({"hold": False})
    slow.set_faults({"hang_paths": ["/history", "/queue", "/system_stats"]})
    assert cut.join().answer

    slow.set_faults({"hang_paths": []})
    assert slow.wait_until(lambda: slow.asked("POST", "/interrupt") > 1)
    slow.set_faults({"hold": False})

    assert slow.wait_until(lambda: not slow.worker.history and slow.worker.remaining() == 0)


def test_a_lease_is_the_first_free_name_and_is_given_back() -> None:
    names = UploadNames("a")

    needed = {"freisteller-a-02.jpg [temp]", "freisteller-b-01.jpg [temp]", "freisteller-a-01.jpg"}
    with names.lease(needed) as first, names.lease(needed) as second:
        assert (first, second) == ("freisteller-a-01.jpg", "freisteller-a-03.jpg")
    with names.lease(()) as again:
        assert again == "freisteller-a-01.jpg"


def test_an_owner_with_odd_letters_gets_a_plain_name_of_its_own() -> None:
    names = []
    for owner in ("Büro 1", "Boro 1", "B ro 1", "../../etc", "plain-1"):
        with UploadNames(owner).lease(()) as name:
            names.append(name)

    assert all(name.isascii() and not {" ", "/"} & {*name} and ".." not in name for name in names)
    assert len(set(names)) == len(names)
    assert names[-1] == "freisteller-plain-1-01.jpg"


def test_a_server_that_is_away_is_not_waited_for_on_the_way_out(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, connect_seconds=0.3)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.set_faults({"hang_paths": ["/system_stats"]})
    assert double.wait_until(lambda: not engine.health()[0].up)

    engine.close()

    assert double.asked("POST", "/history") == 0
    double.set_faults({"hang_paths": []})
