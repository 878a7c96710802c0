"""The systemd units are valid and locked down, and differ only in their names."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.journal.run_end import RunEnd, RunEndRecord
from tests.observe.prometheus import ROOT

UNITS = ["freisteller.service", "freisteller@.service"]
WITH_PHOTOS = [*UNITS, "freisteller-worker.service"]
SCHEDULER = "freisteller-scheduler.service"
ALL = [*WITH_PHOTOS, SCHEDULER]
EXPOSURE_LIMIT = 1.5


def unit(name: str) -> str:
    return (ROOT / "systemd" / name).read_text(encoding="utf-8")


def settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ALL)
def test_a_unit_is_locked_down(name: str) -> None:
    result = systemd_analyze("security", "--offline=true", "--no-pager", str(ROOT / "systemd" / name))

    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
    assert exposure, result.stdout + result.stderr
    assert float(exposure[1]) <= EXPOSURE_LIMIT


@pytest.mark.parametrize("name", ALL)
def test_a_unit_is_valid_once_the_program_is_there(name: str, tmp_path: Path) -> None:
    copy = tmp_path / name
    text = re.sub(r"/opt/freisteller/bin/(freisteller|dask)\b", "/bin/true", unit(name))
    copy.write_text(text, encoding="utf-8")

    result = systemd_analyze("verify", "--man=no", str(copy))

    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.mark.parametrize("name", ALL)
def test_each_line_that_is_relaxed_says_why(name: str) -> None:
    text = unit(name)
    reasons = " ".join(re.findall(r"# RELAXED ((?:.*\n)(?:# .*\n)*)", text))
    of_photos = {
        "UMask": "UMask=0007",
        "CAP_LEASE": "CapabilityBoundingSet=CAP_LEASE",
        "PrivateUsers": "PrivateUsers=no",
    }
    relaxed = {
        **(of_photos if name in WITH_PHOTOS else {}),
        "ProcSubset": "ProcSubset=all",
        "AF_INET": "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "IPAddressDeny": "IPAddressAllow=localhost link-local",
    }
    for word, line in relaxed.items():
        assert line in text
        assert word in reasons


def test_the_template_differs_only_in_what_an_instance_has_of_its_own() -> None:
    one, template = settings(unit(UNITS[0])), settings(unit(UNITS[1]))

    assert len(one) == len(template)
    assert {line.split("=")[0] for line, other in zip(one, template, strict=True) if line != other} == {
        "Description",
        "ExecStart",
        "EnvironmentFile",
        "StateDirectory",
        "ReadWritePaths",
    }


@pytest.mark.parametrize("name", WITH_PHOTOS)
def test_systemd_waits_longer_than_the_daemon_takes_to_stop(name: str) -> None:
    config = (ROOT / "config" / "freisteller.toml").read_text(encoding="utf-8")
    daemon_stops = re.search(r"^stop_seconds = ([0-9.]+)", config, re.MULTILINE)
    systemd_waits = re.search(r"^TimeoutStopSec=(\d+)$", unit(name), re.MULTILINE)

    assert daemon_stops
    assert systemd_waits
    assert float(systemd_waits[1]) > float(daemon_stops[1])


def test_a_bad_setting_is_not_tried_again() -> None:
    assert "RestartPreventExitStatus=2\n" in unit(UNITS[0])  # and not 75: a share may be mounted late


def test_a_worker_is_started_again_however_it_ended() -> None:
    assert "Restart=always\n" in unit("freisteller-worker.service")  # it ends with 0 if the scheduler dies
    assert " worker --config /etc/freisteller/freisteller.toml\n" in unit("freisteller-worker.service")


def test_a_scheduler_is_started_again_and_may_do_less_than_a_worker() -> None:
    text = unit(SCHEDULER)

    assert "Restart=always\n" in text
    assert "CapabilityBoundingSet=\n" in text
    assert "PrivateUsers=yes\n" in text
    assert "ReadWritePaths" not in text


def command_after_the_end(name: str) -> list[str]:
    """What systemd runs after the end of the service, as it hands it to the kernel."""
    line = re.search(r"^ExecStopPost=-(.*)$", unit(name), re.MULTILINE)
    assert line
    return [word.replace("$$", "$") for word in shlex.split(line[1])]


@pytest.mark.parametrize(
    ("result", "end"),
    [
        ("watchdog", RunEnd.HUNG),
        ("timeout", RunEnd.STOPPED),
        ("core-dump", RunEnd.CRASHED),
        ("success", RunEnd.CRASHED),
    ],
)
@pytest.mark.parametrize("name", UNITS)
def test_the_next_start_knows_the_result_that_systemd_saw(name: str, result: str, end: RunEnd, tmp_path: Path) -> None:
    state = tmp_path / "a state"
    state.mkdir()
    record = RunEndRecord(state)

    def ends(result: str) -> None:
        environment = {"STATE_DIRECTORY": str(state), "SERVICE_RESULT": result}
        subprocess.run(command_after_the_end(name), env=environment, check=True)

    ends(result)
    ends("exit-code")  # a start that failed, e.g. since the share was away, before it read the first result
    found = record.read()
    record.forget()

    assert found is end
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("name", WITH_PHOTOS)
def test_a_child_process_may_run_out_of_memory_and_limit_it_itself(name: str) -> None:
    allowed = calls_of("@default") | calls_of("@system-service")
    assert "SystemCallFilter=@system-service\n" in unit(name)
    forbidden = re.search(r"^SystemCallFilter=~(.*)$", unit(name), re.MULTILINE)
    assert forbidden
    for group in forbidden[1].split():
        allowed -= calls_of(group)

    assert "prlimit64" in allowed  # with which the C library makes setrlimit, too
    assert "OOMPolicy=continue\n" in unit(name)


def calls_of(group: str) -> set[str]:
    """The system calls of one of systemd's groups."""
    listed = systemd_analyze("syscall-filter", "--no-pager", group).stdout
    words = {line.strip() for line in listed.splitlines()[1:] if not line.strip().startswith("#")}
    return {call for word in words for call in (calls_of(word) if word.startswith("@") else {word}) if call}
