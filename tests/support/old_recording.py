"""An experiment as the original system would have recorded it: a cluster of three zones, two functions whose pods come and go,
gateways that pass requests on, telemetry of nodes and containers. Rows, in the words of the original's models."""
import json
import random

EXP_ID, START, SECONDS = "202611241200-0ab1", 1795500000.5, 60.0
SECOND, EMPTY = "202611241300-0ab2", "202611241400-0ab3"
NODES = {"node-a": ("amd64", "zone-a", "4"), "node-b": ("arm64", "zone-b", "1"), "node-c": ("amd64", "zone-c", "3900m")}


def container(number):
    return f"{number:02x}" * 32


def pod(number, function, node, zone, kind="fn", requests=None, ip=True):
    name = f"{function}-deployment-{zone}-5d8f{number}"
    return {
        "podUid": f"c0ffee00-0000-4000-8000-{number:012d}", "name": name, "namespace": "default", "qosClass": "Burstable",
        "labels": {"ether.edgerun.io/function": function, "ether.edgerun.io/zone": zone, "type": kind, "app": name},
        "status": "Running", "startTime": "2026-11-24T12:00:01", "podIP": f"10.42.0.{number}" if ip else None, "nodeName": node,
        "hostIP": "192.168.0.2",
        "containers": {function: {"id": f"containerd://{container(number)}", "name": function, "image": f"registry/{function}:1",
                                  "port": 8080,
                                  "resource_requests": {"cpu": "250m", "memory": "64Mi"} if requests is None else requests,
                                  "resource_limits": {}}}}


PODS = [pod(1, "pythonpi", "node-a", "zone-a"), pod(2, "pythonpi", "node-b", "zone-b"),
        pod(3, "resnet", "node-c", "zone-c", requests={"cpu": "1", "memory": "1Gi"}),
        pod(4, "go-load-balancer", "node-a", "zone-a", "api-gateway", {}), pod(5, "go-load-balancer", "node-b", "zone-b", "api-gateway",
                                                                               {})]


def events():
    rows = [{"timestamp": START + 0.25, "name": "begin", "value": "now"}]
    for place, one in enumerate(PODS):
        at = START + 1 + place * 2.125
        pending = {**one, "podIP": None, "status": "Pending"}
        rows += [{"timestamp": at, "name": "pod/create", "value": json.dumps(pending)},
                 {"timestamp": at + 0.375, "name": "pod/pending", "value": json.dumps(pending)},
                 {"timestamp": at + 1.0625, "name": "pod/running", "value": json.dumps(one)}]
    rows += [{"timestamp": START + 40.03125, "name": "pod/shutdown", "value": json.dumps(PODS[1])},
             {"timestamp": START + 41.0625, "name": "pod/delete", "value": json.dumps(PODS[1])}]
    for at, function, weights in ((12.5, "pythonpi", [("10.42.0.1:8080", 3), ("10.42.0.2:8080", 1)]), (20.25, "resnet", [("10.42.0.3:8080",
                                                                                                                          1)])):
        rows.append({"timestamp": START + at, "name": "weight_update", "value": json.dumps({
            "ts": START + at - 0.125, "fn": function, "zone": "zone-a",
            "weights": {"ips": [ip for ip, _ in weights], "weights": [weight for _, weight in weights]}})})
    for at, zone, pressure in ((18.5, "zone-a", 0.25), (30.125, "zone-b", 0.5)):
        rows.append({"timestamp": START + at, "name": "cpu_usage_pressure", "value": json.dumps({"ts": START + at, "fn": "pythonpi", "zone": zone,
                                                                                                "pressure": pressure})})
    return rows


def telemetry():
    rows = []
    for step in range(110):
        at = START + 0.5 + step * 0.5
        for place, (node, _) in enumerate(NODES.items()):
            rows.append({"timestamp": at + place / 1024, "metric": "cpu", "node": node, "value": 10.0 * place + step % 7})
        for number, one in enumerate(PODS, 1):
            node = one["nodeName"]
            for metric, value in (("kubernetes_cgrp_cpu", number * 40_000_000.0 * step + (step % 5) * 1000), ("kubernetes_cgrp_memory",
                                                                                                              25e6 + step * 4096),
                                  ("kubernetes_cgrp_blkio", 4096.0 * (step // 2)), ("kubernetes_cgrp_net", 1500.0 * step * number)):
                rows.append({"timestamp": at + number / 512, "metric": metric, "node": node, "value": value,
                             "subsystem": container(number)})
    return rows


def hops(sent, done, pod, gateways, started):
    headers = {"Content-Type": "application/json", "X-Forwarded-For": ", ".join(gateways),
               "X-Final-Host": ", ".join(["10.42.0.5:8079"] * (len(gateways) - 1) + [f"10.42.0.{pod}:8080"])}
    for place, gateway in enumerate(gateways):
        headers["X-Forwarded-Host-" + gateway.title()] = f"{sent + 0.001 * (place + 1):.7f}"
    if started:
        headers["X-Start"], headers["X-End"] = f"{sent + 0.004:.7f}", f"{done - 0.003:.7f}"
    return json.dumps(headers)


def traces(count=300):
    draw, rows = random.Random(7), []
    for number in range(count):
        created = START + 15 + number * 0.125
        sent = created + draw.random() / 100
        row = {"request_id": f"a:{number}", "client": f"worker-1:pythonpi-zone-{'ab'[number % 2]}:{number % 3}",
               "service": "pythonpi-zone-a",
               "created": created, "sent": sent, "done": sent + 0.01 + draw.random() / 10, "status": 200, "server": "10.0.0.1:8080",
               "response": json.dumps({"total_duration": round(draw.random(), 6)})}
        if number % 50 == 49:
            row.update(status=-1, sent=-1.0, done=-1.0, server=None, response=None)
        elif number % 31 == 30:
            row.update(status=502, headers=hops(sent, row["done"], 1, ["gw-a"], False), response="bad gateway")
        else:
            row["headers"] = hops(sent, row["done"], 1 + number % 2, ["gw-a", "gw-b"] if number % 7 == 0 else ["gw-a"], True)
        rows.append(row)
    return rows


def nodeinfo():
    rows = []
    for node, (arch, zone, cpu) in NODES.items():
        labels, allocatable = {"ether.edgerun.io/zone": zone, "kubernetes.io/hostname": node}, {"cpu": cpu, "memory": "7854360Ki"}
        rows.append({"node": node, "data": {
            "arch": arch, "cpus": "4", "ram": "8053063680", "boot": "1795400000", "disk": "sda sdb", "net": "eth0 wlan0",
            "netspeed": "1000",
            "hostname": node, "labels": json.dumps(labels), "allocatable": json.dumps(allocatable)}})
    return rows


def recording():
    """{"experiments": …, "metadata": {id: …}, "nodeinfo": {id: …}, "telemetry": {id: …}, "events": {id: …}, "traces": {id: …}}"""
    return {
        "experiments": [
            {"id": EXP_ID, "name": "scenario", "creator": "ann", "start": START, "end": START + SECONDS, "created": START - 1.25,
             "status": "FINISHED"},
            {"id": SECOND, "name": "profiling", "creator": "bob", "start": START + 3600, "end": START + 3660, "created": START + 3600,
             "status": "FINISHED"},
            {"id": EMPTY, "name": "nothing", "creator": "bob", "start": START + 7200, "end": START + 7260, "created": START + 7200,
             "status": "FAILED"}],
        "metadata": {EXP_ID: {"params": {"service": "pythonpi", "hosts": ["a", "b"], "requests": {"n": 60, "ia": 0.025}}, "note": "ü"},
                     SECOND: {"params": {"service": "resnet", "hosts": ["b"]}}},
        "nodeinfo": {EXP_ID: nodeinfo(), SECOND: nodeinfo()[:1]},
        "telemetry": {EXP_ID: telemetry(), SECOND: telemetry()[:40]},
        "events": {EXP_ID: events(), SECOND: events()[:1]},
        "traces": {EXP_ID: traces(), SECOND: traces(20)},
    }
