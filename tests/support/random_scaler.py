"""A scaler that nobody would want: every five seconds it makes a pod or removes one of those it made, and rewrites the
weights of what is ready, at random. It runs beside an experiment, by whose environment it knows the cluster, etcd and the
bus. random_scaler.py KUBECTL GALILEO POD DID: POD is the file of a pod called NAME; a line of DID says each thing done."""
import json
import os
import random
import subprocess
import sys
import time

kubectl, galileo, pod, did = sys.argv[1:]
template = open(pod).read()
chance = random.Random(7)
mine, number = [], 0


def call(*command, text=None):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def say(**what):
    with open(did, "a") as file:
        file.write(json.dumps(what) + "\n")


def write_weights(but=None):
    """Of what is ready and stays."""
    targets = {}
    for one in json.loads(call(kubectl, "get", "pods", "-l", "ether.edgerun.io/function=hello", "-o", "json"))["items"]:
        is_ready = any(part["type"] == "Ready" and part["status"] == "True" for part in one["status"].get("conditions", []))
        if is_ready and one["metadata"]["name"] != but and "deletionTimestamp" not in one["metadata"]:
            targets[one["status"]["podIP"] + ":8080"] = chance.randint(2, 9)
    call(galileo, "gateway", "weights", "set", "--etcd", "{etcd_host}:{etcd_port}".format(**os.environ), "--zone", "zone-a", "hello",
         *(f"{host}={weight}" for host, weight in targets.items()))
    say(weights=targets)


while True:
    if len(mine) < 2 or chance.random() < 0.4:
        name, number = f"random-{number}", number + 1
        call(kubectl, "create", "-f", "-", text=template.replace("NAME", name))
        call(kubectl, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        mine.append(name)
        say(made=name)
        write_weights()
    else:
        name = mine.pop(chance.randrange(len(mine)))
        write_weights(but=name)
        time.sleep(0.5)
        call(kubectl, "delete", "pod", name, "--wait=false")
        say(removed=name)
    time.sleep(5)
