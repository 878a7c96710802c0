"""`freisteller models add`: a network of one's own is tried, described and taken in, or refused with a reason."""

import os
import pty
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.commands.model_questions import read_from
from daemon.commands.model_trial import NetworkTrial
from daemon.commands.models_add import MOST_ONNX_BYTES, Added, Person, Wanted, add_model
from daemon.engines.onnx import fetch_weights
from daemon.engines.onnx.kept_speeds import read_speeds
from daemon.engines.onnx.onnx_session import NetworkGraph as Graph
from daemon.engines.onnx.onnx_session import Tensor
from daemon.engines.onnx.onnx_table import load_onnx_table
from daemon.errors import BadPhoto, BadSettings, EngineMisconfigured, NoRoom
from daemon.settings import load
from tests.drawing import save_photo
from tests.engines import drawn_network as drawn
from tests.engines.drawn_network import Channel, drawn_network
from tests.processes import environment

RED: Channel = (1.7, -1.7, 0.0, 0.0)
LOGITS: Channel = (40.0, -40.0, -40.0, -8.0)
NUMBERS = ("fit=stretch", "size=64", "divide=255", "mean=none", "activation=none", "range=as is")
TABLE = 'fit = "stretch"\nsize = [64, 64]\ndivide = 255\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nactivation = "none"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "weights"


def file_with(content: bytes, name: str = "shoes.onnx") -> Path:
    path = Path(name).absolute()
    path.write_bytes(content)
    return path


def nobody(agrees: Callable[[NetworkTrial], bool] = lambda trial: not trial.empty) -> Person:
    return Person(lambda _: None, None, agrees)


def add(folder: Path, file: Path, settings: Sequence[str] = NUMBERS, **more: object) -> Added | None:
    commercial_use, person = more.pop("commercial_use", False), more.pop("person", nobody())
    ours = load(flags={"engine": {"local": {"weights_dir": str(folder)}, "commercial_use": commercial_use}})
    assert isinstance(person, Person)
    return add_model(ours, Wanted(file, settings=settings, **more), person)  # type: ignore[arg-type]


def refusing(seen: list[NetworkTrial]) -> Person:
    """Somebody who looks at what came of it, and says no."""

    def look(trial: NetworkTrial) -> bool:
        seen.append(trial)
        return False

    return nobody(look)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_network_is_tried_shown_and_taken_in_with_its_table(folder: Path) -> None:
    added = add(folder, file_with(drawn_network([RED])))

    assert added is not None
    assert added.trial is not None
    assert added.trial.likeness is not None
    assert added.trial.likeness > 0.5
    assert names_in(folder) == {"shoes.onnx", "shoes.toml", ".speeds.json"}
    assert read_speeds(folder).keys() == {"shoes"}
    model = load_onnx_table(folder).models["shoes"]
    assert (model.size, model.input_type, model.range) == ((64, 64), "float32", "as is")
    shown = cv2.imread(str(added.sample))
    assert shown is not None
    assert shown.shape[1] == 3 * shown.shape[0]  # picture, alpha, cut-out
    assert added.trial.preview().count("\n") > 10


def test_size_and_type_are_read_from_the_graph(folder: Path) -> None:
    add(folder, file_with(drawn_network([RED], size=(96, 32), kind="float16")), [n for n in NUMBERS if "size" not in n])

    model = load_onnx_table(folder).models["shoes"]
    assert (model.size, model.input_type) == ((96, 32), "float16")


def test_a_table_beside_the_file_is_taken_with_it(folder: Path) -> None:
    Path("shoes.toml").write_text(f'good_for = "[red] Schuhe äöü"\n{TABLE}range = "as is"\n', "utf-8")

    assert add(folder, file_with(drawn_network([RED])), ())

    assert load_onnx_table(folder).models["shoes"].good_for == "[red] Schuhe äöü"


def test_options_go_before_the_table(folder: Path) -> None:
    Path("elsewhere.toml").write_text(f'{TABLE}range = "as is"\n', "utf-8")

    settings = ("range=min-max", "mean=[0.1, 0.2, 0.3]", "std=1, 1, 2", "licence=our own", 'commercial_use="yes"')
    add(folder, file_with(drawn_network([RED])), settings, table=Path("elsewhere.toml"), name="our-shoes")

    model = load_onnx_table(folder).models["our-shoes"]
    assert (model.range, model.mean, model.std) == ("min-max", (0.1, 0.2, 0.3), (1, 1, 2))
    assert (model.licence, model.commercial_use) == ("our own", "yes")


def test_a_word_stands_for_three_numbers_to_divide_by(folder: Path) -> None:
    settings = [each for each in NUMBERS if not each.startswith(("mean", "std"))]
    add(folder, file_with(drawn_network([RED])), [*settings, "mean=0 0 0", "std=imagenet"])

    assert load_onnx_table(folder).models["shoes"].std == (0.229, 0.224, 0.225)


def test_without_a_person_what_is_missing_is_named_and_nothing_is_taken(folder: Path) -> None:
    with pytest.raises(
        BadSettings, match=r"Nothing says fit, divide, mean, std, activation, range.*shoes\.toml.*--set"
    ):
        add(folder, file_with(drawn_network([RED], size=(64, 64))), ())

    assert names_in(folder) == set()


def test_a_person_is_asked_for_the_rest_until_it_is_right(folder: Path) -> None:
    answers = iter(["squeeze", "stretch", "255", "none", "sigmoid", "as is", "our own", "yes", "shoes"])
    asked: list[tuple[str, str]] = []
    told: list[str] = []

    def ask(question: str, likely: str) -> str:
        asked.append((question, likely))
        return next(answers)

    person = Person(told.append, ask, lambda _: True)
    add(folder, file_with(drawn_network([LOGITS], size=(64, 64))), (), person=person)

    model = load_onnx_table(folder).models["shoes"]
    assert (model.activation, model.licence, model.commercial_use) == ("sigmoid", "our own", "yes")
    assert "fit = 'squeeze'" in told[0]
    assert asked[0] == asked[1]
    assert next(likely for question, likely in asked if "logits" in question) == "sigmoid"  # seen in its map


def test_what_a_person_does_not_agree_with_is_not_taken(folder: Path) -> None:
    assert add(folder, file_with(drawn_network([RED])), person=nobody(lambda _: False)) is None

    assert names_in(folder) == set()
    assert Path("shoes-sample.png").is_file()


def test_a_network_that_cuts_out_nothing_is_noticed(folder: Path) -> None:
    seen: list[NetworkTrial] = []
    add(folder, file_with(drawn_network([(0.0, 0.0, 0.0, 0.3)])), person=refusing(seen))

    assert seen[0].empty


def test_logits_without_activation_are_noticed(folder: Path) -> None:
    seen: list[NetworkTrial] = []
    for activation in ("none", "sigmoid"):
        settings = (*NUMBERS, f"activation={activation}")
        add(folder, file_with(drawn_network([LOGITS])), settings, person=refusing(seen))

    assert [trial.wants_sigmoid for trial in seen] == [True, False]


def test_a_network_is_tried_on_ones_own_photo(folder: Path) -> None:
    save_photo(Path("photo.png"))

    added = add(folder, file_with(drawn_network([(0.0, 0.0, -1.0, 1.0)])), photo=Path("photo.png"))

    assert added is not None
    assert added.values()["likeness"] is None
    with pytest.raises(BadPhoto, match=r"nowhere\.png"):
        add(folder, file_with(drawn_network([RED])), name="b", photo=Path("nowhere.png"))


def test_a_licence_that_forbids_commerce_keeps_a_network_out(folder: Path) -> None:
    with pytest.raises(BadSettings, match=r"engine\.commercial_use is true.*shoes"):
        add(folder, file_with(drawn_network([RED])), commercial_use=True)

    assert add(folder, file_with(drawn_network([RED])), (*NUMBERS, "commercial_use=yes"), commercial_use=True)


@pytest.mark.parametrize("name", ["a/b", "../b", ".b", "", "local", "a" * 65, "a b", "größe", "-b", "b\n"])
def test_a_name_that_is_no_file_name_is_refused(folder: Path, name: str) -> None:
    file = file_with(drawn_network([RED]), "ä b.onnx")

    with pytest.raises(BadSettings, match="cannot be called"):
        add(folder, file, name=name)
    assert names_in(folder) == set()


def test_what_is_there_already_is_not_replaced(folder: Path) -> None:
    add(folder, file_with(drawn_network([RED])))
    before = (folder / "shoes.onnx").read_bytes()

    with pytest.raises(BadSettings, match=r"is there already.*freisteller models remove shoes"):
        add(folder, file_with(drawn_network([LOGITS])))
    assert (folder / "shoes.onnx").read_bytes() == before


def test_a_file_that_lies_in_the_weights_folder_already_is_described_where_it_is(folder: Path) -> None:
    folder.mkdir()
    file = folder / "shoes.onnx"
    file.write_bytes(drawn_network([RED]))
    trouble = load_onnx_table(folder).troubles["shoes"]

    added = add(folder, file)

    assert trouble.endswith(f"freisteller models add {file}")
    assert added is not None
    assert names_in(folder) == {"shoes.onnx", "shoes.toml", ".speeds.json"}
    assert load_onnx_table(folder).troubles == {}


def test_a_table_that_somebody_wrote_into_the_weights_folder_is_not_replaced(folder: Path) -> None:
    folder.mkdir()
    (folder / "shoes.toml").write_text(f'{TABLE}range = "as is"\ngood_for = "boots"\n')

    with pytest.raises(BadSettings, match=r"shoes\.toml is there already"):
        add(folder, file_with(drawn_network([RED])))
    assert add(folder, file_with(drawn_network([RED])), (), table=folder / "shoes.toml")
    assert load_onnx_table(folder).models["shoes"].good_for == "boots"


def test_a_shipped_models_own_file_is_known_by_its_sum_and_another_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadSettings, match=r"not the u2net that.*freisteller models fetch u2net.*--name"):
        add(folder, file_with(drawn_network([RED]), "u2net.onnx"), ())
    with pytest.raises(BadSettings, match=r"describes u2net itself.*--name"):
        add(folder, file_with(drawn_network([RED]), "u2net.onnx"))
    monkeypatch.setattr("daemon.commands.models_add.right_weights", lambda path, model: "sum")

    assert add(folder, file_with(drawn_network([RED]), "u2net.onnx"), ())

    assert names_in(folder) == {"u2net.onnx"}


@pytest.mark.parametrize(
    "content", [b"", b"no ONNX at all", bytes(1000), b"\x08\x08" + bytes([255]) * 300, drawn_network([RED])[:100]]
)
def test_a_file_that_is_no_onnx_is_refused_by_its_name(folder: Path, content: bytes) -> None:
    with pytest.raises(EngineMisconfigured, match=r"shoes\.onnx"):
        add(folder, file_with(content))

    assert names_in(folder) == set()


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: os.mkfifo(p), lambda p: p.symlink_to("nowhere")])
def test_what_is_no_file_is_refused(folder: Path, make: Callable[[Path], None]) -> None:
    make(Path("shoes.onnx"))

    with pytest.raises(BadSettings, match=r"shoes\.onnx is (no file|a link that leads nowhere)"):
        add(folder, Path("shoes.onnx"))


def test_a_file_larger_than_onnx_allows_is_refused_before_it_is_copied(folder: Path) -> None:
    with Path("shoes.onnx").open("wb") as file:
        file.truncate(MOST_ONNX_BYTES + 1)  # takes no room

    with pytest.raises(EngineMisconfigured, match="at most 2147483647"):
        add(folder, Path("shoes.onnx"))


def test_a_disk_without_room_is_noticed_before_the_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_weights, "ROOM_TO_SPARE_BYTES", 1 << 60)

    with pytest.raises(NoRoom, match=r"shoes\.onnx needs.*MB free"):
        add(folder, file_with(drawn_network([RED])))


PICTURE = Tensor("picture", "float32", (None, 3, None, None))
MAP = Tensor("map", "float32", (1, 1, 64, 64))


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (Graph((), (MAP,)), "wants 0 inputs"),
        (
            Graph((PICTURE, Tensor("depth", "float32", (1, 1, 64, 64))), (MAP,)),
            "wants 2 inputs .*depth: float32 1 x",
        ),
        (
            Graph((Tensor("clip", "float32", (1, 3, None, 64, 64)),), (MAP,)),
            r"clip: float32 1 x 3 x \? x 64 x 64",
        ),
        (Graph((Tensor("grey", "float32", (1, 1, 64, 64)),), (MAP,)), "grey: float32 1 x 1"),
        (Graph((Tensor("four", "float32", (4, 3, 64, 64)),), (MAP,)), "four: float32 4 x 3"),
        (Graph((Tensor("late", "float32", (1, 64, 64, 3)),), (MAP,)), "late: float32 1 x 64 x 64 x 3"),
        (Graph((Tensor("bytes", "uint8", (1, 3, 64, 64)),), (MAP,)), "bytes: uint8"),
        (
            Graph((PICTURE,), (Tensor("class", "int64", (1, 1000)),)),
            "no map of the picture, only class: int64",
        ),
    ],
)
def test_a_graph_that_takes_no_picture_or_gives_no_map_is_refused_with_its_shapes(graph: Graph, why: str) -> None:
    with pytest.raises(EngineMisconfigured, match=why):
        read_from(graph, "shoes.onnx")


def test_the_first_output_that_may_be_a_map_is_taken() -> None:
    vague = Tensor("vague", "float32", ())  # ONNX Runtime says nothing of its shape

    assert read_from(Graph((PICTURE,), (Tensor("class", "float32", (1, 9)), MAP)), "a")["output"] == 1
    assert read_from(Graph((PICTURE,), (vague, MAP)), "a")["output"] == 0


def test_a_network_for_batches_of_four_is_refused(folder: Path) -> None:
    with pytest.raises(EngineMisconfigured, match="1 x 3 x height x width"):
        add(folder, file_with(drawn_network([RED], batch=4)))


def test_numbers_in_other_files_are_refused_with_the_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(name: str, values: "np.ndarray[Any, Any]", kind: str) -> bytes:
        place = drawn._bytes(13, drawn._text(1, "location") + drawn._text(2, "shoes.data"))
        whole = drawn._numbers(1, values.shape) + drawn._number(2, drawn.KINDS[kind]) + drawn._text(8, name)
        return whole + place + drawn._number(14, 1)

    monkeypatch.setattr(drawn, "_tensor", elsewhere)
    Path("shoes.data").write_bytes(bytes(100))
    with pytest.raises(EngineMisconfigured, match=r"shoes\.onnx keeps its numbers in other files.*Save it as one file"):
        add(folder, file_with(drawn_network([RED])))

    assert names_in(folder) == set()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("size=0", "entry 1 of size = 0"),
        ("size=big", "size = 'big'"),
        ("mean=1 2", "mean"),
        ("std=0,1,1", "entry 1 of std = 0"),
        ("std=small", r"std = '\[small\]': must be a list"),
        ("fit=squeeze", "fit = 'squeeze'"),
        ("ftt=stretch", "Unknown setting ftt.*fit"),
        ("output=first", "output = 'first'"),
        ("output=3", "has 1 output, and output is 3"),
        ("fit", "must be .key=value."),
        ("input_type=float16", "wants float32"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(folder: Path, settings: str, why: str) -> None:
    with pytest.raises((BadSettings, EngineMisconfigured), match=why):
        add(folder, file_with(drawn_network([RED])), (*NUMBERS, settings))

    assert names_in(folder) == set()


@pytest.mark.parametrize("text", ["size = 'big'\n", "fit = [\n", "x = 1\n", "\x00"])
def test_a_table_beside_the_file_that_is_wrong_is_named(folder: Path, text: str) -> None:
    Path("shoes.toml").write_text(text)

    with pytest.raises(BadSettings, match=r"shoes|setting x"):
        add(folder, file_with(drawn_network([RED])), ())

    assert names_in(folder) == set()


def test_a_terminal_asks_and_shows_the_alpha(folder: Path, tmp_path: Path) -> None:
    file_with(drawn_network([RED], size=(64, 64)))
    child, terminal = pty.fork()
    if child == 0:
        weights = {"FREISTELLER__ENGINE__LOCAL__WEIGHTS_DIR": str(folder)}
        command = [sys.executable, "-m", "daemon", "models", "add", "shoes.onnx"]
        os.execve(sys.executable, command, environment(tmp_path, **weights))
    shown = b""
    answers = {"shape?": "", "rembg does?": "", "Mean:": "none", "logits": "", "as is": "", "Licence": "our own"}
    for question, answer in (answers | {"commercial use": "yes", "good for": "shoes", "Add it?": "y"}).items():
        while question.encode() not in shown.rpartition(b"\n")[2] or b"]:" not in shown.rpartition(b"\n")[2]:
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{answer}\n".encode())
        shown += b"\n"
    _, ended = os.waitpid(child, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(ended) == 0
    assert "█" in shown.decode(errors="replace")
    assert load_onnx_table(folder).models["shoes"].good_for == "shoes"
