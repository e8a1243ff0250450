"""`galileo adapter` without a cluster: what it is told, and what it says to that. On a cluster: tests/cluster/adapter_test.py."""
import json

import pytest


def kubeconfig(tmp_path, **of_user):
    (tmp_path / "config").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}], "users": [{"name": "u", "user": of_user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}))
    return str(tmp_path / "config")


@pytest.mark.parametrize("flags, env, said", [
    (["--location", "there"], {}, ["'there' isn't a place of an adapter", "--location"]),
    ([], {"telemd_kubernetes_adapter_location": "there"}, ["'there'", "telemd_kubernetes_adapter_location"]),
    ([], {"telemd_kubernetes_adapter_redis_port": "x"}, ["'x' isn't a port", "telemd_kubernetes_adapter_redis_port"]),
    ([], {"telemd_kubernetes_adapter_redis_host": "a b"}, ["'a b' isn't a host", "telemd_kubernetes_adapter_redis_host"]),
    ([], {"telemd_kubernetes_adapter_redis_url": "http://x"}, ["this URL isn't a bus's", "telemd_kubernetes_adapter_redis_url"]),
    (["--context", "none"], {}, ["none", "config"]),
    (["--kubeconfig", "/nowhere/config"], {}, ["/nowhere/config"]),
    (["--status", "x:y"], {}, ["--status"]),
])
def test_a_wrong_setting_is_one_clear_error(run, tmp_path, flags, env, said):
    outcome = run("adapter", *flags, env={"KUBECONFIG": kubeconfig(tmp_path, token="s3cret"), **env})
    assert outcome.code in (1, 2) and all(text in outcome.err for text in said), outcome
    assert outcome.err.count("\n") == 1 and "s3cret" not in outcome.err


def test_without_any_cluster_it_says_where_it_has_looked(run, tmp_path):
    outcome = run("adapter", env={"KUBECONFIG": "", "HOME": str(tmp_path), "telemd_kubernetes_adapter_location": "cluster"})
    assert outcome.code == 2 and outcome.err.count("\n") == 1, outcome
