"""What nobody tried: servers that accept and say nothing or offer nothing, name servers that don't answer, disks that are full, files that
are no files. Each ends in its time with a name for what went wrong."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
from app_repository import AppRepository
from conftest import ROOT, SLOWER, result_of, wait_for
from http2_test import GO_AWAY, HEADERS, RESET, SETTINGS, frame, frames  # noqa: F401 (a fixture)
from raw_server import RawServer
from recording_server import server  # noqa: F401 (a fixture)
from tls_files import self_signed

OVER_2 = ("--http2-prior-knowledge", "--db", "none", "--json", "r.json")
NO_STREAMS = frame(SETTINGS, 0, 0, (3).to_bytes(2, "big") + bytes(4))


def test_a_server_that_takes_no_streams_is_waited_for_and_told(run, frames, tmp_path):
    """The first request may go out before the server has said so, and is refused; what comes later waits for a place."""
    def refuse(server, connection, kind, flags, stream):
        if kind == HEADERS:
            connection.sendall(frame(RESET, 0, stream, (7).to_bytes(4, "big")))
    silent = frames(refuse, first=NO_STREAMS)
    begun = time.monotonic()
    run("load", silent.url, *OVER_2, "-r", 20, "-n", 6, "--timeout", "700ms", timeout=20)
    assert time.monotonic() - begun < 15
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["answered"] == 0 and ledger["balanced"] and ledger["intended"] == 6, ledger
    assert set(ledger["failed"]) | set(ledger["not_sent"]) <= {"no_connection", "http2_refused", "timeout"}, ledger
    assert silent.connections < 20


@pytest.mark.parametrize("last", [0, 2**31 - 1], ids=["nothing processed", "in two steps"])
def test_a_server_that_says_goodbye_to_everybody_isnt_asked_for_ever(run, frames, tmp_path, last):
    bye = frames(lambda server, connection, kind, flags, stream: kind == HEADERS and (connection.sendall(frame(GO_AWAY, 0, 0, last.to_bytes(4, "big") + bytes(4))), "leave")[1])
    begun = time.monotonic()
    run("load", bye.url, *OVER_2, "-c", 1, "-n", 8, "--timeout", "5s", timeout=20)
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["answered"] == 0 and ledger["balanced"] and sum(ledger["failed"].values()) == 8, ledger
    # Two for each request at most, and a pause behind failures.
    assert bye.connections <= 16 and time.monotonic() - begun < 15, bye.connections


def test_goodbye_upon_the_connection_is_a_reason_and_no_storm(run, frames, tmp_path):
    bye = frames(first=frame(SETTINGS) + frame(GO_AWAY, 0, 0, bytes(8)))
    run("load", bye.url, *OVER_2, "-r", 100, "-d", "1s", "--timeout", "2s", timeout=20)
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["answered"] == 0 and ledger["balanced"] and ledger["intended"] == 100, ledger
    assert bye.connections <= 250, bye.connections


def test_a_server_that_never_speaks_tls_is_left_after_the_time_to_connect(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        for flags in ((), ("--http2",)):
            done = run("load", f"https://127.0.0.1:{listener.getsockname()[1]}/", "-k", *flags, "-c", 1, "-n", 2, "--connect-timeout", "400ms", "--db", "none", "--json", "r.json")
            assert result_of(tmp_path / "r.json")["ledger"]["failed"] == {"connect_timeout": 2}, done


def test_a_server_of_tls_that_agrees_on_nothing_is_spoken_http1_with(run, tmp_path):
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    silent = RawServer()
    plain = silent.serve
    silent.serve = lambda connection: plain(context.wrap_socket(connection, server_side=True))
    try:
        url = f"https://localhost:{silent.address.split(':')[1]}/"
        done = run("load", url, "--cacert", certificate, "--http2", "-c", 1, "-n", 3, "--db", "none", "--json", "r.json")
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["answered"] == 3 and result["generator"]["http"]["requests_1"] == 3, done
        done = run("load", url, "--cacert", certificate, *OVER_2, "-c", 1, "-n", 2)
        assert result_of(tmp_path / "r.json")["ledger"]["failed"] == {"not_http2": 2}, done
    finally:
        silent.close()


def test_a_proxy_of_the_environment_isnt_asked(run, server, tmp_path):  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        where = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        done = run("load", server.url, "-n", 3, "--db", "none", env={name: where for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")})
        assert done.ran and len(server.requests) == 3, done
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.mark.parametrize("flags", [("--replay",), ("--targets",), ("--rows",)], ids=lambda flags: flags[0])
def test_a_pipe_that_would_be_read_twice_is_refused_and_nobody_waits(run, server, tmp_path, flags):  # noqa: F811
    os.mkfifo(tmp_path / "pipe")
    url = server.url + ("{{row.a}}" if flags == ("--rows",) else "")
    done = run("load", url, *flags, "pipe", "-n", 1, timeout=15)
    assert done.code == 2 and "can't be a pipe" in done.err and "read twice" in done.err, done
    assert server.requests == []


@pytest.mark.parametrize("flags", [("--replay",), ("--targets",), ("--rows",), ("--profile",), ("--body",)], ids=lambda flags: flags[0])
@pytest.mark.parametrize("what", ["folder", "nothing"])
def test_what_is_no_file_is_told_before_anything_is_sent(run, server, tmp_path, flags, what):  # noqa: F811
    (tmp_path / "folder").mkdir()
    url = server.url + ("{{row.a}}" if flags == ("--rows",) else "")
    done = run("load", url, *flags, ("@" if flags == ("--body",) else "") + what, "-n", 1)
    assert done.code in (1, 2) and what in done.err and server.requests == [], done


NO_ANSWER = 'mount --bind "$RESOLV" /etc/resolv.conf && exec "$@"'


def test_a_name_server_that_never_answers_holds_nobody_up_for_ever(galileo, tmp_path):
    """Its words: no address, for each request, and who it was that wasn't found."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.53", 0))
        (tmp_path / "resolv").write_text("nameserver 127.255.255.254\noptions timeout:1 attempts:1\n")
        before = ["unshare", "-m", "sh", "-c", NO_ANSWER, "sh"]
        if subprocess.run([*before, "true"], env={**os.environ, "RESOLV": str(tmp_path / "resolv")}, capture_output=True).returncode != 0:
            pytest.skip("this machine allows no mounts of a test's own")
        done = subprocess.run([*before, galileo, "load", "http://nobody-knows-this-name.test:8080/", "-r", "10", "-n", "5", "--db", "none"], cwd=tmp_path, capture_output=True, text=True,
                              env={**os.environ, "RESOLV": str(tmp_path / "resolv")}, timeout=60)
    assert "nobody-knows-this-name.test" in done.stderr + done.stdout and "address" in done.stderr + done.stdout, done


FULL = 'mkdir -p apps && mount -t tmpfs -o size=96k none apps && "$@"; status=$?; ls -A apps; exit $status'


def test_a_disk_that_is_full_while_an_app_is_unpacked_keeps_nothing_of_it(galileo, tmp_path, server):  # noqa: F811
    before = ["unshare", "-m", "sh", "-c", FULL, "sh"]
    if subprocess.run([*before, "true"], cwd=tmp_path, capture_output=True).returncode != 0:
        pytest.skip("this machine allows no mounts of a test's own")
    repository = AppRepository(tmp_path / "store")
    try:
        repository.put("large", {"manifest.yml": "name: large\n", "generator.py": "def next_request(): return 'get', '/', None\n", "picture": os.urandom(300_000).hex()})
        done = subprocess.run([*before, galileo, "load", server.url, "--app", "large", "-n", "1"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "galileo_apps_repository": repository.url})
    finally:
        repository.stop()
    assert done.returncode != 0 and "No space left" in done.stderr, done
    assert done.stdout == "" and server.requests == [], done  # what `ls` says of the folder


def test_the_example_of_https_runs(run, tmp_path):
    assert shutil.which("openssl")
    done = run("run", ROOT / "examples/https/experiment.yaml", "--json", "r.json", env={"TMPDIR": str(tmp_path)}, timeout=60)
    result = result_of(tmp_path / "r.json")
    assert done.ran and result["ledger"]["answered"] == 250 and result["ledger"]["failed"] == {}, done


@pytest.mark.parametrize("waits_for", ["an app that loads", "an app's repository", "what a template fetches"])
def test_ctrl_c_is_obeyed_before_anything_is_sent(start, tmp_path, waits_for):
    """Whoever is waited for says nothing for much longer than the program may take to end."""
    app = tmp_path / "apps" / "slow"
    app.mkdir(parents=True)
    (app / "manifest.yml").write_text("name: slow\n")
    (app / "generator.py").write_text("import pathlib, time\npathlib.Path(context.path, 'loads').touch()\ntime.sleep(60)\n")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.settimeout(30)
        silent = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options = {
            "an app that loads": (silent, "--app", "slow"),
            "an app's repository": (silent, "--app", "elsewhere"),
            "what a template fetches": (silent, "-b", "{{base64 " + silent + "/cat.jpg}}"),
        }[waits_for]
        process = start("load", *options, "-r", 5, "--db", "none", env=os.environ | {"galileo_apps_repository": silent})
        if waits_for == "an app that loads":
            wait_for((app / "loads").exists, "the generator to load", 30)
            connection = None
        else:
            connection, _ = listener.accept()
            connection.recv(1)  # it has asked
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 105 and "ended by a signal" in told, told
        assert time.monotonic() - begun < 5 * SLOWER, told
        if connection:
            connection.close()
