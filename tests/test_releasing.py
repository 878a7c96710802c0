"""A release has one version, documented dependencies, and packages that hold everything they need."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import daemon

CHECKOUT = Path(__file__).parent.parent
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))


def named() -> set[str]:
    """Every library that an installation may bring, with all extras."""
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {re.split(r"[\[>=<]", requirement)[0] for requirement in wanted}


def test_the_version_stands_in_one_place() -> None:
    said = [
        path
        for path in [*(CHECKOUT / "daemon").rglob("*.py"), CHECKOUT / "pyproject.toml", CHECKOUT / "Dockerfile"]
        if f'"{daemon.__version__}"' in path.read_text("utf-8")
    ]

    assert said == [CHECKOUT / "daemon" / "__init__.py"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", daemon.__version__)


def test_every_dependency_is_documented_with_its_licence() -> None:
    text = (CHECKOUT / "docs" / "releasing.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}

    assert documented == named()
    assert all(row.split("|")[4].strip() for row in rows)


def test_every_dependency_has_a_lower_bound() -> None:
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]

    assert all(">=" in requirement for requirement in [*wanted, *PROJECT["dependency-groups"]["dev"]])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_built_is_whole_and_fit_to_be_published(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(CHECKOUT)],
        capture_output=True,
        text=True,
        check=False,
    )
    packages = sorted(tmp_path.iterdir())
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, packages)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stdout + built.stderr
    assert checked.returncode == 0, checked.stdout + checked.stderr
    wheel, sdist = packages
    assert wheel.name == f"freisteller-{daemon.__version__}-py3-none-any.whl"
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "daemon/cli/main.py",
        "daemon/contact_sheet/sheet.html.j2",
        "daemon/contact_sheet/shop.html.j2",
        "daemon/_shipped/config/freisteller.toml",
        "daemon/_shipped/workflows/comfyui/core.toml",
    } <= held
    assert not any(name.startswith("tests/") for name in held)
    with tarfile.open(sdist) as archive:
        top = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "Dockerfile", "tests/test_house.py", "grafana/rules/alerts.yml", "docs/operations.md"} <= top
