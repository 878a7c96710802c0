"""Real programs send photos to a real daemon process: the client of remove.bg, curl, and one whose daemon is killed."""

import http.client
import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.pictures.reading import open_photo
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import free_port
from tests.processes import DaemonProcess
from tests.test_killed import files_below, results
from tests.web.live_daemon import multipart

pytestmark = pytest.mark.slow

_CLIENT = """
import sys
import removebg
from removebg import RemoveBg
removebg.removebg.API_ENDPOINT = sys.argv[1]
client = RemoveBg("any key", "errors.log")
client.remove_background_from_img_file("shoe.jpg", bg_color="red")
import base64
photo = open("shoe.jpg", "rb").read()
client.remove_background_from_base64_img(base64.b64encode(photo).decode(), new_file_name="by-text.png")
"""


def running(folder: Path, double: Double, port: int, max_tries: int = 3) -> DaemonProcess:
    return DaemonProcess(
        folder,
        FREISTELLER__DISPATCH__MAX_TRIES=str(max_tries),
        FREISTELLER__HTTP__BIND=f"127.0.0.1:{port}",
        FREISTELLER__COMFYUI__SERVERS=json.dumps([{"url": double.url, "slots": 2}]),
    )


def is_ready(port: int) -> bool:
    try:
        return ask(port, "GET", "/readyz")[0] == 200
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


@contextmanager
def ready_daemon(folder: Path) -> Iterator[int]:
    port = free_port()
    with Double() as double, running(folder, double, port) as daemon:
        daemon.wait_until(lambda: is_ready(port), "the port")
        yield port


def test_the_client_of_remove_bg_gets_its_cut_outs(tmp_path: Path) -> None:
    if importlib.util.find_spec("removebg") is None:
        pytest.skip("the client of remove.bg is not installed: pip install removebg")
    save_photo(tmp_path / "shoe.jpg", drawn_photo(240, 180))
    with ready_daemon(tmp_path) as port:
        url = f"http://127.0.0.1:{port}/v1.0/removebg"
        done = subprocess.run(
            [sys.executable, "-c", _CLIENT, url], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    assert done.returncode == 0, done.stderr
    assert open_photo(tmp_path / "by-text.png", 1).own_alpha is not None
    assert (tmp_path / "shoe.jpg_no_bg.png").read_bytes()[:3] == b"\xff\xd8\xff"  # red hides what is behind
    assert len(results(tmp_path / "hot")) == 1


def test_curl_gets_its_cut_outs(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    save_photo(tmp_path / "shoe.jpg", drawn_photo(240, 180))
    with ready_daemon(tmp_path) as port:
        base = f"http://127.0.0.1:{port}"
        for words in (
            f"-H X-Api-Key:any -F image_file=@shoe.jpg -F size=auto -o cut.png {base}/v1.0/removebg",
            f"-H Prefer:wait=60 -F photo=@shoe.jpg -F order=kunde -o job.json {base}/api/v1/photos",
            f"-H Prefer:wait=60 -T shoe.jpg -X POST -o raw.json {base}/api/v1/photos?name=raw.jpg",
        ):
            subprocess.run(["curl", "-sS", "--fail", *words.split()], cwd=tmp_path, timeout=120, check=True)

    assert open_photo(tmp_path / "cut.png", 1).own_alpha is not None
    jobs = [json.loads((tmp_path / name).read_text("utf-8")) for name in ("job.json", "raw.json")]
    assert [(job["state"], job["name"]) for job in jobs] == [("done", "kunde/shoe.jpg"), ("done", "raw.jpg")]


def test_each_photo_comes_out_once_over_many_kills(tmp_path: Path) -> None:
    """A program repeats each request with its key until it has an answer, as it should."""
    root, port, photos = tmp_path / "hot", free_port(), 20
    waiting: dict[int, bytes] = {}
    for number in range(photos):
        save_photo(tmp_path / "drawn.png", drawn_photo(240, 180, number))
        waiting[number] = (tmp_path / "drawn.png").read_bytes()
    ids: list[str] = []
    often = 1000  # no photo counts as the cause, though one may run alone at several kills
    with Double() as double:
        for delay in (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12):
            with running(tmp_path, double, port, often) as daemon:
                daemon.wait_until(lambda: is_ready(port), "the port")
                killer = threading.Timer(delay, daemon.kill)
                killer.start()
                ids += send_as_long_as_it_lives(port, waiting)
                killer.join()
        killed_ids = len(ids)
        with running(tmp_path, double, port, often) as daemon:
            daemon.wait_until(lambda: is_ready(port), "the port")
            ids += send_as_long_as_it_lives(port, waiting)
            daemon.wait_until(lambda: len(results(root)) >= photos, "all results")
            assert daemon.interrupt() == 0

    assert killed_ids < photos  # some were in the middle
    assert not waiting
    assert len(set(ids)) == photos
    assert len(results(root)) == photos
    assert files_below(root / "failed") == files_below(root / "inbox") == []
    assert files_below(root / ".freisteller" / "uploads") == []


def send_as_long_as_it_lives(port: int, waiting: dict[int, bytes]) -> list[str]:
    """Send photos, and forget those that were answered for. Returns their jobs."""
    ids = []
    for number, content in sorted(waiting.items()):
        body, form = multipart({}, {"photo": (f"{number}.png", content)})
        try:
            status, told = ask(port, "POST", "/api/v1/photos", body, Idempotency_Key=str(number), **form)
        except OSError:
            break
        assert status in (201, 202), told
        ids.append(json.loads(told)["id"])
        del waiting[number]
    return ids
