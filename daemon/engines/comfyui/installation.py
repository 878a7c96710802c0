"""Looks at what is installed on a server: nodes, models and weights, for `freisteller doctor`."""

from collections.abc import Sequence

from daemon.engines.comfyui.http_client import HttpClient
from daemon.engines.comfyui.model_table import ModelTable
from daemon.engines.comfyui.node_inputs import NodeInputs
from daemon.errors import EngineMisconfigured, Said, said_together


def check_installation(http: HttpClient, node_inputs: NodeInputs, table: ModelTable, in_use: Sequence[str]) -> str:
    """Check what the models in use need. Returns a message for people, "" if there is nothing to say.

    Raises EngineAway, or EngineMisconfigured with everything that is missing and what to do.
    """
    flags = http.memory().flags
    node_inputs.forget()
    missing: dict[str, str] = {}  # what is missing -> what to install
    for name in in_use:
        install, chooser = table.family(name).install, table.chooser(name)
        lacking = node_inputs.lacking(name)
        missing |= {f"node {each}": install for each in lacking}
        if chooser and not lacking and not node_inputs.offers(name):
            missing[f"model {name} of node {chooser.node}"] = install
    if missing:
        packs = " and ".join(dict.fromkeys(missing.values()))
        raise EngineMisconfigured(Said("server_lacks_parts", server=http.name, what=", ".join(missing), install=packs))
    texts = [
        Said("weights_not_there", model=name, file=f"{folder}/{file}")
        for name, folder, file in _absent_weights(http, table, in_use)
    ]
    if "--cache-none" in flags:
        texts.append(Said("cache_none"))
    return said_together(texts)


def _absent_weights(http: HttpClient, table: ModelTable, in_use: Sequence[str]) -> list[tuple[str, str, str]]:
    """The models in use whose weights the server does not have, as far as it says, with folder and file."""
    folders = {folder for name in in_use if (folder := table.family(name).weights_folder)}
    listed = {folder: http.weights(folder) for folder in sorted(folders)}
    absent = []
    for name in in_use:
        folder, weights = table.family(name).weights_folder, table.models[name].weights
        files = listed.get(folder)
        if files is not None and weights and weights not in files:
            absent.append((name, folder, weights))
    return absent
