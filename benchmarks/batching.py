"""Measures whether several photos in one run of a network pay: on the processor, and with a double of a graphics card.

    python benchmarks/batching.py [--quick] [--photos 96]

On the processor: time and processor time for a picture in runs of 1, 2, 4 and 8, for a drawn network and for a copy of
u2netp whose first axis is made free, and how far the alphas are from those of runs of one. "trial" is what the engine
would choose here. The double is a card that runs one run at a time, which costs 20 ms and 2 ms for each picture; 16
threads ask it for the maps of photos, through the engine's own way (SharedRuns), with runs of one and of up to 8. No
card was at hand: its cost is a guess, and what is shown is that the engine makes use of it.

The last line is JSON: "u2netp_gain" and "drawn_gain" = processor time for a picture in runs of one over that in the
best other size; "card_gain" = photos per second of the double with runs of up to 8 over those with runs of one;
"largest_difference" of alphas from 0 to 1, at most 1/255 = 0.0039.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from daemon.engines.onnx.batch_trial import BatchTrial
from daemon.engines.onnx.kept_trials import KeptTrials
from daemon.engines.onnx.network_input import Network, network_input
from daemon.engines.onnx.network_output import alpha_of_map
from daemon.engines.onnx.onnx_session import OnnxSession
from daemon.engines.onnx.onnx_table import OnnxModel, shipped_onnx_models
from daemon.engines.onnx.shared_runs import SharedRuns
from daemon.engines.onnx.weights_folder import weights_file
from daemon.settings import load
from tests.engines.conformance import drawn_photo
from tests.engines.drawn_network import SUBJECT_IS_RED, drawn_network

SIZES = (1, 2, 4, 8)
ASKING = 16
RUN_SECONDS, PICTURE_SECONDS = 0.02, 0.002  # of the double
VARINT, BYTES = 0, 2  # wire types of a protobuf
GRAPH, INPUT, OUTPUT, TYPE, TENSOR, SHAPE, DIMENSION = 7, 11, 12, 2, 1, 2, 1  # fields of onnx.proto
FREE = b"\x12\x01N"  # a dimension with the name N in place of a number


def with_free_axis(network: bytes) -> bytes:
    """The same ONNX file, whose inputs and outputs may have any number of pictures."""
    return _changed(network, (GRAPH,), _graph_freed)


def _graph_freed(graph: bytes) -> bytes:
    for end in (INPUT, OUTPUT):
        graph = _changed(graph, (end, TYPE, TENSOR, SHAPE), _first_dimension_freed)
    return graph


def _first_dimension_freed(shape: bytes) -> bytes:
    dimensions = [FREE if number == 0 else content for number, (_, _, content) in enumerate(_fields(shape))]
    return b"".join(_field(DIMENSION, BYTES, content) for content in dimensions)


def _changed(message: bytes, path: Sequence[int], change: Callable[[bytes], bytes]) -> bytes:
    """The message, with `change` made to each message that lies at this path of fields."""
    if not path:
        return change(message)
    return b"".join(
        _field(field, wire, _changed(content, path[1:], change) if field == path[0] else content)
        for field, wire, content in _fields(message)
    )


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each field of a message: its number, its wire type, and its content as it stands there."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        begin = at
        if key & 7 == VARINT:
            _, at = _number(message, at)
        elif key & 7 == BYTES:
            length, begin = _number(message, at)
            at = begin + length
        else:
            at += 8 if key & 7 == 1 else 4
        yield key >> 3, key & 7, message[begin:at]


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 0x80:
            return value, at


def _field(field: int, wire: int, content: bytes) -> bytes:
    length = _varint(len(content)) if wire == BYTES else b""
    return _varint(field << 3 | wire) + length + content


def _varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


@dataclass(frozen=True)
class Measured:
    """A network in runs of so many pictures: milliseconds and processor milliseconds for a picture."""

    network: str
    size: int
    ms: float
    cpu_ms: float
    difference: float


def measured(name: str, session: OnnxSession, model: OnnxModel, rounds: int) -> Iterator[Measured]:
    """Runs of each size, in turn, so that what else this machine does hits all of them."""
    pictures = np.concatenate([network_input(drawn_photo(480, 640, 8 * shift), model) for shift in range(SIZES[-1])])
    alone = [session.maps(picture[np.newaxis])[0] for picture in pictures]
    taken: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    apart = dict.fromkeys(SIZES, 0.0)
    for turn in range(rounds + 1):
        for size in SIZES:
            began, cpu_began = time.perf_counter(), time.process_time()
            found = session.maps(pictures[:size])
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
            if turn:  # the first one also takes memory
                taken[size].append((seconds / size, cpu_seconds / size))
            for one, other in zip(alone[:size], found, strict=True):
                both = (alpha_of_map(each, model, *each.shape) for each in (one, other))
                apart[size] = max(apart[size], float(np.abs(np.subtract(*both)).max()))
    for size in SIZES:
        wall, cpu = (1000 * statistics.median(each) for each in zip(*taken[size], strict=True))
        yield Measured(name, size, wall, cpu, apart[size])


class Card:
    """A card that runs one run at a time."""

    provider = "CUDAExecutionProvider"

    def __init__(self) -> None:
        self._running = threading.Lock()

    def maps(self, pictures: Network) -> tuple[Network, bool]:
        with self._running:
            time.sleep(RUN_SECONDS + PICTURE_SECONDS * len(pictures))
            return pictures[:, 0], False


def photos_per_second(most: int, photos: int) -> tuple[float, float]:
    """What the double does with runs of up to `most`, and how many pictures a run had in the mean."""
    runs = SharedRuns("drawn", Card(), most, lambda _: 1)
    picture = np.zeros((1, 3, 64, 64), np.float32)
    began = time.perf_counter()
    with ThreadPoolExecutor(ASKING) as pool:
        list(pool.map(lambda _: runs.map_of(picture), range(photos)))
    return photos / (time.perf_counter() - began), photos / runs.sizes.total()


def gain(rows: Sequence[Measured], network: str) -> float:
    """Processor time for a picture in runs of one, over that in the best other size."""
    times = {row.size: row.cpu_ms for row in rows if row.network == network}
    return times[1] / min(ms for size, ms in times.items() if size > 1)


def main() -> None:
    """Measure, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it works, and no more")
    parser.add_argument("--photos", type=int, default=96, help="for the double of a card")
    chosen = parser.parse_args()
    model = shipped_onnx_models()["u2netp"]
    present = weights_file(load().engine.local.weights_path, "u2netp")
    if present is None:
        raise SystemExit("The weights of u2netp are missing. Fetch them with: freisteller models fetch u2netp")
    networks = {
        "u2netp": with_free_axis(present.read_bytes()),
        "drawn": drawn_network([SUBJECT_IS_RED] * 16, size=(320, 320)),
    }
    rows: list[Measured] = []
    print(f"{'network':<10}{'photos a run':>14}{'ms/photo':>10}{'CPU ms/photo':>14}{'difference':>12}")
    for name, content in networks.items():
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / f"{name}.onnx"
            weights.write_bytes(content)
            session = OnnxSession(weights, model, 1)
            for row in measured(name, session, model, 1 if chosen.quick else 7):
                rows.append(row)
                print(f"{name:<10}{row.size:>14}{row.ms:>10.1f}{row.cpu_ms:>14.1f}{row.difference:>12.5f}")
            trial = BatchTrial(KeptTrials(Path(folder)), 2).most(weights, model, session, 1, "auto")
            print(f"{name:<10}{'trial: ' + str(trial):>14}")
    by_most = {most: photos_per_second(most, 16 if chosen.quick else chosen.photos) for most in (1, 8)}
    for most, (rate, mean) in by_most.items():
        print(f"card double, runs of up to {most}: {rate:.1f} photos/s, {mean:.1f} photos a run")
    result = {
        "u2netp_gain": round(gain(rows, "u2netp"), 2),
        "drawn_gain": round(gain(rows, "drawn"), 2),
        "card_gain": round(by_most[8][0] / by_most[1][0], 2),
        "largest_difference": round(max(row.difference for row in rows), 5),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
