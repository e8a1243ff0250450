"""`galileo session` as a program meets it: one line an answer, whatever the line was, and an end with its input."""
import json
import os
import subprocess

import etcd_server
import pytest


@pytest.fixture
def session(galileo):
    started = []

    def start(*descriptors):
        process = subprocess.Popen([galileo, "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=descriptors)
        started.append(process)

        def ask(line):
            process.stdin.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())
        return process, ask
    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


@pytest.mark.quick
@pytest.mark.sanitize
@pytest.mark.parametrize("line, why", [
    (b"", "no JSON object"), (b"[]", "no JSON object"), (b"{", "no JSON object"), (b"\xff\xfe", "no JSON object"), (b'"frame"', "no JSON object"),
    (b"[" * 100_000, "no JSON object"), ({}, "no call ''"), ({"call": 7}, "'call' is of another type"), ({"call": "frames"}, "no call 'frames'"),
    ({"call": "frame"}, "no table ''"), ({"call": "frame", "table": "traces", "db": "x", "ids": "last"}, "'ids' is of another type"),
    ({"call": "frame", "table": "traces", "columns": ["a", 1]}, "'columns' is of another type"),
    ({"call": "frame", "table": "traces", "from": 1.5}, "'from' is of another type"),
    ({"call": "frame", "table": "traces", "db": "x"}, "'descriptor' must be"), ({"call": "frame", "table": "traces", "db": "x", "descriptor": 1}, "'descriptor' must be"),
    ({"call": "frame", "table": "traces", "db": "x", "limit": 3}, "'limit' is nothing"),
    ({"call": "frame", "table": "a\u0000b\ud83d\ude00", "descriptor": 9}, "no table"),
    ({"call": "etcd.put", "value": "v"}, "'key' isn't said"), ({"call": "etcd.remove", "key": "k", "value": "v"}, "'value' is nothing"),
], ids=range(19))
def test_a_request_that_cant_be_read_is_answered_and_the_next_one_too(session, line, why):
    process, ask = session()
    error = ask(line)["error"]
    assert error["code"] == "usage" and why in error["why"] and why in error["text"] and error["hint"]
    assert ask({"call": "frame", "table": "nothing", "descriptor": 9})["error"]["code"] == "usage"
    process.stdin.close()
    assert process.wait(10) == 0 and process.stderr.read() == b""


@pytest.mark.quick
def test_errors_of_a_database_have_their_parts(session, tmp_path):
    memory = os.memfd_create("frame")
    _, ask = session(memory)
    ask_for = {"call": "frame", "table": "experiments", "descriptor": memory}
    gone = ask({**ask_for, "db": str(tmp_path / "gone.sqlite")})["error"]
    assert gone["code"] == "not_found" and str(tmp_path) in gone["where"]
    away = ask({**ask_for, "db": "mysql://me:secret@127.0.0.1:1/galileo"})["error"]
    assert away["code"] == "unavailable" and "secret" not in json.dumps(away)
    os.close(memory)


@pytest.mark.quick
def test_a_file_that_cant_be_written_is_an_error(session, galileo, tmp_path):
    (tmp_path / "empty").touch()
    descriptor = os.open(tmp_path / "empty", os.O_RDONLY)
    _, ask = session(descriptor)
    subprocess.run([galileo, "load", "http://127.0.0.1:1/", "-n", "1", "-q", "--db", tmp_path / "one.sqlite"], capture_output=True, timeout=60)
    error = ask({"call": "frame", "table": "traces", "db": str(tmp_path / "one.sqlite"), "ids": ["last"], "descriptor": descriptor})["error"]
    assert error["code"] == "io" and "can't keep the columns" in error["what"]
    os.close(descriptor)


@pytest.mark.quick
def test_an_answer_that_nobody_can_take_ends_it_with_an_error(galileo):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([galileo, "session"], input=b'{"call": "no"}\n' * 2, stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 1 and b"stdout: No space left on device" in done.stderr, done
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([galileo, "session"], input=b'{"call": "no"}\n', stdout=write_end, stderr=subprocess.PIPE, timeout=20)
    os.close(write_end)
    assert done.returncode == 1, done


@pytest.mark.quick
def test_it_ends_with_its_callers_end_of_the_input(session):
    process, _ = session()
    process.stdin.close()
    assert process.wait(10) == 0


@pytest.mark.quick
def test_a_key_of_etcd_is_written_and_removed(session, tmp_path):
    if not etcd_server.installed():
        pytest.skip("etcd isn't installed (scripts/setup.sh test)")
    etcd = etcd_server.Etcd(tmp_path)
    try:
        _, ask = session()
        place = {"etcd": etcd.address, "key": "golb/function/zone-ü/hello"}
        value = '{"ips": ["10.0.0.1:8080"], "weights": [1]}'
        assert ask({"call": "etcd.put", **place, "value": value}) == {"ok": {}}
        assert etcd.get(place["key"]) == [json.loads(value)]
        assert ask({"call": "etcd.remove", **place}) == {"ok": {"was_there": True}}
        assert ask({"call": "etcd.remove", **place}) == {"ok": {"was_there": False}} and etcd.get(place["key"]) == []
        assert "nobody" in ask({"call": "etcd.put", **place, "etcd": "nobody", "value": "x"})["error"]["text"]
    finally:
        etcd.stop()
    assert ask({"call": "etcd.put", **place, "value": value})["error"]["code"] == "unavailable"


@pytest.mark.quick
def test_experiments_are_removed_all_or_none(session, galileo, tmp_path):
    database = tmp_path / "some.sqlite"
    for _ in range(3):
        subprocess.run([galileo, "load", "http://127.0.0.1:1/", "-n", "1", "-q", "--db", database], capture_output=True, timeout=60, cwd=tmp_path)

    def ids():
        return [one["id"] for one in json.loads(subprocess.run([galileo, "exp", "ls", "--json", "--db", database], capture_output=True, timeout=60).stdout)]
    first, second, third = ids()
    _, ask = session()
    remove = {"call": "experiments.remove", "db": str(database)}
    unknown = ask({**remove, "ids": [first, "209901010000-beef"]})["error"]
    assert unknown["code"] == "not_found" and "209901010000-beef" in unknown["what"] and ids() == [first, second, third]
    for wrong, why in (({**remove, "ids": []}, "name no experiment"), ({"call": "experiments.remove", "ids": ["last"]}, "'db' isn't said"),
                       ({**remove, "ids": "last"}, "of another type")):
        error = ask(wrong)["error"]
        assert error["code"] == "usage" and why in error["why"]
    # By whichever of its names, each once.
    assert ask({**remove, "ids": ["last", third, "last~1"]}) == {"ok": {"removed": [third, second]}} and ids() == [first]
    assert ask({**remove, "db": str(tmp_path / "gone.sqlite"), "ids": ["last"]})["error"]["code"] == "not_found"


def pod_event(at, state, uid, ip, node="n1", labels=None, host_ip="192.168.0.2", **more):
    return [at, f"pod/{state}", json.dumps({
        "podUid": uid, "name": f"hello-{uid}", "nodeName": node, "podIP": ip, "hostIP": host_ip, "status": "Running",
        "labels": labels or {"ether.edgerun.io/function": "hello", "ether.edgerun.io/zone": "zone-a"},
        "containers": {"main": {"id": f"containerd://{uid * 64}", "port": 8080}}, **more})]


@pytest.mark.quick
@pytest.mark.sanitize
def test_pods_addresses_and_weights_are_read_of_events(session):
    _, ask = session()
    gateway = {"type": "api-gateway"}
    events = [[0, "begin", None], pod_event(1, "running", "a", "10.0.0.1"), pod_event(2, "running", "g", "192.168.0.2", labels=gateway),
              [3, "weight_update", json.dumps({"fn": "hello", "zone": "zone-a", "weights": {"ips": ["10.0.0.1:8080"], "weights": [3]}})],
              [3, "weight_update", "nonsense"], [3, "pod/running", "nonsense"], [4, "container/restart", '{"podUid": "a", "container": "main", "id": "new"}'],
              pod_event(5, "delete", "a", "10.0.0.1"), pod_event(6, "running", "b", "10.0.0.1", node="n2")]
    addresses = ["10.0.0.1:8080", "192.168.0.2:8080", "192.168.0.2:6379", "10.9.9.9:80"]
    first, empty = ask({"call": "pods", "experiments": [{"events": events, "addresses": addresses}, {"events": []}]})["ok"]
    a, g, b = first["pods"]
    assert a == {"uid": "a", "name": "hello-a", "node": "n1", "zone": "zone-a", "function": "hello", "of_application": True, "running": 1, "ended": 5,
                 "containers": [{"name": "main", "ids": ["a" * 64, "new"]}]}
    assert (g["of_application"], g["ended"], b["node"], b["running"]) == (False, None, "n2", 6)
    assert first["holders"] == {"10.0.0.1:8080": [[1, 0], [6, 2]], "192.168.0.2:8080": [[2, 1]], "192.168.0.2:6379": [], "10.9.9.9:80": []}
    assert first["weights"] == [{"time": 3, "function": "hello", "zone": "zone-a", "targets": [["10.0.0.1:8080", 3.0]]}] and first["left_out"] == 0
    assert empty == {"pods": [], "holders": {}, "weights": [], "left_out": 0}
    for wrong, why in (({}, "'experiments' must be a list"), ({"experiments": [7]}, "an experiment is an object"), ({"experiments": [{}]}, "'events' must be a list"),
                       ({"experiments": [{"events": [["now", "x", None]]}]}, "an event is a time"), ({"experiments": [{"events": [[1, "x"]]}]}, "an event is a time"),
                       ({"experiments": [{"events": [], "zone": "a"}]}, "'zone' is nothing"),
                       ({"experiments": [{"events": [], "addresses": [7]}]}, "'addresses' is of another type")):
        error = ask({"call": "pods", **wrong})["error"]
        assert error["code"] == "usage" and why in error["why"], error
