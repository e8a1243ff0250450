"""What `galileo telemd` says where things aren't what their names said, don't answer, or aren't known: on real pipes, interfaces,
processes, file systems and pages."""
import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import ROOT, SLOWER, free_port, wait_for
from slow_files import SlowFiles
from telemd_test import daemon  # noqa: F401: a fixture
from telemetry_values import Values


def metric(port, name):
    text = urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    return float(re.search(rf"^galileo_telemd_{name} (\S+)", text, re.M)[1])


@pytest.mark.quick
def test_a_pipe_among_the_files_stops_neither_the_others_nor_sigterm(redis, daemon, tmp_path):
    server, status = redis(), free_port()
    values = Values(server)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "good").write_text("1\n")
    process = daemon(server, "n1", "--status", f"127.0.0.1:{status}", env={
        "telemd_files": f"fifo:{tmp_path}/fifo good:{tmp_path}/good", "telemd_instruments_enable": "file ram",
        "telemd_period_file": "50ms", "telemd_period_ram": "50ms"})
    count = lambda topic: len(values.of("n1").get(topic, []))
    wait_for(lambda: count("ram") > 3 and count("file/good") > 3, lambda: f"{values.of('n1')}")
    (tmp_path / "new").write_text("2\n")
    os.replace(tmp_path / "new", tmp_path / "good")
    wait_for(lambda: values.of("n1")["file/good"][-1][1] == 2, "the file that was moved there")
    assert metric(status, "values_left_out_total") > 0 and metric(status, "readings_failed_total") > 0
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=10 * SLOWER)[1]
    assert process.returncode == 0 and len(re.findall("a file gives no value.*file=fifo.*waited for", told)) == 1, told
    assert "file/fifo" not in values.of("n1")


def test_a_file_that_does_not_answer_is_read_apart_and_counted(redis, daemon, tmp_path):
    """On a file system that waits: the other files and instruments go on, and it is read again once it answers."""
    (tmp_path / "slow").mkdir()
    try:
        files = SlowFiles(tmp_path / "slow", "7\n")
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    server, status = redis(), free_port()
    values = Values(server)
    (tmp_path / "good").write_text("1\n")
    count = lambda topic: len(values.of("n1").get(topic, []))
    try:
        process = daemon(server, "n1", "--status", f"127.0.0.1:{status}", env={
            "telemd_files": f"slow:{tmp_path}/slow/value good:{tmp_path}/good", "telemd_instruments_enable": "file ram",
            "telemd_period_file": "100ms", "telemd_period_ram": "100ms"})
        wait_for(lambda: files.waiting, "the slow file to be asked for")
        before = count("ram"), count("file/good")
        wait_for(lambda: count("ram") > before[0] + 5 and count("file/good") > before[1] + 5, lambda: f"{values.of('n1')}")
        wait_for(lambda: metric(status, "readings_missed_total") > 5, "missed readings to be counted")
        assert len(files.waiting) == 1 and count("file/slow") == 0
        wait_for(lambda: metric(status, "readings_failed_total") == 1, "its deadline", 30)
        files.release()
        wait_for(lambda: count("file/slow") > 3 and values.of("n1")["file/slow"][-1][1] == 7, "it to be read again")
        # And once more, so that the end comes while it hangs. The kernel keeps the process until its request is answered.
        files.held = True
        wait_for(lambda: files.waiting, "the slow file to be asked for")
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: not server("EXISTS", "telemd.info:n1"), "the node's info to go")
        files.release()
        told = process.communicate(timeout=10 * SLOWER)[1]
        assert process.returncode == 0, told
        assert len(re.findall("comes to no end.*file slow", told)) == 1 and len(re.findall("has come to an end after all.*file slow", told)) == 1, told
    finally:
        files.stop()


def test_an_interface_that_is_renamed_or_replaced_is_never_taken_for_another(redis, daemon, tmp_path):
    """A real pair of interfaces in a namespace: one has moved millions of bytes when the names are swapped."""
    if os.getuid() != 0 or subprocess.run(["unshare", "--net", "--mount", "ip", "link", "add", "v1", "type", "veth", "peer", "name", "v2"],
                                          capture_output=True).returncode:
        pytest.skip("no namespaces of network and mounts with veth here")
    server = redis()
    values = Values(server)
    sys_folder = tmp_path / "sys"
    sys_folder.mkdir()
    space = subprocess.Popen(["unshare", "--net", "--mount", "sleep", "300"])
    inside = lambda *words: ["nsenter", "--target", str(space.pid), "--net", "--mount", *map(str, words)]
    at = lambda *words: subprocess.run(inside(*words), check=True, timeout=30)
    process = None
    try:
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{space.pid}/ns/net") != own, "a namespace")
        at("ip", "link", "add", "busy", "type", "veth", "peer", "name", "far")
        at("ip", "link", "add", "idle", "type", "veth", "peer", "name", "afar")
        for device in ("busy", "far", "idle"):
            at("ip", "link", "set", device, "up")
        at("ip", "addr", "add", "10.9.8.1/24", "dev", "busy")
        at("ip", "neigh", "add", "10.9.8.2", "lladdr", "02:00:00:00:00:01", "dev", "busy")
        send = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor i in range(3000):\n    s.sendto(b'x' * 1000, ('10.9.8.2', 9))"
        at(sys.executable, "-c", send)
        at("mount", "-t", "sysfs", "none", sys_folder)
        env = {**os.environ, "telemd_sys_mount": str(sys_folder), "telemd_instruments_enable": "net", "telemd_period_net": "50ms"}
        galileo = os.environ.get("GALILEO_BINARY", ROOT / "build/release/galileo")
        process = subprocess.Popen(inside(galileo, "telemd", "--node", "n1", "--bus", f"unix://{server.socket}"), env=env, stderr=subprocess.DEVNULL)
        count = lambda topic: len(values.of("n1").get(topic, []))
        wait_for(lambda: count("tx/busy") > 3 and count("tx/idle") > 3, "readings")
        for old, new in (("busy", "x"), ("idle", "busy"), ("x", "idle")):
            at("ip", "link", "set", old, "down")  # older kernels want that
            at("ip", "link", "set", old, "name", new)
        after = count("tx/busy"), count("tx/idle")
        wait_for(lambda: count("tx/busy") > after[0] + 5 and count("tx/idle") > after[1] + 5, "readings under the new names")
        # One that takes another's place under its name has counters of its own, too.
        at("ip", "link", "del", "busy")
        at("ip", "link", "set", "idle", "down")
        at("ip", "link", "set", "idle", "name", "busy")
        after = count("tx/busy")
        wait_for(lambda: count("tx/busy") > after + 5, "readings of the one that took its place")
        at("ip", "link", "set", "busy", "down")
        at("ip", "link", "set", "busy", "name", "fresh")
        wait_for(lambda: count("tx/fresh") > 3, "the new name")
        seen = {topic: max(value for _, value in all_of) for topic, all_of in values.of("n1").items() if topic.startswith(("tx/", "rx/"))}
        assert max(seen.values()) < 1000, seen  # kB/s: of three million bytes none is told a second time
    finally:
        for running in (process, space):
            if running:
                running.terminate()
                running.wait(10)


FORKING = """
import os, time
held = bytearray(b'x' * (100 << 20))
for _ in range(4):
    if os.fork() == 0:
        break
os.write(1, b"ready\\n")  # each at one go
time.sleep(300)
"""


def test_memory_that_forks_share_is_told_once(redis, daemon, tmp_path):
    """100 MiB and four forks: not 500 MiB."""
    server = redis()
    values = Values(server)
    name = f"forks{os.getpid()}"
    os.symlink(sys.executable, tmp_path / name)
    process = subprocess.Popen([tmp_path / name, "-c", FORKING], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        for _ in range(5):
            assert process.stdout.readline() == "ready\n"
        if not os.access(f"/proc/{process.pid}/smaps_rollup", os.R_OK):
            pytest.skip("this kernel doesn't tell what is shared")
        daemon(server, "n1", env={"telemd_processes": name, "telemd_instruments_enable": "process", "telemd_period_process": "100ms"})
        wait_for(lambda: len(values.of("n1").get(f"process_rss/{name}", [])) > 1, "readings")
        told = values.of("n1")
        assert told[f"process_threads/{name}"][-1][1] == 5
        assert 100 << 20 <= told[f"process_rss/{name}"][-1][1] < 160 << 20
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


class Script:
    """A server that answers each GET as a function says: answer(path, headers) -> bytes of the whole answer, or pieces of it."""
    def __init__(self, answer, host="127.0.0.1"):
        self.socket, self.answer, self.asked = socket.create_server((host, 0)), answer, []
        self.port = self.socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.speak, args=(connection,), daemon=True).start()

    def speak(self, connection):
        with contextlib.suppress(OSError, ValueError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            path = lines[0].split()[1]
            self.asked.append((path, headers))
            for piece in self.answer(path, headers):
                connection.sendall(piece)


def page(text, more=""):
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + more.encode() + f"Content-Length: {len(text)}\r\n\r\n{text}".encode()


def test_pages_that_want_a_password_come_in_chunks_are_large_or_slow(redis, daemon):
    server, status, go_on = redis(), free_port(), threading.Event()
    values = Values(server)

    def answer(path, headers):
        if path == "/chunks":
            return [b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", b"7\r\nchunke", b"d\r\n5\r\n 3.5\n\r\n0\r\n\r\n"]
        if path == "/large":
            return [page("".join(f"large{{n=\"{i}\"}} {i}\n" for i in range(60_000)))]
        if path == "/huge":
            return [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"] + [b"huge 1\n" * 10_000] * 260
        if path == "/slow":
            go_on.wait(60)
            return [page("slow 4\n")]
        return [page("metric 5\n")]
    pages = Script(answer)
    named = {"chunks": f"{pages.url}/chunks", "large": f"{pages.url}/large", "huge": f"{pages.url}/huge", "slow": f"{pages.url}/slow",
             "user": f"http://me:canary@127.0.0.1:{pages.port}/plain", "wrong": f"http://me:canary@127.0.0.1:{free_port()}/"}
    process = daemon(server, "n1", "--status", f"127.0.0.1:{status}", env={
        "telemd_scrape": " ".join(f"{name}:{url}" for name, url in named.items()), "telemd_period_scrape": "500ms",
        "telemd_scrape_metrics": "chunked large huge slow metric", "telemd_instruments_enable": "scrape"})
    last = lambda topic: values.of("n1").get(f"scrape/{topic}", [(0, None)])[-1][1]
    wait_for(lambda: (last("chunks/chunked"), last("user/metric")) == (3.5, 5), lambda: f"{list(values.of('n1'))[:20]}")
    wait_for(lambda: last("large/large/n=4999") == 4999, "the large page's values")
    wait_for(lambda: metric(status, "readings_missed_total") > 2, "the slow page's missed readings")
    go_on.set()
    wait_for(lambda: last("slow/slow") == 4, "the slow page")
    wanted = "Basic " + base64.b64encode(b"me:canary").decode()
    assert {headers.get("Authorization") for path, headers in pages.asked if path == "/plain"} == {wanted}
    wait_for(lambda: metric(status, "readings_failed_total") > 2, "the failures to be counted")
    process.terminate()
    told = process.communicate(timeout=10 * SLOWER)[1]
    for name, why in (("huge", "over the limit"), ("wrong", "refused")):
        assert re.search(rf"page of metrics can't be read.*page={name} .*{why}", told), told
    assert "canary" not in told and last("huge/huge") is None, told


def moved(to):
    return [f"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()]


def test_a_page_that_has_moved_is_read_where_it_is(redis, daemon):
    """Each way to say where, with whose credentials it is asked there, and what is told of the ways that lead nowhere."""
    server = redis()
    values = Values(server)
    there = Script(lambda path, headers: moved("/end") if path == "/once" else [page("metric 7\n")])
    to = {"/a/relative": "../metrics?x=1", "/path": "/metrics", "/host": f"http://localhost:{there.port}/once", "/more": "/host",
          "/loop": "/loop", "/tls": "https://127.0.0.1/?token=canary", "/nobody": "http://nobody.invalid/"}
    pages = Script(lambda path, headers: moved(to[path]) if path in to else [page("metric 5\n")])
    user = "me:c%40n%3Aary"
    process = daemon(server, "n1", env={
        "telemd_scrape": " ".join(f"{path.strip('/').replace('/', '_')}:http://{user}@127.0.0.1:{pages.port}{path}" for path in to),
        "telemd_period_scrape": "200ms", "telemd_instruments_enable": "scrape"})
    last = lambda name: values.of("n1").get(f"scrape/{name}/metric", [(0, None)])[-1][1]
    wait_for(lambda: [last(name) for name in ("a_relative", "path", "host", "more")] == [5, 5, 7, 7], lambda: f"{values.of('n1')}")
    wait_for(lambda: sum(path == "/loop" for path, _ in pages.asked) > 22, "the page that leads to itself to be asked again")
    process.terminate()
    told = process.communicate(timeout=10 * SLOWER)[1]
    basic = "Basic " + base64.b64encode(b"me:c@n:ary").decode()
    assert {headers.get("Authorization") for _, headers in pages.asked} == {basic}
    assert {"/metrics?x=1", "/metrics"} <= {path for path, _ in pages.asked}
    assert {path for path, _ in there.asked} == {"/once", "/end"}
    assert {(headers.get("Authorization"), headers["Host"]) for _, headers in there.asked} == {(None, f"localhost:{there.port}")}
    for name, why in (("loop", "more than 10 times"), ("tls", r"https://127.0.0.1/\?token=\*\*\*.*isn't supported"),
                      ("nobody", "redirected to nobody.invalid:80/.*doesn't resolve")):
        assert len(re.findall(rf"page of metrics can't be read.*page={name} .*{why}", told)) == 1, told
    assert "canary" not in told and "c@n" not in told and "c%40n" not in told, told
