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
    "statuses that are none": both(["--fail-on", "4x"], limits="{fail_on: 4x}"),
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
def test_a_flag_a_key_and_a_setting_are_refused_in_the_same_words(run, tmp_path, flags, client, rest):
    pace = [word for flag, words in (("-n", ["-n", "1"]), ("-r", ["-r", "100"])) for word in words
            if flag not in flags and not (flag == "-r" and "--arrival" in flags)]
    by_flag = run("load", "http://127.0.0.1:1/", *flags, *pace)
    (tmp_path / "f.yaml").write_text(file_of(1, client, rest))
    by_key = run("run", "f.yaml", "--dry-run")
    assert (by_flag.code, by_key.code) == (2, 2), (by_flag, by_key)
    assert reasons(by_flag.err) == reasons(by_key.err), (by_flag, by_key)
    (tmp_path / "f.yaml").write_text(file_of(1, {key: None for key, value in client.items() if value is None}, {}))
    settings = [f"--set={key}={value}" for key, value in ({f"clients[0].{key}": value for key, value in client.items() if value is not None} | rest).items()]
    by_setting = run("run", "f.yaml", "--dry-run", *settings)
    assert by_setting.code == 2 and reasons(by_setting.err) == reasons(by_key.err), (by_setting, by_key)
    assert all(f"  {setting.partition('=')[2].partition('=')[0]}: " in by_setting.err.replace("  --set ", "  ") for setting in settings), by_setting


NOWHERE = "redis://127.0.0.1:1"
# What an environment variable says, the command that reads it, and why it can't be.
REFUSED_VARIABLES = [
    ("galileo_redis_port", ["x", "0", "70000", "-1"], ["workers", "ls"], "isn't from 1 to 65535"),
    ("galileo_redis_host", ["a b", "u@h", "h:1", "file:///x"], ["workers", "ls"], "no valid host"),
    ("galileo_redis_host", ["8080", "1.2"], ["workers", "ls"], "number"),
    ("galileo_redis_host", ["bücher"], ["workers", "ls"], "xn--"),
    ("galileo_redis_url", ["http://x", "redis://8080"], ["recorder"], ""),
    ("galileo_redis_db", ["x", "-1"], ["telem", "ls"], "a number of a database"),
    ("galileo_redis_password_FILE", ["/nonexistent", "."], ["workers", "ls"], "a file that can be read"),
    ("galileo_logging_level", ["LOUD"], ["exp", "ls"], "use DEBUG, INFO"),
    ("galileo_log_level", ["LOUD"], ["recorder"], "use DEBUG, INFO"),
    ("galileo_expdb_driver", ["foo", "SQLite", "none"], ["exp", "ls"], "use one of: sqlite, mysql, influxdb, mixed|did you mean 'sqlite'"),
    ("galileo_expdb_driver", ["foo"], ["load", "http://127.0.0.1:1/", "-n", "1"], "did you mean|use one of"),
    ("galileo_expdb_mysql_port", ["x", "0", "70000"], ["exp", "ls", "--db", "mysql:"], "isn't from 1 to 65535"),
    ("galileo_expdb_mysql_host", ["a b", "h/x", "h?x", "h:1"], ["exp", "ls", "--db", "mysql:"], "no valid host"),
    ("galileo_expdb_mysql_host", ["8080", "1.2"], ["exp", "ls", "--db", "mysql:"], "number"),
    ("galileo_expdb_influxdb_url", ["x", "ftp://x", "http://a b", "http://8080", "http://1.2:80"], ["exp", "ls", "--db", "influxdb:"], ""),
    ("galileo_expdb_influxdb_timeout", ["soon", "0", "-5"], ["exp", "ls", "--db", "influxdb:"], "number of milliseconds"),
    ("galileo_spool_max", ["much", "1"], ["load", "http://127.0.0.1:1/", "-n", "1", "-q"], ""),
    ("galileo_spool_full", ["stopp"], ["load", "http://127.0.0.1:1/", "-n", "1", "-q"], "stop"),
    ("galileo_router_type", ["Foo", "staticrouter"], ["worker", "--bus", NOWHERE], "unknown router"),
    ("galileo_router_static_host", ["a b", "8080", "ftp://x"], ["worker", "--bus", NOWHERE], "isn't a URL"),
    ("galileo_trace_logging", ["foo"], ["worker", "--bus", NOWHERE], "use redis, file, sql or none"),
    ("galileo_keep_response", ["foo", "1G"], ["worker", "--bus", NOWHERE], "give bytes"),
    ("eb_go_lb_listen_port", ["x", "0", "70000", "1.2"], ["gateway", "--zone", "z"], ""),
    ("eb_go_lb_mode", ["test"], ["gateway", "--zone", "z"], "one of dev, prod"),
    ("eb_go_lb_handler_type", ["rr"], ["gateway", "--zone", "z"], "one of dummy, wrr"),
    ("eb_go_lb_gateways", ["a?b:80", "127.0.0.1:81 8080"], ["gateway", "--zone", "z"], "isn't an address"),
    ("eb_go_lb_zone", ["a\nX-Evil: 1"], ["gateway"], "control character"),
    ("eb_go_lb_node_name", ["a\r\nX-Evil: 1"], ["gateway", "--zone", "z"], "control character"),
    ("eb_go_lb_etcd_host", [",", "h", "8080:1", "1.2:1", "h:0", "ftp://h:1", "http://h:1/x", "https://me:hush@h:1"], ["gateway", "--zone", "z", "--handler", "wrr"], "etcd can't be at"),
    ("eb_go_lb_etcd_host", ["h", "https://me:hush@h:1"], ["gateway", "weights", "get", "--zone", "z"], "etcd can't be at"),
    ("telemd_redis_port", ["x", "0"], ["telemd"], "isn't from 1 to 65535"),
    ("telemd_redis_host", ["1.2", "a b"], ["telemd"], "isn't a host"),
    ("telemd_redis_url", ["redis://8080"], ["telemd"], "a number alone"),
    ("telemd_redis_retry_backoff", ["soon"], ["telemd"], ""),
    ("telemd_logging_level", ["LOUD"], ["telemd", "--bus", NOWHERE], "use DEBUG, INFO"),
    ("telemd_period_cpu", ["soon", "0"], ["telemd", "--bus", NOWHERE], ""),
    ("telemd_gpu_devices", ["first"], ["telemd", "--bus", NOWHERE], ""),
    ("telemd_files", ["/x"], ["telemd", "--bus", NOWHERE], ""),
    ("telemd_scrape", ["a:http://8080/", "a:http://1.2/m", "a:https://h/"], ["telemd", "--bus", NOWHERE], ""),
    ("telemd_cpu_max", ["much"], ["telemd", "--bus", NOWHERE], ""),
]


@pytest.mark.parametrize("name, values, command, why", REFUSED_VARIABLES, ids=[f"{row[0]} {row[2][0]}" for row in REFUSED_VARIABLES])
def test_a_variable_that_cant_be_is_refused_with_its_name_why_and_the_mend(run, name, values, command, why):
    """Before anything is begun: no bus, database or server is there."""
    for value in values:
        done = run(*command, env={name: value})
        assert done.code == 2 and re.search(rf", {name}\b[^;]*.*; ", done.err, re.S) and re.search(why, done.err), (value, done)
        assert "hush" not in done.err and not done.out and len(done.err.strip().splitlines()) == 1, (value, done)


SAYS_NOTHING = {
    "exp": ["galileo_expdb_driver", "galileo_expdb_sqlite_path", "galileo_logging_level", "galileo_log_level"],
    "workers": ["galileo_redis_url", "galileo_redis_host", "galileo_redis_port", "galileo_redis_db", "galileo_redis_password"],
}


@pytest.mark.parametrize("command", SAYS_NOTHING)
def test_a_variable_that_is_empty_is_one_that_isnt_set(run, command):
    """As lines of a .env file without a value make them."""
    without = run(command, "ls", env={"galileo_redis_port": "1"})
    empty = run(command, "ls", env={"galileo_redis_port": "1"} | {name: "" for name in SAYS_NOTHING[command] if name != "galileo_redis_port"})
    assert without.code in (2, 92) and (without.code, without.err) == (empty.code, empty.err)


@pytest.mark.parametrize("flag", ["--rate", "-n", "-d", "-c", "-u", "--oauth2-bearer", "--timeout", "--ok", "--app", "--rows", "--cacert"])
def test_a_flag_without_its_value_is_refused(run, port, flag):
    """As a shell leaves it of a variable that isn't set; what held in its place would be full speed, or nobody's password."""
    done = run("load", f"http://127.0.0.1:{port}/", *(["-n", "1"] if flag != "-n" else []), flag, "")
    assert done.code == 2 and " is empty; leave it out" in done.err, done


def test_a_flag_goes_over_a_variable_that_cant_be(run):
    done = run("exp", "ls", "--db", "none.sqlite", env={"galileo_expdb_driver": "foo"})
    assert done.code == 2 and "none.sqlite" in done.err and "foo" not in done.err, done


# Where a host and port is wanted: numbers that the resolver would take for an address.
LISTEN, SEND = ["1.2", "1.2:80", "0x7f.1:80", "70000", "0", "127.0.0.1:0", "a b:80", "h:x"], ["8080", "8080:80", "1.2", "1.2:80", "127.1:80"]
DOORS = {
    "target --listen": (LISTEN, ["target", "--listen", "PLACE"]),
    "gateway --listen": (LISTEN, ["gateway", "--zone", "z", "--listen", "PLACE"]),
    "gateway --status": (LISTEN, ["gateway", "--zone", "z", "--status", "PLACE"]),
    "worker --status": (LISTEN, ["worker", "--bus", NOWHERE, "--status", "PLACE"]),
    "telemd --status": (LISTEN, ["telemd", "--bus", NOWHERE, "--status", "PLACE"]),
    "gateway --gateways": (SEND, ["gateway", "--zone", "z", "--gateways", "PLACE"]),
    "gateway --etcd": (SEND, ["gateway", "--zone", "z", "--etcd", "PLACE"]),
    "gateway weights --etcd": (SEND, ["gateway", "weights", "get", "--zone", "z", "--etcd", "PLACE"]),
    "gateway weights set": (SEND, ["gateway", "weights", "set", "f", "PLACE=1", "--zone", "z", "--etcd", "127.0.0.1:1"]),
    "load": (SEND, ["load", "PLACE", "-n", "1"]),
    "load, a URL": (SEND, ["load", "http://PLACE/", "-n", "1"]),
    "rtbl set": (SEND, ["rtbl", "set", "s", "PLACE=1", "--bus", NOWHERE]),
    "--bus": (SEND, ["workers", "ls", "--bus", "redis://PLACE"]),
    "--bus of run": (SEND, ["run", "f.yaml", "--bus", "redis://PLACE"]),
    "--db, MariaDB": (SEND, ["exp", "ls", "--db", "mysql://me@PLACE/x"]),
    "--db, InfluxDB": (SEND, ["exp", "ls", "--db", "influxdb://me@PLACE/x"]),
    "a service's hosts": (SEND, ["run", "f.yaml", "--dry-run", "--set=services.s.hosts={'PLACE': 1}"]),
    "a static host": (SEND, ["run", "f.yaml", "--dry-run", "--set=services.s={router: StaticRouter, static_host: 'http://PLACE'}"]),
    "a page": (SEND, ["run", "f.yaml", "--dry-run", "--set=telemetry={scrape: {a: 'http://PLACE/m'}}"]),
    "ready": (SEND, ["run", "f.yaml", "--dry-run", "--set=applications=[{name: a, command: ['true'], ready: 'PLACE'}]"]),
    "a page that is ready": (SEND, ["run", "f.yaml", "--dry-run", "--set=applications=[{name: a, command: ['true'], ready: 'http://PLACE/'}]"]),
    "bus": (SEND, ["run", "f.yaml", "--set=bus='redis://PLACE'"]),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_number_is_nowhere_taken_for_a_host(run, tmp_path, door):
    """8080 was listened to as 0.0.31.144:80. Where something is listened to it is a port; elsewhere it is refused."""
    places, command = DOORS[door]
    (tmp_path / "f.yaml").write_text("name: x\nservices: {s: {hosts: ['127.0.0.1:1']}}\nclients: [{service: s, rate: 1, requests: 1}]\n")
    for place in places:
        done = run(*[word.replace("PLACE", place) for word in command])
        assert done.code == 2 and re.search("number|it has no|no valid host|isn't from 1 to 65535", done.err), (place, done)
        assert len(done.err.strip().splitlines()) <= 2 and not done.out, (place, done)


# Hosts, at every door that takes one; ports and names that can't be.
HOSTS = ["a b:80", "h?x:80", "u@h:80", "h/x:80", "bücher:80", "[::1:80", "[h]:80", "h:0", "h:65536", "h:x", ""]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_none_is_refused_at_every_door(run, tmp_path, host):
    (tmp_path / "f.yaml").write_text(f"name: x\nservices: {{load: {{hosts: [{json.dumps(host)}]}}}}\n"
                                     "clients: [{service: load, rate: 1, requests: 1}]\n")
    by_key = run("run", "f.yaml", "--dry-run")
    by_route = run("rtbl", "set", "s", f"{host}=1", "--bus", "redis://127.0.0.1:1")
    assert (by_key.code, by_route.code) == (2, 2), (by_key, by_route)
    assert "isn't an address" in by_key.err and "isn't a" in by_route.err, (by_key, by_route)
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


def test_a_password_in_a_header_or_url_that_is_refused_isnt_told(run, tmp_path):
    """What is wrong is named, what it holds isn't."""
    (tmp_path / "f.yaml").write_text(file_of(1, {}, {}))
    for setting in ("clients[0].request.headers.Authorization=hush\x01", "clients[0].requestt.headers={Authorization: hush}"):
        done = run("run", "f.yaml", "--dry-run", "--set", setting)
        assert done.code == 2 and "hush" not in done.err + done.out, done
    for arguments in (["http://127.0.0.1:1/", "-H", "Authorization: hush\x01"], ["http://me:hush@127.0.0.1:0/"], ["http://127.0.0.1:1/", "-H", "A B: hush"]):
        done = run("load", *arguments)
        assert done.code == 2 and "hush" not in done.err + done.out, done
