"""The command line, as people and scripts use it: real processes, exit codes, JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import by_colour
from tests.drawing import drawn_photo, save_photo
from tests.processes import environment, freisteller


def test_an_unknown_setting_stops_the_start_with_code_2_and_its_name(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text("[intake]\nquiet_secnds = 3\n")

    done = freisteller("run", "--once", "--config", "f.toml", folder=tmp_path)

    assert done.returncode == 2
    assert "intake.quiet_secnds" in done.stderr
    assert "quiet_seconds" in done.stderr


def test_a_daemon_with_comfyui_imports_no_local_engine(tmp_path: Path) -> None:
    code = (
        "import sys; from daemon.settings import load; from daemon.service.lifecycle import Daemon; "
        "Daemon(load(flags={'comfyui': {'servers': [{'url': 'http://127.0.0.1:9'}]}})).close(); "
        "print(sorted({'rembg', 'onnxruntime', 'skimage', 'numba', 'torch', 'PIL', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_process_writes_a_cutout_and_a_report_per_photo(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    save_photo(tmp_path / "b.jpg", seed=1)

    done = freisteller("process", "a.png", "b.jpg", "--out", "cut", "--json", folder=tmp_path)

    values = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [value["photo"] for value in values] == ["a.png", "b.jpg"]
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["a.json", "a.png", "b.json", "b.png"]
    report = json.loads((tmp_path / "cut" / "a.json").read_text("utf-8"))
    assert report["photo"]["bytes"] == (tmp_path / "a.png").stat().st_size


@pytest.mark.slow
def test_process_says_which_photo_failed_and_why_and_does_the_others(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    (tmp_path / "letter.jpg").write_text("Dear Sir or Madam")

    done = freisteller("process", "letter.jpg", "a.png", "missing.jpg", "--out", "cut", folder=tmp_path)

    assert done.returncode == 1, done.stderr
    assert "letter.jpg is not a photo" in done.stdout
    assert "missing.jpg is not there." in done.stdout
    assert "damaged" not in done.stdout
    assert (tmp_path / "cut" / "a.png").is_file()


def test_assess_judges_a_mask_and_tells_a_good_one_from_a_bad_one(tmp_path: Path) -> None:
    photo = drawn_photo(300, 300)
    good = (by_colour(photo) * 255).astype("uint8")
    bad = 255 - good
    save_photo(tmp_path / "photo.png", photo)
    for name, mask in (("good", good), ("bad", bad)):
        save_photo(tmp_path / f"{name}.png", mask[..., None].repeat(3, axis=2))

    verdicts = {
        name: json.loads(freisteller("assess", "photo.png", f"{name}.png", "--json", folder=tmp_path).stdout)
        for name in ("good", "bad")
    }

    assert verdicts["good"]["score"] > verdicts["bad"]["score"]
    assert verdicts["bad"]["grade"] == "ungenügend"
    assert set(verdicts["good"]) >= {"grade", "score", "measures", "reasons"}
    assert verdicts["good"]["rim_raw_known"] is False
    assert "rim_raw_known" not in verdicts["bad"]  # its rim was not judged
    told = freisteller("assess", "photo.png", "good.png", folder=tmp_path).stdout
    assert "The rim was judged by the cut-out and the photo alone." in told


def test_assess_refuses_a_cutout_of_another_shape(tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png", drawn_photo(300, 200))
    save_photo(tmp_path / "mask.png", drawn_photo(200, 300) // 255 * 255)

    done = freisteller("assess", "photo.png", "mask.png", folder=tmp_path)

    assert done.returncode == 1
    assert "300 x 200" in done.stderr


def test_status_without_a_journal_says_where_it_looked(tmp_path: Path) -> None:
    done = freisteller("status", folder=tmp_path)

    assert done.returncode == 2
    assert "is no hot folder yet" in done.stderr


@pytest.mark.slow
def test_status_and_retry_after_a_failure(tmp_path: Path) -> None:
    (tmp_path / "hot" / "inbox").mkdir(parents=True)
    (tmp_path / "hot" / "inbox" / "letter.jpg").write_text("Dear Sir or Madam " * 20)
    freisteller("run", "--once", folder=tmp_path)

    status = json.loads(freisteller("status", "--json", folder=tmp_path).stdout)
    retried = json.loads(freisteller("retry", "--failed", "--json", folder=tmp_path).stdout)
    after = json.loads(freisteller("status", "--json", folder=tmp_path).stdout)

    assert (status["states"]["failed"], after["states"]["failed"]) == (1, 0)
    assert retried == {"taken": ["letter.jpg"], "refused": []}
    assert not (tmp_path / "hot" / "failed" / "letter.jpg").exists()


@pytest.mark.slow
def test_doctor_finds_a_healthy_installation_and_names_a_remedy_for_a_server_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "hot").mkdir()
    healthy = freisteller("doctor", "--json", folder=tmp_path)
    away = freisteller(
        "doctor", "--json", folder=tmp_path, FREISTELLER__COMFYUI__SERVERS='[{"url": "http://127.0.0.1:9"}]'
    )

    assert healthy.returncode == 0, healthy.stdout
    assert away.returncode == 1
    (finding,) = [finding for finding in json.loads(away.stdout) if finding["level"] == "fail"]
    assert "127.0.0.1:9" in finding["what"]
    assert finding["remedy"]
