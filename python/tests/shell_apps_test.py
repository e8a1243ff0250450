"""Client apps and https at the shell: the workers' clients and one request from here, whose requests a Python function makes."""
import json
import ssl
import sys

import pytest
from conftest import wait_for
from galileo import errors
from galileo.shell import shell
from recording_server import RecordingServer
from shell_fleet import needs_redis, own_fleet  # noqa: F401 (a fixture)
from tls_files import self_signed

# What this environment has and Debian's Python hasn't: generators run in the interpreter that asks for them.
COUNTS = """
import simpy
n = 0
def next_request():
    global n
    n += 1
    return 'post', f'/{context.parameters["name"]}', {'json': {'n': n}, 'headers': {'X-Size': context.manifest['size']}}
"""


@pytest.fixture
def apps(tmp_path, monkeypatch):
    """The folder of apps, which this process's environment names."""
    for name, generator in (("counts", COUNTS), ("broken", "def next_request():\n    raise ValueError('none today')\n")):
        (tmp_path / "apps" / name).mkdir(parents=True)
        (tmp_path / "apps" / name / "manifest.yml").write_text(f"name: {name}\nsize: 3\n")
        (tmp_path / "apps" / name / "generator.py").write_text(generator)
    for name, value in (("galileo_apps_dir", tmp_path / "apps"), ("galileo_apps_repository", "none")):
        monkeypatch.setenv(name, str(value))
    return tmp_path / "apps"


@pytest.fixture
def server():
    recording = RecordingServer()
    yield recording
    recording.stop()


def asked(server):
    """By target: the numbers that came, in order."""
    numbers = {}
    for method, target, headers, body in list(server.requests):
        assert (method, headers["x-size"]) == ("POST", "3")
        numbers.setdefault(target, []).append(json.loads(body)["n"])
    return numbers


@needs_redis
def test_clients_of_an_app_on_a_fleet(own_fleet, apps, server, capsys):  # noqa: F811
    own_fleet.worker("with-apps", galileo_zone="apps", galileo_apps_python=sys.executable)  # takes the folder of this environment
    g, rtbl, show = (own_fleet.names[name] for name in ("g", "rtbl", "show"))
    rtbl.set("counted", [f"127.0.0.1:{server.port}"])
    c = g.spawn("counted", 2, "counts", {"name": "fleet"}, {"galileo_zone": "apps"})
    assert [client.config[1:3] for client in c.clients] == [("counts", {"name": "fleet"})] * 2
    c.request(n=3, ia=0.01).wait(60)
    wait_for(lambda: [(info.requests, info.failed) for info in c.info()] == [(3, 0), (3, 0)], "the requests")
    assert {target: sorted(numbers) for target, numbers in asked(server).items()} == {"/fleet": [1, 1, 2, 2, 3, 3]}  # each has its own
    more = c.add()
    more.request(n=2, ia=0).wait(60)
    assert more.clients[0].config.client == "counts"
    show.info()
    assert capsys.readouterr().out.count("| counts ") == 3
    answer = g.request("counted", "counts", {"name": "here"})
    assert (answer.status_code, answer.text, answer.request.method, answer.url) == (200, "ok", "POST", f"http://127.0.0.1:{server.port}/here")
    assert asked(server)["/here"] == [1]
    for client, words in (("nobodys", "no client app 'nobodys'"), ("counts/../counts", "")):
        with pytest.raises(errors.GalileoError, match=words):
            g.spawn("counted", 1, client, {"name": "x"}, {"galileo_zone": "apps"})
    with pytest.raises(errors.GalileoError, match="no client app 'nobodys'"):
        g.request("counted", "nobodys")
    with pytest.raises(errors.GalileoError, match="ValueError: none today"):
        g.request("counted", "broken")
    assert len(c.close()) == 3


def test_clients_of_an_app_without_a_bus(apps, server):
    names = shell.init(standalone=True)
    try:
        names["rtbl"].set("counted", [f"127.0.0.1:{server.port}"])
        c = names["g"].spawn("counted", 1, "counts", {"name": "alone"})
        c.request(n=4, ia=0).wait(60)
        wait_for(lambda: asked(server) == {"/alone": [1, 2, 3, 4]}, lambda: asked(server))
        assert names["g"].request("counted", "counts", {"name": "once"}).ok and asked(server)["/once"] == [1]
        c.close()
    finally:
        names["g"].ctrl.close()


def test_one_request_by_https(tmp_path, server):
    """Its URL is one, and what isn't trusted is told; answers that were compressed are unpacked once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    names = shell.init(standalone=True)
    try:
        names["rtbl"].set("secure", [f"https://127.0.0.1:{server.port}"])
        answer = names["g"].request("secure", parameters={"path": "/a?b=1", "kwargs": {"verify": False}})
        assert (answer.status_code, answer.text, answer.url) == (200, "ok", f"https://127.0.0.1:{server.port}/a?b=1")
        with pytest.raises(errors.UnavailableError, match="certificate"):
            names["g"].request("secure")
    finally:
        names["g"].ctrl.close()
