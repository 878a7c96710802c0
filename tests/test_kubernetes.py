"""The manifests for Kubernetes: what they name is there, and their containers work together on photos."""

import re
import shlex
import shutil
import signal
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon import __version__
from daemon.service.cluster_certificates import OF_OTHERS
from daemon.settings import Settings, load
from daemon.settings.credentials import read_credentials
from tests.certificates import make_certificates
from tests.kubernetes_files import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    FOLDER,
    KUSTOMIZATION,
    MANIFESTS,
    container,
    labels_of,
    may_come_from,
    may_connect,
    mounts,
    of_kind,
    pod,
    selects,
    shown,
    yaml,
)
from tests.pages_of_documents import ROOT, blocks
from tests.shown_services import IMAGE_ENVIRONMENT, IMAGE_USER, Stage, image_step

COMPONENTS = ("daemon", "scheduler", "worker")
TOML = CONFIG_MAPS["freisteller-settings"]["freisteller.toml"]
DOCUMENT = ROOT / "docs" / "operations" / "cluster.md"
QUICK = {"FREISTELLER__ENGINE__USE": "local", "FREISTELLER__JUDGEMENT__WITNESS": "off"}


def secrets_that_the_document_makes() -> dict[str, set[str]]:
    """The keys of each secret, by its name, as the commands of the document make them."""
    made: dict[str, set[str]] = {}
    for line in "\n".join(block.text for block in blocks(DOCUMENT)).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["kubectl"] and "secret" in words:
            keys = [re.match(r"--from-(?:file|literal)=([\w.]+)", word) for word in words]
            made[words[words.index("generic") + 1]] = {key[1] for key in keys if key}
    return made


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in IMAGE_ENVIRONMENT.items():
        if name.startswith("FREISTELLER__"):
            monkeypatch.setenv(name, value)
    return load(flags=tomllib.loads(TOML))


def test_every_file_is_part_of_it() -> None:
    files = {path.name for path in FOLDER.iterdir()}

    assert files == {"kustomization.yaml", *KUSTOMIZATION["resources"], *CONFIG_MAPS["freisteller-settings"]}
    assert set(DEPLOYMENTS) == set(COMPONENTS)


def test_the_image_has_the_version_of_this_checkout_and_all_run_it() -> None:
    (image,) = KUSTOMIZATION["images"]

    assert image["newTag"] == __version__
    assert {container(component)["image"] for component in COMPONENTS} == {image["name"]}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_deployment_selects_its_own_pods_and_no_others(component: str) -> None:
    selector = DEPLOYMENTS[component]["spec"]["selector"]

    assert [each for each in COMPONENTS if selects(selector, labels_of(each))] == [component]


@pytest.mark.parametrize("name", of_kind("Service"))
def test_a_service_leads_to_a_port_of_one_component(name: str) -> None:
    spec = of_kind("Service")[name]["spec"]

    (component,) = [each for each in COMPONENTS if selects({"matchLabels": spec["selector"]}, labels_of(each))]
    ports = {each["name"]: each["containerPort"] for each in container(component)["ports"]}
    assert [ports[each["targetPort"]] for each in spec["ports"]] == [each["port"] for each in spec["ports"]]


def test_the_settings_lead_to_the_services(settings: Settings) -> None:
    scheduler = of_kind("Service")["freisteller-scheduler"]
    (port,) = scheduler["spec"]["ports"]
    (page,) = container("daemon")["ports"]

    assert settings.dispatch.executor == "dask"
    assert settings.cluster.scheduler == f"tls://{scheduler['metadata']['name']}:{port['port']}"
    assert settings.http.bind == f"0.0.0.0:{page['containerPort']}"


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_is_mounted_is_there(component: str) -> None:
    secrets = secrets_that_the_document_makes()
    for volume in mounts(component).values():
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] in of_kind("PersistentVolumeClaim")
        elif "configMap" in volume:
            assert volume["configMap"]["name"] in CONFIG_MAPS
        elif "secret" in volume:
            assert volume["secret"]["secretName"] in secrets
        else:
            assert volume["emptyDir"] == {}


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_files_that_a_container_names_are_in_what_is_mounted(component: str, settings: Settings) -> None:
    secrets = secrets_that_the_document_makes()
    there = set(shown(component).files)
    for path, volume in mounts(component).items():
        there |= {f"{path}/{key}" for key in secrets.get(volume.get("secret", {}).get("secretName", ""), ())}
    named = {word for word in shown(component).words if word.startswith("/")}
    if component != "scheduler":
        named |= {settings.cluster.ca_file, settings.cluster.cert, settings.cluster.key}

    assert len(named) >= 3
    assert named <= there


def test_the_state_has_one_disk_and_one_daemon_and_the_photos_are_shared() -> None:
    claims = of_kind("PersistentVolumeClaim")
    of_claim = {
        name: {
            (component, path)
            for component in COMPONENTS
            for path, volume in mounts(component).items()
            if volume.get("persistentVolumeClaim", {}).get("claimName") == name
        }
        for name in claims
    }

    assert claims["freisteller-state"]["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert of_claim["freisteller-state"] == {("daemon", IMAGE_ENVIRONMENT["FREISTELLER__STATE_DIR"])}
    assert claims["freisteller-photos"]["spec"]["accessModes"] == ["ReadWriteMany"]
    root = IMAGE_ENVIRONMENT["FREISTELLER__ROOT"]
    assert of_claim["freisteller-photos"] == {("daemon", root), ("worker", root)}
    assert DEPLOYMENTS["daemon"]["spec"]["replicas"] == 1
    assert DEPLOYMENTS["daemon"]["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_pod_keeps_the_strictest_standard(component: str) -> None:
    """That is https://kubernetes.io/docs/concepts/security/pod-security-standards/, and a read-only root besides."""
    (namespace,) = of_kind("Namespace").values()
    whole, one = pod(component), container(component)

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert whole["securityContext"]["runAsNonRoot"] is True
    assert whole["securityContext"]["runAsUser"] == IMAGE_USER
    assert whole["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not whole.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert whole["automountServiceAccountToken"] is False
    kinds = {kind for volume in mounts(component).values() for kind in volume if kind != "name"}
    assert kinds <= {"persistentVolumeClaim", "configMap", "secret", "emptyDir"}


@pytest.mark.parametrize("component", ["daemon", "worker"])
def test_what_the_image_writes_to_is_mounted(component: str) -> None:
    volumes = re.findall(r'"([^"]+)"', image_step("VOLUME"))

    for path in (*volumes, IMAGE_ENVIRONMENT["HOME"]):
        assert mounts(component)[path].keys() & {"persistentVolumeClaim", "emptyDir"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_key_is_read_by_the_group_of_the_pod_and_by_nobody_else(component: str) -> None:
    mode = mounts(component)["/run/cluster"]["secret"]["defaultMode"]

    assert not mode & OF_OTHERS
    assert mode & 0o040
    assert pod(component)["securityContext"]["fsGroup"] == pod(component)["securityContext"]["runAsGroup"]


@pytest.mark.parametrize("component", ["daemon", "worker"])
def test_there_is_time_to_finish_or_hand_back_what_is_in_work(component: str, settings: Settings) -> None:
    assert pod(component)["terminationGracePeriodSeconds"] > settings.dispatch.stop_seconds


def test_nobody_else_reaches_anything() -> None:
    stranger = {"app.kubernetes.io/name": "stranger"}
    comfyui = {"app.kubernetes.io/name": "comfyui"}
    for component in COMPONENTS:
        for port in (8786, 8787, 9108, 40000):
            assert not may_connect(stranger, labels_of(component), port)
            assert not may_connect(comfyui, labels_of(component), port)
            assert not may_connect(labels_of(component), stranger, port)
            assert not may_come_from("default", labels_of(component), port)
    assert not may_come_from("default", stranger, 80)  # what else runs in our namespace is closed, too
    assert not may_connect(labels_of("worker"), labels_of("worker"), 40000)
    assert not may_connect(labels_of("daemon"), labels_of("worker"), 40000)
    assert not may_come_from("monitoring", labels_of("scheduler"), 8786)
    assert not may_come_from("monitoring", labels_of("daemon"), 8786)


def test_prometheus_and_an_ingress_reach_the_daemons_port(settings: Settings) -> None:
    port = int(settings.http.bind.rpartition(":")[2])

    assert may_come_from("monitoring", labels_of("daemon"), port)
    assert may_come_from("ingress-nginx", labels_of("daemon"), port)


def test_the_servers_that_the_settings_show_may_be_asked() -> None:
    lines = [line.removeprefix("# ") for line in TOML.splitlines()]
    shown_servers = "\n".join(lines[lines.index("[comfyui]") :])
    settings = load(flags=tomllib.loads(shown_servers))
    (rule,) = of_kind("NetworkPolicy")["engines"]["spec"]["egress"]

    ports = {int(server.url.rpartition(":")[2]) for server in settings.comfyui.servers}
    assert ports == {each["port"] for each in rule["ports"]}
    engines = of_kind("NetworkPolicy")["engines"]["spec"]["podSelector"]
    assert [each for each in COMPONENTS if selects(engines, labels_of(each))] == ["daemon", "worker"]


def test_kubectl_takes_them_and_all_names_lead_somewhere() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: https://kubernetes.io/docs/tasks/tools/")

    done = subprocess.run([kubectl, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    made = list(yaml.safe_load_all(done.stdout))
    assert len(made) == len(MANIFESTS) + len(CONFIG_MAPS)
    assert {each["metadata"].get("namespace") for each in made if each["kind"] != "Namespace"} == {"freisteller"}
    (settings,) = [each for each in made if each["kind"] == "ConfigMap"]
    for each in made:
        if each["kind"] == "Deployment":
            spec = each["spec"]["template"]["spec"]
            named = {one["configMap"]["name"] for one in spec["volumes"] if "configMap" in one}
            assert named <= {settings["metadata"]["name"]}
            assert {one["image"] for one in spec["containers"]} == {f"freisteller:{__version__}"}


def mounted_secret(folder: Path, files: dict[str, str], mode: int) -> Path:
    """A folder as Kubernetes mounts a secret: each name leads to the real file by way of `..data`."""
    real = folder / "..2026_12_01_04_00_00.1"
    real.mkdir(parents=True)
    (folder / "..data").symlink_to(real.name)
    for name, content in files.items():
        (real / name).write_text(content)
        (real / name).chmod(mode)
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def test_the_credentials_are_read_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    keys = secrets_that_the_document_makes()["freisteller-credentials"]
    (at,) = [path for path, volume in mounts("daemon").items() if volume["name"] == "credentials"]

    folder = mounted_secret(tmp_path / "credentials", dict.fromkeys(keys, "s3cret"), 0o440)

    assert shown("daemon").environment["CREDENTIALS_DIRECTORY"] == at
    assert read_credentials(folder) == dict.fromkeys(keys, "s3cret")
    assert keys == {"http.token"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = make_certificates(tmp_path / "made")
    mode = mounts("daemon")["/run/cluster"]["secret"]["defaultMode"]
    files = {path.name: path.read_text() for path in (made.ca_file, made.cert, made.key)}
    secrets = {
        "/run/cluster": mounted_secret(tmp_path / "cluster", files, mode),
        "/run/credentials": mounted_secret(tmp_path / "credentials", {"http.token": "s3cret"}, mode),
    }
    stage = Stage(tmp_path, secrets)
    try:
        yield stage
    finally:
        stage.end()


def probe(component: str, which: str, stage: Stage, here: dict[str, str]) -> bool:
    """Whether a probe's answer is the right one."""
    asked = container(component)[which]
    if "exec" in asked:
        words = tuple(asked["exec"]["command"])
        return stage.run(component, shown(component, words), here) == 0
    (port,) = [
        one["containerPort"] for one in container(component)["ports"] if one["name"] == asked["tcpSocket"]["port"]
    ]
    with closing(socket.socket()) as asking:
        return asking.connect_ex(("127.0.0.1", stage.ports[str(port)])) == 0


@pytest.mark.slow
def test_its_pods_cut_photos_out_together_and_need_no_connection_that_is_forbidden(stage: Stage) -> None:
    here = {"freisteller-scheduler:8786": f"127.0.0.1:{stage.ports['8786']}"}
    probes = [("daemon", "startupProbe"), ("daemon", "livenessProbe"), ("daemon", "readinessProbe")]
    probes += [("scheduler", "livenessProbe"), ("scheduler", "readinessProbe")]
    before = [probe(*each, stage, here) for each in probes]
    seen: set[tuple[str, str, int]] = set()

    stage.start("scheduler", shown("scheduler"), here)
    for name in ("worker-1", "worker-2"):  # a pod is called by its own name
        stage.start(name, shown("worker", (*shown("worker").words, "--name", name)), here, **QUICK)
    stage.start("daemon", shown("daemon"), here, **QUICK)
    stage.wait(lambda: all("Joined" in stage.log(name) for name in ("worker-1", "worker-2")), "the workers")
    stage.wait(lambda: probe("daemon", "startupProbe", stage, here), "the daemon to be well")
    stage.drop("a.jpg", "b.jpg", "c.jpg")

    def all_done() -> bool:
        seen.update(stage.connections())
        return stage.log("daemon").count('"job_done"') == 3

    stage.wait(all_done, "the photos")
    after = [probe(*each, stage, here) for each in probes]
    stage.processes["worker-1"].send_signal(signal.SIGTERM)
    stage.processes["daemon"].send_signal(signal.SIGTERM)

    assert [stage.processes[name].wait(60) for name in ("worker-1", "daemon")] == [0, 0]
    assert (before, after) == ([False] * len(probes), [True] * len(probes))
    assert {report["machine"] for report in stage.reports()} <= {"worker-1", "worker-2"}
    assert len(stage.reports()) == 3
    ports = {here: int(shown) for shown, here in stage.ports.items()}
    pairs = {(sender.partition("-")[0], receiver.partition("-")[0], port) for sender, receiver, port in seen}
    assert {pair[:2] for pair in pairs} == {("daemon", "scheduler"), ("worker", "scheduler"), ("scheduler", "worker")}
    for sender, receiver, port in pairs:
        assert may_connect(labels_of(sender), labels_of(receiver), ports.get(port, port)), (sender, receiver, port)
