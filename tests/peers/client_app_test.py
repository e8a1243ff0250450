"""Client apps: the original worker and ours, given the same app and parameters, send the same requests."""
import json

import pytest
from conftest import wait_for
from originals import background, bus, old_python, old_worker, our_shell, our_worker  # noqa: F401
from recording_server import RecordingServer

pytestmark = pytest.mark.peers

# A request of each kind that old applications make; state of its own; what the context says.
GENERATOR = """
import base64, os
n = 0
with open(os.path.join(context.path, 'picture.bin'), 'rb') as file:
    picture = file.read()
who = {'name': context.name, 'manifest': context.manifest, 'parameters': context.parameters, 'module': __name__, 'folder': os.path.basename(context.path)}


def next_request():
    global n
    n += 1
    kinds = [('get', f'/{n}', None),
             ('post', '/who', {'json': who}),
             ('post', '/image', {'json': {'picture': base64.b64encode(picture).decode()}, 'headers': {'X-Number': str(n)}}),
             ('put', '/bytes', {'data': picture, 'headers': {'Content-Type': 'image/x'}}),
             ('post', '/form', {'data': {'a': 'ä b', 'b': [1, 2]}, 'timeout': 20}),
             ('post', '/text', {'data': 'ascii'}),
             ('get', '/query', {'params': {'q': 'x y', 'n': n}, 'auth': ('user', 'pass'), 'cookies': {'c': '1'}, 'stream': False, 'verify': True}),
             ('post', '/files', {'files': {'f': ('p.bin', picture, 'image/x')}, 'data': {'k': 'v'}}),
             ('post', '/large', {'json': {'picture': base64.b64encode(picture * 40).decode(), 'more': 'ü'}}),
             ('delete', '/gone', {}), ('head', '/head', {'allow_redirects': False}), ('patch', '/patch', {'json': [1.0, None, True, 'ü']}),
             ('get', '/moved/a', None), ('post', '/moved/b', {'json': {'n': n}, 'cookies': {'c': '2'}, 'auth': ('user', 'pass')}), ('put', '/moved/c', {'data': 'body', 'headers': {'Cookie': 'given=1'}}),
             ('get', '/moved/d', {'allow_redirects': False}), ('get', '/behind', {'verify': False, 'timeout': (3, 20)}), ('get', '/%7Esigned?a=%7e&b=100%', {'params': [('c', 'd'), ('c', 'e')]})]
    return kinds[(n - 1) % len(kinds)]
"""
KINDS, MOVED = 18, 3  # so many of them are two requests each
# The connection's own, and the library's name.
NOT_COMPARED = {"user-agent", "connection", "host"}


def recorded(server, count):
    wait_for(lambda: len(server.requests) >= count, lambda: f"{count} requests, {len(server.requests)} have come", 60)
    plain = []
    for method, target, headers, body in server.requests:
        kept = {name: value for name, value in headers.items() if name not in NOT_COMPARED}
        if kept.get("content-type", "").startswith("multipart/"):
            boundary = kept["content-type"].split("boundary=")[1]
            kept["content-type"] = "multipart"
            body = body.replace(boundary.encode(), b"BOUNDARY")
            kept.pop("content-length")
        plain.append((method, target, kept, body))
    return sorted(plain, key=lambda one: (one[1], one[0], one[3]))  # the hops of one may come behind the next one


def test_both_workers_send_the_same_requests_of_an_app(run, bus, old_worker, our_worker, our_shell, tmp_path):
    app = tmp_path / "apps/kinds"
    app.mkdir(parents=True)
    (app / "manifest.yml").write_text("name: kinds\nsizes: [1, 2.5]\nnested: {a: yes}\n")
    (app / "generator.py").write_text(GENERATOR)
    (app / "picture.bin").write_bytes(bytes(range(256)))
    all_requests = {}
    for kind, start in (("old", old_worker), ("ours", our_worker)):
        server = RecordingServer()
        try:
            start(kind, galileo_apps_dir=str(tmp_path / "apps"), galileo_zone=kind)
            assert run("rtbl", "set", "img", f"127.0.0.1:{server.port}", env=bus.env).code == 0
            ids = our_shell.spawn(kind, service="img", num=1, client="kinds", parameters={"size": 3}, worker_labels={"galileo_zone": kind})
            assert ids == [f"{kind}:img:0"]
            our_shell.group("request", kind, num=2 * KINDS, distribution="constant", parameters=[0.05])
            assert our_shell.wait(60) is None
            all_requests[kind] = recorded(server, 2 * (KINDS + MOVED))
            our_shell.group("close", kind)
        finally:
            server.stop()
    assert len(all_requests["ours"]) == 2 * (KINDS + MOVED)
    assert json.loads(next(body for _, target, _, body in all_requests["ours"] if target == "/who"))["module"] == "galileo.clients.kinds"
    for ours, old in zip(all_requests["ours"], all_requests["old"]):
        assert ours == old
