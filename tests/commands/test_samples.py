"""A newcomer's sample photos are fetched once, are the ones that we know, and are missing without any harm."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from daemon.commands import samples

CONTENT = {name: f"picture of {name}".encode() for name in samples.SAMPLES}


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which pip finds a small wheel of the name and release that we ask for, and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "scikit_image-0.26.0-cp311-cp311-manylinux_2_28_x86_64.whl", "w") as archive:
        for name, content in CONTENT.items():
            archive.writestr(f"skimage/data/{name}", content)
        info = "scikit_image-0.26.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: scikit-image\nVersion: 0.26.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.mark.usefixtures("wheels")
def test_the_photos_are_unpacked_and_copied_into_an_inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setattr(samples, "SAMPLES", known)
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    samples.fetch_samples(tmp_path / "samples")
    dropped = samples.drop_samples(inbox, tmp_path / "samples")

    assert {path.name: path.read_bytes() for path in dropped} == CONTENT
    assert sorted(inbox.iterdir()) == sorted(dropped)
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == sorted(CONTENT)


@pytest.mark.usefixtures("wheels")
def test_another_picture_of_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(samples.NoSamples, match=r"astronaut\.png in scikit_image-0\.26\.0.* is another picture"):
        samples.fetch_samples(tmp_path / "samples")

    assert not list((tmp_path / "samples").iterdir())


def test_without_a_way_to_the_package_the_reason_is_said(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for wheel in wheels.iterdir():
        wheel.unlink()
    monkeypatch.setattr(samples, "FOLDER", tmp_path / "samples")

    code = samples.main()

    assert code == 1
    assert "There are no sample photos: ERROR: No matching distribution found for" in capsys.readouterr().out


def test_an_inbox_gets_nothing_where_nobody_fetched_the_photos(tmp_path: Path) -> None:
    assert samples.drop_samples(tmp_path, tmp_path / "samples") == ()
