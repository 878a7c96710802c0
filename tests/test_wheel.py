"""An installed wheel works from any directory, because its data files are in it."""

import re
import subprocess
import sys
import venv
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from tests.drawing import save_photo
from tests.processes import environment

CHECKOUT = Path(__file__).parent.parent


def site_packages(python: str) -> str:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_wheel_in_a_new_environment_cuts_out_a_photo(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(CHECKOUT)], check=True)
    (wheel,) = tmp_path.glob("freisteller-*.whl")
    new = tmp_path / "neue umgebung"
    venv.create(new, with_pip=False)
    python = str(new / "bin" / "python")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", str(wheel)], check=True)
    # The libraries come from this environment: we test our wheel, not a download of half a gigabyte.
    # A path in a .pth file adds them after what is installed there, and does not run the .pth files in it.
    borrowed = Path(site_packages(python)) / "borrowed.pth"
    borrowed.write_text(site_packages(sys.executable) + "\n")
    photo = save_photo(tmp_path / "a.png")
    somewhere = tmp_path / "somewhere else"
    somewhere.mkdir()

    where = subprocess.run(
        [python, "-c", "import daemon; print(daemon.__file__)"],
        cwd=somewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    done = subprocess.run(
        [str(new / "bin" / "freisteller"), "process", str(photo), "--out", "out"],
        cwd=somewhere,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    by_python = subprocess.run(
        [python, "-c", f"from daemon import cut_out; print(cut_out({str(photo)!r}).grade)"],
        cwd=somewhere,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    sheet = subprocess.run(
        [str(new / "bin" / "freisteller"), "sheet", "out"],
        cwd=somewhere,
        env={**environment(tmp_path), "FREISTELLER__LANGUAGE": "de"},
        capture_output=True,
        text=True,
        check=False,
    )
    shipped = subprocess.run(
        [
            python,
            "-c",
            "from daemon.disk.shipped import shipped; "
            "print(*(shipped(part) for part in ('config', 'workflows', 'systemd')))",
        ],
        cwd=somewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    installed = subprocess.run(
        [str(new / "bin" / "freisteller"), "install", "--root", "/srv/photos", "--prefix", "stage"],
        cwd=somewhere,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )

    assert str(new) in where.stdout
    assert (Path(where.stdout.strip()).parent / "py.typed").is_file()
    assert installed.returncode == 0, installed.stderr
    unit = (somewhere / "stage/etc/systemd/system/freisteller.service").read_text("utf-8")
    (document,) = re.findall(r"^Documentation=(file://.+)$", unit, re.MULTILINE)
    page = Path(url2pathname(urlsplit(document.replace("%%", "%")).path))
    assert page.is_relative_to(new)
    assert "## When it pages" in page.read_text("utf-8")
    assert shipped.stdout.count("_shipped") == 3
    assert done.returncode == 0, done.stderr
    assert (somewhere / "out" / "a.png").is_file()
    assert by_python.stdout == "sehr_gut\n", by_python.stderr
    assert sheet.returncode == 0, sheet.stderr  # the template of the page is data, too
    sheet_page = (somewhere / "out" / "contact-sheet.html").read_text("utf-8")
    assert '<html lang="de">' in sheet_page  # and so are the catalogue and what it needs
    assert ">freigestellt<" in sheet_page
