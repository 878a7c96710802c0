"""What goes into networks and what is made of their maps: drawn networks, and numbers that were worked out by hand.

A drawn network weighs the three planes of its input. The photos have exactly the size that the network wants, and four
colours, so that nothing is resampled and each alpha has four values.
"""

import math
import uuid
from pathlib import Path

import numpy as np
import pytest

from daemon.arrays import Alpha, Rgb
from daemon.engines.onnx.network_input import network_input
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.engines.onnx.onnx_session import Tensor, read_graph
from daemon.engines.onnx.onnx_table import OnnxModel, shipped_onnx_models
from daemon.errors import EngineMisconfigured, RecipeRefused
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings
from tests.engines.drawn_network import Channel, drawn_network

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF, ONE, ZERO = (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
COLOURS = ((200, 40, 90), (12, 20, 30), (240, 230, 220), (128, 0, 180))
BRIGHTEST = 240
WEIGHTS: Channel = (0.7, -0.3, 0.2, 0.05)


def quarters(width: int, height: int) -> Rgb:
    """A photo of four colours: upper left, upper right, lower left, lower right."""
    photo = np.zeros((height, width, 3), np.uint8)
    for number, colour in enumerate(COLOURS):
        down, right = divmod(number, 2)
        photo[down * height // 2 : (down + 1) * height // 2, right * width // 2 : (right + 1) * width // 2] = colour
    return photo


def steps_of_quarters(alpha: Alpha) -> list[int]:
    """The four values of an alpha, in steps of 1/255. Fails if a quarter has more than one."""
    height, width = alpha.shape
    found = []
    for number in range(4):
        down, right = divmod(number, 2)
        part = alpha[down * height // 2 : (down + 1) * height // 2, right * width // 2 : (right + 1) * width // 2]
        assert part.min() == part.max()
        found.append(round(float(part[0, 0]) * 255))
    return found


def weighed(divide: int, mean: tuple[float, ...], std: tuple[float, ...], weights: Channel = WEIGHTS) -> list[float]:
    """What the drawn network puts out for each of the four colours."""
    *planes, added = weights
    return [
        sum(w * (c / divide - m) / s for w, c, m, s in zip(planes, colour, mean, std, strict=True)) + added
        for colour in COLOURS
    ]


def stretched(values: list[float]) -> list[int]:
    return [int((value - min(values)) / (max(values) - min(values)) * 255) for value in values]


def logistic(values: list[float]) -> list[float]:
    return [1 / (1 + math.exp(-value)) for value in values]


def as_they_are(values: list[float]) -> list[int]:
    return [round(min(max(value, 0.0), 1.0) * 255) for value in values]


U2NET = (320, stretched(weighed(BRIGHTEST, IMAGENET_MEAN, IMAGENET_STD)))
BIREFNET = (1024, stretched(logistic(weighed(BRIGHTEST, IMAGENET_MEAN, IMAGENET_STD))))
FORMS = {
    "u2net": U2NET,
    "u2net_human_seg": U2NET,
    "silueta": U2NET,
    "isnet-general-use": (1024, stretched(weighed(BRIGHTEST, HALF, ONE))),
    "isnet-anime": (1024, stretched(weighed(BRIGHTEST, IMAGENET_MEAN, ONE))),
    "birefnet-general": BIREFNET,
    "birefnet-general-lite": BIREFNET,
    "birefnet-general-fp16": BIREFNET,
    "birefnet-portrait": BIREFNET,
    "birefnet-dis": BIREFNET,
    "birefnet-hrsod": BIREFNET,
    "birefnet-cod": BIREFNET,
    "birefnet-massive": BIREFNET,
    "bria-rmbg": (1024, stretched(weighed(BRIGHTEST, IMAGENET_MEAN, IMAGENET_STD))),
    "withoutbg-openweights": (1024, as_they_are(weighed(255, ZERO, ONE))),
    "feynobg": (1024, as_they_are(logistic(weighed(255, IMAGENET_MEAN, IMAGENET_STD)))),
}
"""The side of each shipped model's input, and the values of its alpha, by the numbers of rembg and of the cards."""

OWN = {
    "fit": '"stretch"',
    "size": "[8, 8]",
    "divide": "255",
    "mean": "[0.0, 0.0, 0.0]",
    "std": "[1.0, 1.0, 1.0]",
    "activation": '"none"',
    "range": '"as is"',
}


def engine_with(folder: Path, network: bytes, name: str = "own", **table: str) -> OnnxEngine:
    """An engine whose only weights are this network, used as a table says: OWN, with these keys changed."""
    (folder / f"{name}.onnx").write_bytes(network)
    if name == "own":
        (folder / "own.toml").write_text("".join(f"{key} = {value}\n" for key, value in (OWN | table).items()))
    return OnnxEngine(LocalEngineSettings(model=name, weights_dir=str(folder)), 1, print)


def cut(engine: OnnxEngine, photo: Rgb) -> Alpha:
    return engine.cut(uuid.uuid4(), photo, Recipe(engine.models[0])).alpha


def own_model(**changes: object) -> OnnxModel:
    table = {"fit": "stretch", "size": (8, 8), "divide": 255, "mean": ZERO, "std": ONE, "activation": "none"}
    return OnnxModel.model_validate(table | {"range": "as is"} | changes)


def test_every_shipped_model_but_the_one_that_is_run_elsewhere_has_its_numbers_here() -> None:
    assert FORMS.keys() | {"u2netp"} == shipped_onnx_models().keys()
    different = {"good_for", "sources", "megabytes", "memory_mb", "run_here"}
    u2netp, u2net = (shipped_onnx_models()[name].model_dump(exclude=different) for name in ("u2netp", "u2net"))
    assert u2netp == u2net


@pytest.mark.parametrize("name", FORMS)
def test_a_shipped_model_sees_and_gives_what_its_table_says(tmp_path: Path, name: str) -> None:
    side, expected = FORMS[name]
    engine = engine_with(tmp_path, drawn_network([WEIGHTS], size=(side, side), batch=1), name)

    assert steps_of_quarters(cut(engine, quarters(side, side))) == expected


def test_planes_may_stand_the_other_way_round(tmp_path: Path) -> None:
    table = {"mean": "[0.1, 0.2, 0.3]", "std": "[0.5, 0.6, 0.7]", "channels": '"BGR"', "range": '"min-max"'}
    engine = engine_with(tmp_path, drawn_network([WEIGHTS]), **table)

    turned: Channel = (WEIGHTS[2], WEIGHTS[1], WEIGHTS[0], WEIGHTS[3])  # the network's first plane is blue
    expected = stretched(weighed(255, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), turned))
    assert steps_of_quarters(cut(engine, quarters(8, 8))) == expected


def test_the_map_may_be_another_output_and_channel(tmp_path: Path) -> None:
    blue: Channel = (0.0, 0.0, 1.0, 0.0)
    network = drawn_network([WEIGHTS], [WEIGHTS, WEIGHTS, blue])
    engine = engine_with(tmp_path, network, output="1", channel="2")

    assert steps_of_quarters(cut(engine, quarters(8, 8))) == [90, 30, 220, 180]


def test_a_network_of_half_precision_gets_and_gives_it(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(kind="float16", size=(8, 8)), input_type='"float16"')

    assert steps_of_quarters(cut(engine, quarters(8, 8))) == [200, 12, 240, 128]


def test_a_map_may_be_smaller_than_the_input(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(strides=(2, 2)), size="[16, 16]")
    photo = np.full((16, 16, 3), (51, 0, 0), np.uint8)

    alpha = cut(engine, photo)

    assert alpha.shape == (16, 16)
    assert np.all(alpha == np.float32(51) / np.float32(255))


def test_a_letterbox_is_black_below_and_what_lies_there_is_no_part_of_the_map(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(size=(8, 8)), fit='"letterbox"', range='"min-max"')
    photo = quarters(8, 4)  # red from 12 to 240; the black below would make 0 the least

    assert steps_of_quarters(cut(engine, photo)) == stretched([200, 12, 240, 128])
    seen = network_input(photo, own_model(fit="letterbox"))
    assert np.all(seen[0, :, 4:] == 0)
    assert np.array_equal(seen[0, :, :4], (photo / 255).astype(np.float32).transpose(2, 0, 1))


def test_a_smaller_map_of_a_letterbox_is_cut_in_its_own_pixels(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(strides=(2, 2)), fit='"letterbox"', size="[16, 16]")
    photo = np.full((8, 16, 3), (51, 0, 0), np.uint8)

    alpha = cut(engine, photo)

    assert np.all(alpha == np.float32(51) / np.float32(255))  # 4 of the map's 8 rows; the others are black


@pytest.mark.parametrize(
    ("height", "width", "filled"),
    [(50, 100, (32, 64)), (100, 50, (64, 32)), (1, 100, (1, 64)), (2, 2, (64, 64)), (64, 63, (64, 63))],
)
def test_a_letterbox_keeps_the_aspect_ratio(height: int, width: int, filled: tuple[int, int]) -> None:
    seen = network_input(np.full((height, width, 3), 255, np.uint8), own_model(fit="letterbox", size=(64, 64)))

    assert seen.shape == (1, 3, 64, 64)
    assert np.argwhere(seen[0, 0]).max(axis=0).tolist() == [filled[0] - 1, filled[1] - 1]


@pytest.mark.parametrize(
    ("height", "width", "sides"),
    [(30, 50, (32, 64)), (50, 30, (64, 32)), (10, 1000, (16, 64)), (64, 64, (64, 64)), (7, 7, (64, 64))],
)
def test_sides_that_keep_the_aspect_ratio_are_multiples(
    tmp_path: Path, height: int, width: int, sides: tuple[int, int]
) -> None:
    table = {"fit": '"keep"', "size": "[64, 64]", "multiple": "16"}
    engine = engine_with(tmp_path, drawn_network(), **table)
    photo = np.full((height, width, 3), (102, 0, 0), np.uint8)

    alpha = cut(engine, photo)

    assert network_input(photo, own_model(fit="keep", size=(64, 64), multiple=16)).shape == (1, 3, *sides)
    assert alpha.shape == (height, width)
    assert np.all(alpha == np.float32(102) / np.float32(255))


def test_a_dark_photo_is_seen_brighter_where_the_table_divides_by_its_maximum() -> None:
    photo = np.full((8, 8, 3), (60, 30, 0), np.uint8)

    dark, bright = (network_input(photo, own_model(divide=divide)) for divide in (255, "maximum"))

    assert dark[0, :, 0, 0].tolist() == [np.float32(60 / 255), np.float32(30 / 255), 0]
    assert bright[0, :, 0, 0].tolist() == [1, 0.5, 0]


def test_an_entirely_black_photo_is_seen_as_black() -> None:
    seen = network_input(np.zeros((8, 8, 3), np.uint8), own_model(divide="maximum"))

    assert np.all(seen == 0)


def test_a_constant_map_cannot_be_stretched_and_is_no_subject(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(), range='"min-max"')

    alpha = cut(engine, np.full((8, 8, 3), 200, np.uint8))

    assert np.all(alpha == 0)


def test_a_map_as_it_is_tells_that_there_is_nothing(tmp_path: Path) -> None:
    faint: Channel = (0.1, 0.0, 0.0, 0.0)
    engine = engine_with(tmp_path, drawn_network([faint]))

    assert steps_of_quarters(cut(engine, quarters(8, 8))) == [20, 1, 24, 13]


def test_a_sigmoid_bears_any_logit(tmp_path: Path) -> None:
    steep: Channel = (1e6, 0.0, 0.0, -5e5)
    engine = engine_with(tmp_path, drawn_network([steep]), activation='"sigmoid"')

    assert steps_of_quarters(cut(engine, quarters(8, 8))) == [255, 0, 255, 255]


@pytest.mark.parametrize("added", [math.nan, math.inf])
def test_a_map_of_no_numbers_is_refused_and_not_made_an_alpha(tmp_path: Path, added: float) -> None:
    engine = engine_with(tmp_path, drawn_network([(1.0, 0.0, 0.0, added)]))

    with pytest.raises(RecipeRefused, match="values that are no numbers"):
        cut(engine, quarters(8, 8))


@pytest.mark.parametrize(
    ("network", "table", "message"),
    [
        (drawn_network(size=(16, 8)), {}, r"the graph wants 16x8 pixels, and size is \(8, 8\)"),
        (drawn_network(kind="float16"), {}, "the graph wants float16, and input_type is float32"),
        (drawn_network(), {"output": "1"}, r"the graph has 1 output, and output is 1 \(the first one is 0\)"),
        (drawn_network(size=(8, 8)), {"fit": '"keep"', "size": "[64, 64]"}, "which is 8x8 only"),
    ],
)
def test_a_network_that_is_not_what_its_table_says_is_told_with_both(
    tmp_path: Path, network: bytes, table: dict[str, str], message: str
) -> None:
    engine = engine_with(tmp_path, network, **table)

    (health,) = engine.check()

    assert not health.up
    with pytest.raises(EngineMisconfigured, match=f"own.onnx do not fit their table: .*{message}"):
        cut(engine, quarters(8, 8))


def test_a_channel_that_the_output_has_not_is_told_with_the_outputs_shape(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(), channel="1")

    with pytest.raises(EngineMisconfigured, match=r"Output 0 of .*own\.onnx has the shape \(1, 1, 8, 8\)"):
        cut(engine, quarters(8, 8))


def test_an_output_of_another_shape_than_the_picture_is_no_map(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, drawn_network(strides=(1, 4)))

    with pytest.raises(EngineMisconfigured, match=r"has the shape \(1, 8, 2\), which is no map of the picture"):
        cut(engine, quarters(8, 8))


def test_what_a_graph_wants_and_gives_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(drawn_network([WEIGHTS, WEIGHTS], size=(320, 200), kind="float16", batch=1))

    graph = read_graph(tmp_path / "own.onnx")

    assert graph.inputs == (Tensor("picture", "float16", (1, 3, 200, 320)),)
    assert graph.outputs == (Tensor("map0", "float16", (1, 2, 200, 320)),)
