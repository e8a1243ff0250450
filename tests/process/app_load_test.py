"""Load whose requests a client app makes: each client has a generator of its own, what that gives is what is sent, what goes
wrong is told once and ends the load, and no process stays."""
import base64
import json
import os
import shutil
import signal
import subprocess

import pytest
from app_repository import AppRepository
from conftest import ROOT, result_of, wait_for
from recording_server import server  # noqa: F401 (a fixture)


@pytest.fixture
def python(tmp_path):
    """An interpreter by a path of this test's own, by which whatever is left of it can be found."""
    path = tmp_path / "python-of-this-test"
    path.symlink_to("/usr/bin/python3")
    yield str(path)
    assert left_of(str(path)) == []


def left_of(path):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0] == path.encode():
                found.append(int(name))
    return found


def write_app(folder, generator, manifest="name: app\n"):
    folder.mkdir(parents=True)
    (folder / "manifest.yml").write_text(manifest)
    (folder / "generator.py").write_text(generator)


COUNTS = """
n = 0
def next_request():
    global n
    n += 1
    print('noise')
    return 'post', f'/{context.parameters["name"]}', {'json': {'n': n}, 'headers': {'X-Size': context.manifest['size']}}
"""


def test_each_client_sends_what_its_generator_makes_in_order(run, tmp_path, server, python):
    write_app(tmp_path / "apps/counts", COUNTS, "name: counts\nsize: 3\n")
    done = run("load", server.url, "--app", "counts", "--parameter", "name=a b", "--clients", 3, "-n", 60, "-r", "200", "--json", "result.json",
               env={"galileo_apps_python": python}, timeout=60)
    assert done.ran, done
    result = result_of(tmp_path / "result.json")
    assert result["ledger"]["answered"] == 60, result["ledger"]
    assert sorted(json.loads(body)["n"] for _, _, _, body in server.requests) == sorted(list(range(1, 21)) * 3)
    for method, target, headers, body in server.requests:
        assert (method, target, headers["content-type"], headers["x-size"]) == ("POST", "/a%20b", "application/json", "3")


def test_a_closed_loop_of_an_app_sends_exactly_what_it_should(run, tmp_path, server, python):
    write_app(tmp_path / "one", COUNTS, "name: one\nsize: 1\n")
    done = run("load", server.url, "--app", "./one", "--parameter", "name=x", "-c", 4, "-n", 500, env={"galileo_apps_python": python}, timeout=60)
    assert done.ran, done
    assert sorted(json.loads(body)["n"] for *_, body in server.requests) == list(range(1, 501))


def test_bytes_and_files_arrive_as_they_are(run, tmp_path, server, python):
    write_app(tmp_path / "app", r"""
kinds = [('put', '/', {'data': bytes(range(256))}), ('post', '/', {'files': {'f': ('a.bin', b'\xff\x00\r\n--', 'image/x')}}),
         ('post', '/', {'data': {'a': 'ü', 'b': [1, 2]}}), ('get', '/q', {'params': {'a': 1}, 'auth': ('u', 'p'), 'cookies': {'c': 'd'}}),
         ('delete', '/', None), ('head', '/', {'timeout': 5})]
def next_request():
    return kinds.pop(0)
""")
    done = run("load", server.url, "--app", "./app", "-n", 6, "-r", "50", "-t", 1, env={"galileo_apps_python": python})
    assert done.ran, done
    put, files, form, get, delete, head = server.requests
    assert put[3] == bytes(range(256)) and put[2]["content-length"] == "256"
    assert b'name="f"; filename="a.bin"\r\nContent-Type: image/x\r\n\r\n\xff\x00\r\n--\r\n--' in files[3]
    assert form[3] == b"a=%C3%BC&b=1&b=2"
    assert get[1] == "/q?a=1" and get[2]["authorization"] == "Basic " + base64.b64encode(b"u:p").decode() and get[2]["cookie"] == "c=d"
    assert delete[0] == "DELETE" and head[0] == "HEAD"


@pytest.mark.parametrize("generator, why", [
    ("def next_request():\n    raise ValueError('no more ideas')\n", ["ValueError: no more ideas", "generator.py\", line 2, in next_request"]),
    ("n = 0\ndef next_request():\n    global n\n    n += 1\n    return ('get', '/', None) if n < 4 else None\n", ["gave None"]),
    ("import os\ndef next_request(): os._exit(9)\n", ["exit code 9"]),
    ("def next_request():\n    while True: pass\n", ["gave nothing for"]),
    ("import time\ndef next_request():\n    global x\n    x = bytearray(300 << 20)\n    time.sleep(100)\n", ["of memory"]),
    ("import os, time\ndef next_request():\n    while os.fork(): pass\n    time.sleep(100)\n", ["processes"]),
], ids=["raises", "nonsense", "exits", "loops", "memory", "forks"])
def test_a_generator_that_fails_ends_the_load_and_is_told_with_its_words(run, tmp_path, server, python, generator, why):
    write_app(tmp_path / "app", generator)
    done = run("load", server.url, "--app", "./app", "-n", 100, "-r", "100", "--json", "result.json", timeout=60,
               env={"galileo_apps_python": python, "galileo_apps_timeout": "3s", "galileo_apps_memory": "200MiB"})
    told = done.out + done.err
    assert result_of(tmp_path / "result.json")["verdict"]["value"] != "VALID", done
    assert "client app 'app' has ended the load early" in told, done
    for words in why:
        assert words in told, done
    assert len(server.requests) == (3 if "n < 4" in generator else 0)


@pytest.mark.parametrize("generator, why", [("def next_request(:\n", "SyntaxError"), ("import no_such_module\n", "No module named 'no_such_module'"),
                                            ("x = 1\n", "no function next_request()"), ("while True: pass\n", "wasn't loaded within")])
def test_an_app_that_cant_be_loaded_is_told_before_the_run(run, tmp_path, server, python, generator, why):
    write_app(tmp_path / "app", generator)
    done = run("load", server.url, "--app", "./app", "-n", 10, env={"galileo_apps_python": python, "galileo_apps_timeout": "1s"}, timeout=60)
    assert done.code != 0 and why in done.err and "client app 'app'" in done.err, done
    assert server.requests == []


def test_a_generator_that_has_no_more_ends_the_load_in_peace(run, tmp_path, server, python):
    write_app(tmp_path / "app", "all = [('get', f'/{i}', None) for i in range(7)]\ndef next_request():\n    if not all: raise StopIteration\n    return all.pop(0)\n")
    done = run("load", server.url, "--app", "./app", "-r", "100", "-d", "20s", env={"galileo_apps_python": python}, timeout=60)
    assert done.ran and "no more requests" in done.out + done.err, done
    assert [target for _, target, *_ in server.requests] == [f"/{i}" for i in range(7)]


def test_a_request_that_cant_be_is_one_failure_and_the_next_goes_out(run, tmp_path, server, python):
    write_app(tmp_path / "app", "n = 0\ndef next_request():\n    global n\n    n += 1\n    return 'get', '/', {'headers': {'X': 'a\\nb'}} if n == 2 else None\n")
    done = run("load", server.url, "--app", "./app", "-n", 5, "-r", "50", "--json", "result.json", env={"galileo_apps_python": python})
    assert len(server.requests) == 4, done
    assert "kwargs.headers.X" in done.out + done.err, done
    assert result_of(tmp_path / "result.json")["ledger"]["answered"] == 4


def test_a_slow_generator_is_told_by_its_name(run, tmp_path, server, python):
    write_app(tmp_path / "slow", "import time\ndef next_request():\n    time.sleep(0.05)\n    return 'get', '/', None\n", "name: slow\n")
    done = run("load", server.url, "--app", "./slow", "-n", 100, "-r", "200", "--json", "result.json", env={"galileo_apps_python": python}, timeout=60)
    assert len(server.requests) == 100, done
    assert "requests weren't made in time: client app 'slow' was late" in done.out + done.err, done
    assert result_of(tmp_path / "result.json")["verdict"]["value"] != "VALID"


def test_the_network_is_held_back_unless_it_is_allowed(run, tmp_path, server, python):
    write_app(tmp_path / "app", f"""
import socket
def next_request():
    socket.create_connection(('127.0.0.1', {server.port}), 5).close()
    return 'get', '/', None
""")
    done = run("load", server.url, "--app", "./app", "-n", 3, env={"galileo_apps_python": python})
    assert "socket.create_connection" in done.out and "Error: [Errno" in done.out and server.requests == [], done
    done = run("load", server.url, "--app", "./app", "-n", 3, env={"galileo_apps_python": python, "galileo_apps_network": "yes"})
    assert done.ran and len(server.requests) == 3, done


def test_an_app_comes_from_the_repository_and_stays(run, tmp_path, server, python):
    repository = AppRepository(tmp_path / "store")
    try:
        repository.put("far", {"manifest.yml": "name: far\nsize: 1\n", "generator.py": COUNTS})
        repository.put("liar", {"manifest.yml": "name: liar\n", "generator.py": COUNTS})
        repository.put("evil", {"manifest.yml": "name: evil\n", "generator.py": COUNTS, "../../evil": "x"})
        repository.put("nothing", {"readme": "hello"})
        repository.lies["liar"] = "other"
        env = {"galileo_apps_repository": repository.url, "galileo_apps_python": python}
        arguments = ["--parameter", "name=x", "-n", 4]
        assert run("load", server.url, "--app", "far", *arguments, env=env).ran
        assert len(server.requests) == 4 and repository.asked == [("GET", "/api/apps/far"), ("GET", "/api/apps/far/download")]
        assert run("load", server.url, "--app", "far", *arguments, env=env).ran
        assert len(repository.asked) == 2 and os.listdir(tmp_path / "apps") == ["far"]
        for name, why in [("liar", "its answer is about 'other'"), ("evil", "'..'"), ("nothing", "this is no app"), ("none", "there is no client app 'none'")]:
            done = run("load", server.url, "--app", name, *arguments, env=env)
            assert done.code != 0 and why in done.err, done
        assert os.listdir(tmp_path / "apps") == ["far"] and not (tmp_path / "evil").exists()
    finally:
        repository.stop()


# A machine that allows no namespaces: there a filter of system calls holds generators.
NO_NAMESPACES = ["unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"', "sh"]


@pytest.fixture(params=[[], NO_NAMESPACES], ids=["namespaces", "filter"])
def before(request):
    if request.param and subprocess.run([*request.param, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no namespace of users, in which others could be forbidden")
    return request.param


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_no_process_of_an_app_outlives_the_program(start, tmp_path, server, python, how, before):
    write_app(tmp_path / "app", "import os, time\nif os.fork() == 0: time.sleep(1000)\ndef next_request():\n    return 'get', '/', None\n")
    with open(tmp_path / "log", "w") as log:
        process = start("load", server.url, "--app", "./app", "-r", "20", "-d", "60s", log=log, before=before, env={**os.environ, "galileo_apps_python": python})
        wait_for(lambda: len(server.requests) > 3, "requests", 20)
        assert len(left_of(python)) >= 3
        process.send_signal(how)
        process.wait(20)
        wait_for(lambda: left_of(python) == [], lambda: f"{left_of(python)} to end", 10)


def test_one_request_of_an_app_is_sent_from_here(galileo, tmp_path, server, python):
    write_app(tmp_path / "apps/counts", COUNTS, "name: counts\nsize: 3\n")
    write_app(tmp_path / "apps/none", "def next_request():\n    raise ValueError('none today')\n")
    order = {"call": "once", "service": "img", "hosts": [f"127.0.0.1:{server.port}"], "client": "counts", "parameters": {"name": "x"}}
    with subprocess.Popen([galileo, "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
                          env={**os.environ, "galileo_apps_python": python, "galileo_apps_repository": "none"}) as session:
        answers = []
        for one in (order, {**order, "client": "none"}, {**order, "client": "nobodys"}):
            session.stdin.write(json.dumps(one) + "\n")
            session.stdin.flush()
            answers.append(json.loads(session.stdout.readline()))
        session.stdin.close()
        assert session.wait(20) == 0
    first, second, third = answers
    assert (first["ok"]["status"], first["ok"]["method"], first["ok"]["path"]) == (200, "POST", "/x"), first
    assert [json.loads(body) for *_, body in server.requests] == [{"n": 1}]
    assert "none today" in second["error"]["text"] and "there is no client app 'nobodys'" in third["error"]["text"], answers


def test_a_filter_holds_back_the_network_and_who_would_leave(start, tmp_path, server, python):
    """Each call that gets away is written down; a Unix socket may be made."""
    write_app(tmp_path / "app", """
import ctypes, os, socket
tried = {}
def attempt(name, call):
    try:
        tried[name] = 'did' if call() not in (-1,) else 'failed'
    except OSError as error:
        tried[name] = 'refused'
def leave():
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
        except OSError:
            os._exit(1)
        os._exit(0)
    return 0 if os.waitpid(pid, 0)[1] == 0 else -1
libc = ctypes.CDLL(None)
attempt('tcp', lambda: socket.socket(socket.AF_INET))
attempt('tcp6', lambda: socket.socket(socket.AF_INET6))
attempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt('io_uring', lambda: libc.syscall(425, 8, ctypes.create_string_buffer(256)))
attempt('setpgid', lambda: os.setpgid(0, 0))
attempt('setsid', leave)
attempt('unix', lambda: socket.socket(socket.AF_UNIX))
def next_request():
    return 'post', '/', {'json': tried}
""")
    if subprocess.run([*NO_NAMESPACES, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no namespace of users, in which others could be forbidden")
    with open(tmp_path / "log", "w") as log:
        process = start("load", server.url, "--app", "./app", "-n", 1, log=log, before=NO_NAMESPACES, env={**os.environ, "galileo_apps_python": python})
        wait_for(lambda: server.requests or process.poll() is not None, "a request", 20)
        process.wait(20)
    tried = json.loads(server.requests[0][3])
    assert tried.pop("unix") == "did"
    assert set(tried.values()) <= {"refused", "failed"}, tried


def test_no_python_is_needed_where_no_app_is(run, target, tmp_path):
    done = run("load", target(), "-n", 10, env={"PATH": "/nowhere", "galileo_apps_python": "/nowhere/python3"})
    assert done.ran, done


@pytest.mark.quick
@pytest.mark.parametrize("arguments, why", [
    (["--app", "a", "-m", "post"], "an app says the method"), (["--app", "a", "-H", "A: b"], "an app says the method"),
    (["--parameter", "a=b"], "--parameter is for an app"), (["--app", "./x", "--parameter", "b"], "has no name"),
    (["--app", "../a/"], "no folder is there"), (["--app", "none"], "there is no client app 'none'")])
def test_what_doesnt_go_with_an_app_is_told(run, port, arguments, why):
    done = run("load", f"http://127.0.0.1:{port}/", "-n", 1, *arguments, env={"galileo_apps_repository": "none"})
    assert done.code != 0 and why in done.err, done


@pytest.mark.parametrize("name, port, requests", [("app", 8091, 200), ("upload", 8092, 100)])
def test_the_examples_run(run, galileo, tmp_path, free_port_of, name, port, requests):
    shutil.copytree(ROOT / "examples" / name, tmp_path / name)
    file = tmp_path / name / "experiment.yaml"
    file.write_text(file.read_text().replace(str(port), str(free_port_of())))
    env = {"PATH": f"{os.path.dirname(galileo)}:{os.environ['PATH']}"}
    done = run("run", "experiment.yaml", "--json", "result.json", cwd=tmp_path / name, env=env, timeout=60)
    assert done.ran, done
    assert result_of(tmp_path / name / "result.json")["ledger"]["answered"] == requests


@pytest.fixture
def free_port_of():
    from ports import free_port
    return free_port
