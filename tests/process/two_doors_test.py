"""What can be said by a flag of `load` and by a key of the experiment file is one thing with one reader: the same request,
or the same refusal in the same words."""
import json
import re

import pytest
from raw_server import RawServer

FILE = "name: x\nservices: {{load: {{hosts: {{'127.0.0.1:{port}': 1}}}}}}\nclients: [{{service: load, {client}}}]\n{rest}\n"
PACE = {"num": "1", "requests": "1", "rate": "{shape: constant, rps: 100}"}


def file_of(port, client, rest):
    keys = {**PACE, **client}
    return FILE.format(port=port, client=", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None),
                       rest="\n".join(f"{key}: {value}" for key, value in rest.items()))


def both(flags, client={}, **rest):
    return pytest.param(flags, client, rest)


def request(text):
    return {"request": "{" + text + "}"}


# Flags beside -n 1 -r 100, and what the file says instead.
SAME_REQUEST = {
    "nothing": both([]),
    "a method": both(["-m", "put"], request("method: put")),
    "a method of its own": both(["-m", "PROPFIND"], request("method: PROPFIND")),
    "a method with a dash": both(["-m", "m-search"], request("method: m-search")),
    "a post without a body": both(["-m", "post"], request("method: post")),
    "a delete without a body": both(["-m", "delete"], request("method: delete")),
    "a body": both(["-b", "a=1"], request("method: post, data: 'a=1'")),
    "a body of a get": both(["-m", "get", "-b", "x"], request("method: get, data: x")),
    "an empty body": both(["-b", ""], request("data: ''")),
    "headers": both(["-H", "X-A: 1, 2", "-H", "x-b:  c  "], request("headers: {X-A: '1, 2', x-b: c}")),
    "a header twice": both(["-H", "X-A: 1", "-H", "X-A: 2"], request("headers: [[X-A, 1], [X-A, 2]]")),
    "an empty header": both(["-H", "X-A:"], request("headers: {X-A: ''}")),
    "a header with a tab": both(["-H", "X-A: a\tb"], request('headers: {X-A: "a\\tb"}')),
    "a header beyond ASCII": both(["-H", "X-A: ü"], request("headers: {X-A: ü}")),
    "a host of one's own": both(["-H", "Host: example"], request("headers: {Host: example}")),
    "an agent of one's own": both(["-H", "User-Agent: me"], request("headers: {User-Agent: me}")),
    "a path": both(["URL/a/b?x=1&y=%20z"], request("path: '/a/b?x=1&y=%20z'")),
    "a path with a blank": both(["URL/a b"], request("path: /a b")),
    "a path beyond ASCII": both(["URL/ü"], request("path: /ü")),
    "dots in a path": both(["URL/a/../b/./c?d=../e"], request("path: '/a/../b/./c?d=../e'")),
    "a query without a path": both(["URL?x=1"], request("path: '?x=1'")),
    "a fragment": both(["URL/a#b"], request("path: '/a#b'")),
    "a bad escape": both(["URL/100%"], request("path: '/100%'")),
    "who asks": both(["http://m%40e:p%3Aw@HOST/"], request("auth: ['m@e', 'p:w']")),
    "who asks, without a password": both(["http://me@HOST/"], request("auth: [me, '']")),
}


@pytest.fixture(scope="module")
def server():
    made = RawServer()
    yield made
    made.close()


def seen(server):
    taken = [(one.line, sorted(one.headers), one.body) for one in server.requests]
    server.requests.clear()
    return taken


def load_arguments(flags, host):
    url = f"http://{host}"
    if flags and (flags[0].startswith("URL") or "://" in flags[0]):
        url, flags = flags[0].replace("URL", url).replace("HOST", host), flags[1:]
    return ["load", url, *flags]


@pytest.mark.parametrize("flags, client, rest", SAME_REQUEST.values(), ids=SAME_REQUEST.keys())
def test_a_flag_and_a_key_send_the_same_request(run, server, tmp_path, flags, client, rest):
    done = run(*load_arguments(flags, server.address), "-n", "1", "-r", "100", "-q", "--db", "none", "--no-telemetry")
    assert done.ran, done
    by_flag = seen(server)
    (tmp_path / "f.yaml").write_text(file_of(server.address.split(":")[1], client, {"telemetry": "off", **rest}))
    done = run("run", "f.yaml", "-q", "--db", "none")
    assert done.ran, done
    assert len(by_flag) == 1 and by_flag == seen(server)


def test_a_small_rate_is_shared_by_many_clients(run, server):
    """A share below 0.0001/s is written without an exponent."""
    done = run("load", f"http://{server.address}/", "-r", "1", "--clients", "20000", "-d", "100ms", "-q", "--db", "none", "--no-telemetry")
    assert done.ran, done
    seen(server)


SAME_REFUSAL = {
    "a method with a blank": both(["-m", "GET /x"], request("method: 'GET /x'")),
    "a tunnel": both(["-m", "connect"], request("method: connect")),
    "a header's name with a blank": both(["-H", "X A: 1"], request("headers: {X A: 1}")),
    "a header's name with a blank at its end": both(["-H", "X-A : 1"], request("headers: {'X-A ': 1}")),
    "a header with a line break": both(["-H", "X-A: a\r\nEvil: 1"], request('headers: {X-A: "a\\r\\nEvil: 1"}')),
    "a header with a control character": both(["-H", "X-A: a\x01"], request('headers: {X-A: "a\\x01"}')),
    "no time for an answer": both(["--timeout", "0"], request("timeout: 0")),
    "a time that is none": both(["--timeout", "soon"], request("timeout: soon")),
    "no time to connect": both(["--connect-timeout", "0"], limits="{connect_timeout: 0}"),
    "a negative warm-up": both(["--warmup=-1s"], warmup="-1s"),
    "no duration": both(["-d", "0"], {"duration": "0"}),
    "too many redirects": both(["--redirects", "101"], limits="{redirects: 101}"),
    "too many threads": both(["-t", "1025"], limits="{threads: 1025}"),
    "too many clients": both(["-n", "2000000", "--clients", "2000000"], {"num": "2000000"}),
    "too many connections": both(["-c", "1000001"], limits="{connections: 1000001}"),
    "no connections": both(["-c", "0"], limits="{connections: 0}"),
    "a seed too large": both(["--seed", "9000000000000000001"], seed="9000000000000000001"),
    "a seed that is none": both(["--seed=-1"], seed="-1"),
    "more requests than can be": both(["-n", "2000000000000000"], {"requests": "2000000000000000"}),
    "a threshold that is none": both(["--threshold", "p95(latency) 5"], thresholds="['p95(latency) 5']"),
    "statuses that are none": both(["--fail-on", "4xx"], limits="{fail_on: 4xx}"),
    "a rate of nothing": both(["-r", "0"], {"rate": "{shape: constant, rps: 0}"}),
    "a rate that is none": both(["-r", "fast"], {"rate": "{shape: constant, rps: fast}"}),
    "a distribution that is none": both(["--arrival", "expo(1)"], {"rate": None, "arrival": "expo(1)"}),
}


def reasons(text):
    """What is wrong, without where it was written, and without the path of the key, which goes by the client's list."""
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    assert lines, text
    return [re.sub(r"^  (f\.yaml:\d+:\d+|-.*?): (?=[a-z'])", "", line) for line in lines]


@pytest.mark.parametrize("flags, client, rest", SAME_REFUSAL.values(), ids=SAME_REFUSAL.keys())
def test_a_flag_and_a_key_are_refused_in_the_same_words(run, tmp_path, flags, client, rest):
    pace = [word for flag, words in (("-n", ["-n", "1"]), ("-r", ["-r", "100"])) for word in words
            if flag not in flags and not (flag == "-r" and "--arrival" in flags)]
    by_flag = run("load", "http://127.0.0.1:1/", *flags, *pace)
    (tmp_path / "f.yaml").write_text(file_of(1, client, rest))
    by_key = run("run", "f.yaml", "--dry-run")
    assert (by_flag.code, by_key.code) == (2, 2), (by_flag, by_key)
    assert reasons(by_flag.err) == reasons(by_key.err), (by_flag, by_key)


# Hosts, at every door that takes one; ports and names that can't be.
HOSTS = ["a b:80", "h?x:80", "u@h:80", "h/x:80", "bücher:80", "[::1:80", "[h]:80", "h:0", "h:65536", "h:x", ""]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_none_is_refused_at_every_door(run, tmp_path, host):
    (tmp_path / "f.yaml").write_text(f"name: x\nservices: {{load: {{hosts: [{json.dumps(host)}]}}}}\n"
                                     "clients: [{service: load, rate: 1, requests: 1}]\n")
    by_key = run("run", "f.yaml", "--dry-run")
    by_route = run("rtbl", "set", "s", f"{host}=1", "--bus", "redis://127.0.0.1:1")
    assert (by_key.code, by_route.code) == (2, 2), (by_key, by_route)
    assert "is no address" in by_key.err and "is no" in by_route.err, (by_key, by_route)
    if not set("/?@") & set(host):  # in a URL these end a host, and are no part of it
        by_url = run("load", f"http://{host}/", "-n", "1")
        assert by_url.code == 2, by_url


@pytest.mark.parametrize("hosts, why", [(["h:1", "h:1=2"], "is there twice"), (["h:1=0", "i:1=0"], "no host with a weight above 0"), (["h:1=-1"], None)])
def test_a_route_is_refused_as_the_same_hosts_of_a_file_are(run, tmp_path, hosts, why):
    listed = [{"host": word.split("=")[0], "weight": word.split("=")[1] if "=" in word else "1"} for word in hosts]
    by_route = run("rtbl", "set", "s", *hosts, "--bus", "redis://127.0.0.1:1")
    assert by_route.code == 2, by_route
    if len({one["host"] for one in listed}) == len(listed):  # a map has no key twice
        (tmp_path / "f.yaml").write_text("name: x\nservices: {load: {hosts: {" + ", ".join(f"'{one['host']}': {one['weight']}" for one in listed)
                                         + "}}}\nclients: [{service: load, rate: 1, requests: 1}]\n")
        by_key = run("run", "f.yaml", "--dry-run")
        assert by_key.code == 2 and (not why or why in by_key.err), by_key
    assert not why or why in by_route.err, by_route


def test_a_password_in_a_header_or_url_that_is_refused_isnt_told(run):
    """What is wrong is named, what it holds isn't."""
    for arguments in (["http://127.0.0.1:1/", "-H", "Authorization: hush\x01"], ["http://me:hush@127.0.0.1:0/"], ["http://127.0.0.1:1/", "-H", "A B: hush"]):
        done = run("load", *arguments)
        assert done.code == 2 and "hush" not in done.err + done.out, done
