"""The files of deployment/, as people change them: a copy with the addresses of one's own."""
import re
import shutil
from pathlib import Path

import yaml
from conftest import ROOT

FILES = ROOT / "deployment"
BASE = FILES / "kubernetes"
VERSION = re.search(r"project\(galileo VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
IMAGE = f"docker.io/library/galileo:{VERSION}"  # what galileo:VERSION means to Kubernetes


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def base_objects():
    return [one for path in sorted(BASE.glob("*.yaml")) for one in documents(path.read_text())]


def key(one):
    return one["kind"], one["metadata"]["name"]


def pod_of(one):
    """The pod that an object describes; None where it describes none."""
    return one.get("spec", {}).get("template", {}).get("spec")


def change(paths, **values):
    """In files of ConfigMaps, and in kustomizations that add to them: other values of these names, each at least once."""
    left = set(values)

    def value_of(name, before):
        left.discard(name)
        return str(values.get(name, before))

    for path in paths:
        whole = documents(path.read_text())
        for one in whole:
            if one["kind"] == "ConfigMap":
                one["data"] = {name: value_of(name, before) for name, before in one["data"].items()}
            for generator in one.get("configMapGenerator", ()):
                pairs = [literal.split("=", 1) for literal in generator["literals"]]
                generator["literals"] = [f"{name}={value_of(name, before)}" for name, before in pairs]
        path.write_text(yaml.safe_dump_all(whole, sort_keys=False))
    assert not left, f"{left}: no such names in {paths}"


def copy(folder):
    shutil.copytree(FILES, Path(folder) / "deployment")
    return Path(folder) / "deployment"


def addresses(host, redis_port, etcd_port):
    return {
        "galileo_redis_host": host, "galileo_redis_port": redis_port, "telemd_redis_url": f"redis://{host}:{redis_port}", "etcd_host": f"{host}:{etcd_port}",
        "telemd_kubernetes_adapter_redis_host": host, "telemd_kubernetes_adapter_redis_port": redis_port}
