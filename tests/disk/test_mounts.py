import pytest

from daemon.disk.mounts import Mount, mount_of, parse, read

TABLE = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:50 / /srv/hot rw,relatime shared:7 master:2 - cifs //nas/hot rw
41 40 0:51 / /srv/hot/inbox/this\040machine rw - ext4 /dev/vdb rw
42 27 0:52 / /srv/under rw - ext4 /dev/vdc rw
43 42 0:53 / /srv/under rw - fuse.sshfs me@there: rw
44 27 0:54 / /media/stick rw - fuseblk /dev/sda1 rw
a line that is no mount
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me", "ext4"),
        ("/srv/hot", "cifs"),
        ("/srv/hot/inbox", "cifs"),
        ("/srv/hotter", "ext4"),
        ("/srv/hot/inbox/this machine/today", "ext4"),
        ("/", "ext4"),
    ],
)
def test_a_path_lies_on_the_nearest_mount_above_it(path: str, kind: str) -> None:
    assert mount_of(path, parse(TABLE)).kind == kind


def test_what_is_mounted_over_another_hides_it() -> None:
    assert mount_of("/srv/under/inbox", parse(TABLE)).kind == "fuse.sshfs"


@pytest.mark.parametrize("kind", ["cifs", "smb3", "nfs", "nfs4", "fuse", "fuse.bindfs", "9p", "virtiofs", "ceph"])
def test_others_write_into_a_network_file_system_unseen(kind: str) -> None:
    assert Mount("/x", kind).remote


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "fuseblk", "unknown"])
def test_only_this_kernel_writes_into_a_local_one(kind: str) -> None:
    assert not Mount("/x", kind).remote


def test_without_a_table_nothing_is_known() -> None:
    assert mount_of("/srv/hot", {}).kind == "unknown"


def test_this_machine_has_a_root() -> None:
    assert "/" in read()
