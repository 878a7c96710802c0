"""The manifests in kubernetes/, and who may talk to whom by them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.pages_of_documents import ROOT
from tests.shown_services import IMAGE_COMMAND, IMAGE_ENTRYPOINT, ShownService

yaml = pytest.importorskip("yaml", reason="Dask brings it, and the extra cluster is not installed")

FOLDER = ROOT / "kubernetes"
COMPONENT = "app.kubernetes.io/component"
Labels = Mapping[str, str]

KUSTOMIZATION: Mapping[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
MANIFESTS: list[Mapping[str, Any]] = [
    each for name in KUSTOMIZATION["resources"] for each in yaml.safe_load_all((FOLDER / name).read_text("utf-8"))
]


def of_kind(kind: str) -> dict[str, Mapping[str, Any]]:
    """The manifests of a kind, by name."""
    return {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] == kind}


DEPLOYMENTS = {
    each["spec"]["template"]["metadata"]["labels"][COMPONENT]: each for each in of_kind("Deployment").values()
}
"""daemon, scheduler, worker."""
CONFIG_MAPS: Mapping[str, Mapping[str, str]] = {
    each["name"]: {name: (FOLDER / name).read_text("utf-8") for name in each["files"]}
    for each in KUSTOMIZATION["configMapGenerator"]
}


def pod(component: str) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = DEPLOYMENTS[component]["spec"]["template"]["spec"]
    return spec


def labels_of(component: str) -> Labels:
    labels: Labels = DEPLOYMENTS[component]["spec"]["template"]["metadata"]["labels"]
    return labels


def container(component: str) -> Mapping[str, Any]:
    (one,) = pod(component)["containers"]
    found: Mapping[str, Any] = one
    return found


def mounts(component: str) -> dict[str, Mapping[str, Any]]:
    """What is mounted in a component's container, by path: the volume."""
    volumes = {each["name"]: each for each in pod(component)["volumes"]}
    return {each["mountPath"]: volumes[each["name"]] for each in container(component)["volumeMounts"]}


def shown(component: str, words: tuple[str, ...] = ()) -> ShownService:
    """What a component's container runs. words: another command in the same container."""
    found = container(component)
    # A command takes the place of the image's entry point and of its command, arguments only that of the latter.
    begin = found.get("command", IMAGE_ENTRYPOINT)
    rest = found.get("args", () if "command" in found else IMAGE_COMMAND)
    files = {
        f"{path}/{name}": content
        for path, volume in mounts(component).items()
        if "configMap" in volume
        for name, content in CONFIG_MAPS[volume["configMap"]["name"]].items()
    }
    environment = {each["name"]: each["value"] for each in found.get("env", [])}
    return ShownService(words or (*begin, *rest), environment, files)


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector matches; {} matches everything."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In", "the others are not understood here"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return True


def may_connect(sender: Labels, receiver: Labels, port: int) -> bool:
    """Whether the policies let one pod of our namespace connect to another at a TCP port."""
    return _passes("egress", sender, receiver, port) and _passes("ingress", receiver, sender, port)


def may_come_from(namespace: str, receiver: Labels, port: int) -> bool:
    """Whether the policies let a pod of another namespace in."""
    return _passes("ingress", receiver, None, port, {"kubernetes.io/metadata.name": namespace})


def _passes(way: str, whose: Labels, other: Labels | None, port: int, namespace: Labels | None = None) -> bool:
    rules = list(_rules(way, whose))
    return any(_names(peer, other, namespace) and _has(rule, port) for rule in rules for peer in _peers(way, rule))


def _rules(way: str, whose: Labels) -> Iterator[Mapping[str, Any]]:
    applying = [
        each["spec"] for each in of_kind("NetworkPolicy").values() if selects(each["spec"]["podSelector"], whose)
    ]
    assert any(way.capitalize() in each["policyTypes"] for each in applying), "without a policy everything is allowed"
    for each in applying:
        yield from each.get(way, [])


def _peers(way: str, rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = rule["from" if way == "ingress" else "to"]
    return found


def _names(peer: Mapping[str, Any], pod_labels: Labels | None, namespace: Labels | None) -> bool:
    if pod_labels is not None and namespace is None:  # of our own namespace
        return peer.keys() == {"podSelector"} and selects(peer["podSelector"], pod_labels)
    return peer.keys() == {"namespaceSelector"} and selects(peer["namespaceSelector"], namespace or {})


def _has(rule: Mapping[str, Any], port: int) -> bool:
    return any(
        each["protocol"] == "TCP" and each["port"] <= port <= each.get("endPort", each["port"])
        for each in rule["ports"]
    )
