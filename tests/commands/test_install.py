"""`freisteller install` writes files that systemd accepts, and leaves what a person changed alone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.commands import install
from daemon.commands.install import Installation, next_commands, plan, warnings, write
from daemon.errors import BadSettings
from daemon.settings import load
from tests.observe.test_units import EXPOSURE_LIMIT, systemd_analyze
from tests.processes import freisteller

ROOT = Path("/srv/photos")


def texts(wanted: Installation) -> dict[str, str]:
    return {str(path.relative_to(wanted.prefix)): text for path, text in plan(wanted).items()}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_hot_folder_has_a_unit_a_drop_in_and_settings_that_load(tmp_path: Path) -> None:
    done = freisteller("install", "--root", str(ROOT), "--user", "anna", "--prefix", "stage", folder=tmp_path)

    stage = tmp_path / "stage"
    assert done.returncode == 0, done.stderr
    assert files_below(stage) == [
        "etc/freisteller/freisteller.toml",
        "etc/systemd/system/freisteller.service",
        "etc/systemd/system/freisteller.service.d/install.conf",
    ]
    settings = load(stage / "etc/freisteller/freisteller.toml")
    drop_in = (stage / "etc/systemd/system/freisteller.service.d/install.conf").read_text("utf-8")
    unit = (stage / "etc/systemd/system/freisteller.service").read_text("utf-8")
    assert (settings.root_path, settings.state_dir) == (ROOT, "/var/lib/freisteller")
    assert "User=anna\nGroup=anna\nReadWritePaths=-/srv/photos\n" in drop_in
    assert re.search(
        rf'^ExecStart="?{re.escape(sys.prefix)}/bin/freisteller"? run --config /etc/freisteller/freisteller.toml$',
        unit,
        re.MULTILINE,
    )
    assert "systemctl enable --now freisteller" in done.stdout
    assert done.stdout.partition("Next:")[2].count("sudo") >= 3


def test_several_hot_folders_share_a_template_and_have_ports_of_their_own(tmp_path: Path) -> None:
    for name in ("shoes", "bags"):
        write(plan(Installation(Path("/srv") / name, name=name, prefix=tmp_path)))

    shoes, bags = (load(tmp_path / "etc/freisteller" / f"{name}.toml") for name in ("shoes", "bags"))
    assert (shoes.http.bind, bags.http.bind) == ("127.0.0.1:9108", "127.0.0.1:9109")
    assert (shoes.state_dir, bags.state_dir) == ("/var/lib/freisteller/shoes", "/var/lib/freisteller/bags")
    assert [path for path in files_below(tmp_path) if "systemd" in path] == [
        "etc/systemd/system/freisteller@.service",
        "etc/systemd/system/freisteller@bags.service.d/install.conf",
        "etc/systemd/system/freisteller@shoes.service.d/install.conf",
    ]
    assert "enable --now freisteller@bags" in next_commands(Installation(ROOT, name="bags"))[1]


def test_a_dry_run_prints_the_files_and_writes_nothing(tmp_path: Path) -> None:
    done = freisteller("install", "--root", str(ROOT), "--prefix", "stage", "--print", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert 'root = "/srv/photos"' in done.stdout
    assert "[Service]" in done.stdout
    assert files_below(tmp_path / "stage") == []


def test_again_changes_nothing(tmp_path: Path) -> None:
    wanted = Installation(ROOT, prefix=tmp_path)
    first = write(plan(wanted))

    assert len(first) == 3
    assert write(plan(wanted)) == ()


def test_settings_that_a_person_changed_are_not_overwritten_and_nothing_else_is_touched(tmp_path: Path) -> None:
    wanted = Installation(ROOT, prefix=tmp_path)
    write(plan(wanted))
    unit = tmp_path / "etc/systemd/system/freisteller.service"
    unit.write_text("an older one\n")
    wanted.settings_path.write_text("# mine\n")

    done = freisteller("install", "--root", str(ROOT), "--prefix", str(tmp_path), folder=tmp_path)

    assert done.returncode == 2
    assert "--keep-config" in done.stderr
    assert (wanted.settings_path.read_text(), unit.read_text()) == ("# mine\n", "an older one\n")


def test_an_upgrade_renews_the_unit_and_keeps_the_settings(tmp_path: Path) -> None:
    wanted = Installation(ROOT, prefix=tmp_path)
    write(plan(wanted))
    unit = tmp_path / "etc/systemd/system/freisteller.service"
    unit.write_text("an older one\n")
    wanted.settings_path.write_text("# mine\n")

    assert write(plan(wanted, keep_settings=True)) == (unit,)
    assert wanted.settings_path.read_text() == "# mine\n"


def test_two_services_on_one_hot_folder_are_refused(tmp_path: Path) -> None:
    write(plan(Installation(ROOT, name="one", prefix=tmp_path)))

    with pytest.raises(BadSettings, match=r"one\.toml"):
        plan(Installation(ROOT, name="two", prefix=tmp_path))


@pytest.mark.parametrize(
    "wanted",
    [
        Installation(Path("relative")),
        Installation(Path("/srv/two\nlines")),
        Installation(ROOT, user="an na"),
        Installation(ROOT, user="root; rm -rf"),
        Installation(ROOT, name="../up"),
        Installation(ROOT, name="a b"),
        Installation(ROOT, name="freisteller"),
    ],
    ids=str,
)
def test_names_that_systemd_could_misread_are_refused(wanted: Installation) -> None:
    with pytest.raises(BadSettings):
        plan(wanted)


def test_a_folder_without_permission_names_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: int = 0, parents: bool = False, exist_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(BadSettings, match="sudo"):
        write(plan(Installation(ROOT, prefix=tmp_path)))


STRANGE = "/srv/Fotos für 100 % \"Müller\" \\ 'x'"


@pytest.mark.parametrize("root", ["/srv/photos", STRANGE, "/home/anna/photos", "/home/an na/photos"])
@pytest.mark.parametrize("name", ["", "shoes"])
def test_what_is_installed_is_valid_and_locked_down(root: str, name: str, tmp_path: Path) -> None:
    wanted = Installation(Path(root), name=name, prefix=tmp_path)
    files = texts(wanted)
    service = "freisteller@shoes.service" if name else "freisteller.service"
    one = tmp_path / service
    # Unit and drop-in in one file, as systemd reads them.
    text = "\n".join(text for path, text in files.items() if "systemd" in path)
    one.write_text(re.sub(r"^ExecStart=.*? run", "ExecStart=/bin/true run", text, flags=re.MULTILINE), "utf-8")

    verified = systemd_analyze("verify", "--man=no", str(one))
    judged = systemd_analyze("security", "--offline=true", "--no-pager", str(one))

    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    assert exposure, judged.stdout + judged.stderr
    assert float(exposure[1]) <= EXPOSURE_LIMIT


def test_a_strange_folder_arrives_in_the_settings_as_it_is(tmp_path: Path) -> None:
    wanted = Installation(Path(STRANGE), prefix=tmp_path)
    write(plan(wanted))

    assert load(wanted.settings_path).root == STRANGE


def test_a_hot_folder_in_a_home_is_let_in(tmp_path: Path) -> None:
    drop_in = texts(Installation(Path("/home/anna/photos"), prefix=tmp_path))[
        "etc/systemd/system/freisteller.service.d/install.conf"
    ]

    assert "ProtectHome=tmpfs\nBindPaths=/home/anna/photos\n" in drop_in


def test_the_commands_that_follow_are_good_shell(tmp_path: Path) -> None:
    for command in next_commands(Installation(Path(STRANGE))):
        checked = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("there", [True, False])
def test_weights_are_named_where_they_are_and_nowhere_else(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if there:
        (tmp_path / "weights").mkdir()
    wanted = Installation(ROOT, prefix=tmp_path / "stage")

    unit = texts(wanted)["etc/systemd/system/freisteller.service"]
    check = next_commands(wanted)[-1]

    assert (f"\nEnvironment=U2NET_HOME={tmp_path}/weights\n" in unit) is there
    assert ("\nEnvironment=U2NET_HOME" in unit) is there
    assert (f"U2NET_HOME={tmp_path}/weights" in check) is there


def test_the_document_that_a_unit_names_is_there(tmp_path: Path) -> None:
    unit = texts(Installation(ROOT, prefix=tmp_path))["etc/systemd/system/freisteller.service"]

    (named,) = re.findall(r"^Documentation=file://(.+)$", unit, re.MULTILINE)
    assert Path(named.replace("%%", "%")).is_file()


@pytest.fixture
def seen_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program, its package and its Python where a service sees them."""
    monkeypatch.setattr(sys, "prefix", "/opt/freisteller")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(install, "__file__", "/opt/freisteller/lib/python3.11/site-packages/daemon/commands/install.py")


def unseen() -> list[str]:
    return [text for text in warnings() if "ProtectHome" in text]


def test_a_program_that_the_service_sees_is_not_warned_of(seen_program: None) -> None:
    assert unseen() == []


def test_a_program_that_the_service_cannot_see_is_warned_of(
    seen_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/anna/freisteller/.venv")
    monkeypatch.setattr(install, "__file__", "/home/anna/freisteller/daemon/commands/install.py")

    (text,) = unseen()
    assert "cannot see /home/anna/freisteller/.venv and /home/anna/freisteller/daemon:" in text


def test_a_package_inside_its_environment_is_not_named_twice(
    seen_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", "/tmp/new")
    monkeypatch.setattr(install, "__file__", "/tmp/new/lib/python3.11/site-packages/daemon/commands/install.py")

    (text,) = unseen()
    assert "cannot see /tmp/new:" in text


def test_a_python_in_a_home_is_warned_of_wherever_the_environment_is(
    seen_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/root/.pyenv/versions/3.11.7")

    (text,) = unseen()
    assert "cannot see /root/.pyenv/versions/3.11.7:" in text
    assert "/usr/bin/python3 -m venv /opt/freisteller" in text


def test_a_link_that_leads_into_a_hidden_folder_is_followed(
    seen_program: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, link = tmp_path / "home", tmp_path / "opt"
    home.mkdir()
    link.symlink_to(home)
    monkeypatch.setattr(install, "HIDDEN", (str(home),))
    monkeypatch.setattr(sys, "prefix", str(link))

    (text,) = unseen()
    assert f"cannot see {home}:" in text


@pytest.mark.parametrize("there", [True, False])
def test_an_engine_without_weights_is_warned_of_with_the_command_that_fetches_them(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "weights").mkdir()
    if there:
        (tmp_path / "weights" / "u2netp.onnx").write_bytes(b"x")

    command = f"sudo U2NET_HOME={tmp_path}/weights {tmp_path}/bin/freisteller models fetch u2netp"
    assert any(command in text for text in warnings()) is not there
