"""A cluster's containers as a kernel runs them: their user, places and ports, on a system that is read-only."""

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import compose_files, kubernetes_files
from tests.certificates import make_certificates
from tests.drawing import save_photo
from tests.pages_of_documents import ROOT
from tests.shown_services import IMAGE_ENVIRONMENT, IMAGE_USER, ShownService
from tests.test_container_cluster import QUICK, SCHEDULER
from tests.test_kubernetes import mounted_secret

pytestmark = pytest.mark.slow

WEIGHTS = Path(os.environ.get("U2NET_HOME") or "~/.u2net").expanduser()
OURS = (Path(sys.base_prefix), Path(sys.prefix), ROOT, WEIGHTS)
"""What the image has in /opt/freisteller and in its own /usr."""
COVERED = ("/srv", "/var/lib", "/run", "/opt", "/etc", "/tmp")
"""What a service sees there is its container's."""
SERVICES = ("scheduler", "worker", "daemon")

ONE = """
set -eu
mount --make-rprivate /
cd {here}
mkdir ours etc
for path in {below_root}; do mkdir -p ours$path; mount --bind $path ours$path; done
if [ -n "{below_root}" ]; then mount -t tmpfs -o mode=755 root /root; fi
for path in {below_root}; do mkdir -p $path; mount --bind ours$path $path; done
mount -t tmpfs -o mode=755 etc etc; cp -a /etc/. etc/; echo "127.0.0.1 localhost freisteller-scheduler" > etc/hosts
mount --move etc /etc
for place in /srv /var/lib /run /opt; do mount -t tmpfs -o mode=755 place $place; done
mkdir -p {weights_at}; mount --bind {weights} {weights_at}
{mounts}
cp command /run/command
mount -t tmpfs -o mode=1777 tmp /tmp
for place in /srv /var/lib /run /opt /etc; do mount -o remount,ro $place; done
mount -o remount,ro,bind /
touch /probe 2>/dev/null && exit 9
cd /
. /run/command
"""

ALL = """
ip link set lo up
until_seen() {{ for _ in $(seq 600); do [ "$(grep -c "$2" $1.log)" -ge "$3" ] && return; sleep 0.2; done; }}
unshare --mount sh scheduler/run > scheduler.log 2>&1 & scheduler=$!
unshare --mount sh worker/run > worker.log 2>&1 & worker=$!
until_seen worker Joined 1
unshare --mount sh daemon/run > daemon.log 2>&1 & daemon=$!
until_seen daemon '"job_done"' 2
for each in $worker $daemon $scheduler; do kill -TERM $each; wait $each; echo $?; done
"""


@dataclass(frozen=True)
class Cluster:
    """What the services run, and which folders here each one sees, by its own paths."""

    services: Mapping[str, ShownService]
    mounts: Mapping[str, Mapping[str, Path]]
    read_only: frozenset[str] = field(default_factory=frozenset)


def owned(folder: Path, user: int, mode: int) -> Path:
    """A folder and all in it, as a container's user finds it: of this user and of its group."""
    folder.mkdir(exist_ok=True)
    for each in (folder, *folder.rglob("*")):
        os.chown(each, user, IMAGE_USER, follow_symlinks=False)
    folder.chmod(mode)
    return folder


def of_compose(folder: Path) -> Cluster:
    """The files and their owners are as the document says."""
    make_certificates(folder / "secrets")
    (folder / "secrets" / "http.token").write_text("s3cret")
    secrets = owned(folder / "secrets", IMAGE_USER, 0o700)
    shown = {name: compose_files.shown("freisteller" if name == "daemon" else name) for name in SERVICES}
    services = {}
    for name, each in shown.items():
        environment = {key: value.replace(SCHEDULER, "tls://localhost:8786") for key, value in each.environment.items()}
        services[name] = ShownService(each.words, environment)
    hot = owned(folder / "hot", IMAGE_USER, 0o755)
    state = {name: owned(folder / f"state-{name}", IMAGE_USER, 0o755) for name in SERVICES}
    places = {"/run/secrets": secrets, IMAGE_ENVIRONMENT["FREISTELLER__ROOT"]: hot}
    return Cluster(
        services, {name: {**places, IMAGE_ENVIRONMENT["FREISTELLER__STATE_DIR"]: state[name]} for name in SERVICES}
    )


def of_kubernetes(folder: Path) -> Cluster:
    """Volumes belong to root and to the pod's group, as fsGroup makes them."""
    services = {name: kubernetes_files.shown(name) for name in SERVICES}
    made = make_certificates(folder / "made")
    files = {path.name: path.read_text() for path in (made.ca_file, made.cert, made.key)}
    secrets = {"freisteller-cluster": files, "freisteller-credentials": {"http.token": "s3cret"}}
    mounts: dict[str, dict[str, Path]] = {name: {} for name in SERVICES}
    read_only = set()
    for name in SERVICES:
        for place, volume in kubernetes_files.mounts(name).items():
            here = folder / f"{name}-{volume['name']}"
            if "secret" in volume:
                mode = volume["secret"]["defaultMode"]
                mounted_secret(here, secrets[volume["secret"]["secretName"]], mode)
            elif "configMap" in volume:
                mounted_secret(here, dict(kubernetes_files.CONFIG_MAPS[volume["configMap"]["name"]]), 0o644)
            elif "persistentVolumeClaim" in volume:
                here = folder / ("hot" if volume["name"] == "photos" else "state")
            mounts[name][place] = owned(here, 0, 0o2775)
            if "secret" in volume or "configMap" in volume:
                read_only.add(place)
        del mounts[name]["/tmp"]
    return Cluster(services, mounts, frozenset(read_only))


def write_scripts(cluster: Cluster, folder: Path) -> None:
    """What starts each service in a world of its own."""
    below_root = [str(path) for path in OURS if path.is_relative_to("/root")]
    for name, service in cluster.services.items():
        here = folder / name
        here.mkdir()
        environment = {**IMAGE_ENVIRONMENT, **service.environment, **QUICK}
        environment |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        words = " ".join(shlex.quote(each) for each in (*(f"{a}={b}" for a, b in environment.items()), *service.words))
        nobody = f"setpriv --reuid {IMAGE_USER} --regid {IMAGE_USER} --clear-groups --no-new-privs --bounding-set=-all"
        (here / "command").write_text(f"exec {nobody} env -i {words}\n")
        mounts = "\n".join(
            f"mkdir -p {place}; mount --bind {shlex.quote(str(path))} {place}"
            + (f"; mount -o remount,ro,bind {place}" if place in cluster.read_only else "")
            for place, path in cluster.mounts[name].items()
        )
        script = ONE.format(
            here=shlex.quote(str(here)),
            below_root=" ".join(below_root),
            weights=shlex.quote(str(WEIGHTS)),
            weights_at=IMAGE_ENVIRONMENT["U2NET_HOME"],
            mounts=mounts,
        )
        (here / "run").write_text(script)
    (folder / "all").write_text(ALL.format())


def skip_where_it_cannot_be() -> None:
    """Skip, with the reason, where this machine allows no namespaces or hides its Python."""
    if os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("unshare", "setpriv", "ip")):
        pytest.skip("only root may make namespaces, with unshare, setpriv and ip")
    if any(path.is_relative_to(place) for path in OURS for place in COVERED):
        pytest.skip("this Python or checkout lies where a container has its own")
    above = {each for path in OURS for each in path.parents if each != Path("/root")}
    if any(not each.stat().st_mode & stat.S_IXOTH for each in above):
        pytest.skip("this Python is not for everybody to read")
    if subprocess.run(["unshare", "--net", "--mount", "mount", "--make-rprivate", "/"], check=False).returncode:
        pytest.skip("this kernel lets nobody make mounts here")


@pytest.mark.parametrize("files", [of_compose, of_kubernetes])
def test_its_services_cut_photos_out_as_nobody_on_read_only_systems(
    files: Callable[[Path], Cluster], tmp_path: Path
) -> None:
    skip_where_it_cannot_be()
    tmp_path.chmod(0o755)
    (tmp_path / "hot" / "inbox").mkdir(parents=True)
    for number, name in enumerate(("a.jpg", "b.jpg")):
        save_photo(tmp_path / "hot" / "inbox" / name, seed=number)
    cluster: Cluster = files(tmp_path)
    (tmp_path / "hot" / "inbox").chmod(0o2775)
    write_scripts(cluster, tmp_path)
    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

    done = subprocess.run([*alone, "sh", "all"], cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)

    logs = {name: (tmp_path / f"{name}.log").read_text("utf-8", "replace")[-3000:] for name in SERVICES}
    assert done.stdout.split() == ["0", "0", "0"], logs
    reports = [
        path for grade in ("sehr_gut", "gut", "ungenügend") for path in (tmp_path / "hot" / grade).glob("*.json")
    ]
    assert len(reports) == 2, logs
    assert all("machine" in json.loads(path.read_text("utf-8")) for path in reports)
    assert {path.stat().st_uid for path in reports} == {IMAGE_USER}
