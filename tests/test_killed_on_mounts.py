"""The real daemon on mounts of sshfs and rclone, killed while it puts things in place: one of each, each time."""

from functools import partial
from pathlib import Path

import pytest

from tests.drawing import save_photo
from tests.hotfolder.mounted import MOUNTS
from tests.processes import DaemonProcess

pytestmark = pytest.mark.slow

MOMENTS = ("sehr_gut/{}.png", "sehr_gut/{}.json", "archiv/{}.jpg")


@pytest.mark.parametrize("kind", MOUNTS)
def test_each_photo_has_one_result_however_often_the_daemon_is_killed(tmp_path: Path, kind: str) -> None:
    with MOUNTS[kind](tmp_path / "fs") as mount:
        hot = mount / "hot"
        root = {"FREISTELLER__ROOT": str(hot)}
        for number, moment in enumerate(MOMENTS):
            save_photo(hot / "inbox" / f"photo{number}.jpg", seed=number)
            with DaemonProcess(tmp_path, **root) as daemon:
                daemon.wait_until(partial(is_there, hot, moment.format(f"photo{number}")), moment)
                daemon.kill()
        with DaemonProcess(tmp_path, "--once", **root) as daemon:
            assert daemon.ended() == 0

        wanted = [f"photo{number}" for number in range(len(MOMENTS))]
        found = {end: sorted(path.stem for path in hot.glob(f"[!.]*/*{end}")) for end in (".png", ".json", ".jpg")}
        assert found == {".png": wanted, ".json": wanted, ".jpg": wanted}
        assert {path.parent.name for path in hot.glob("*/*.jpg")} == {"archiv"}
        assert list((hot / ".freisteller" / "work").iterdir()) == []
        assert list((hot / ".freisteller" / "staging").iterdir()) == []


def is_there(folder: Path, pattern: str) -> bool:
    return any(folder.glob(pattern))
