"""The process's own surroundings: what its files are, whether they can be written, what it may have of the machine.
Each case is one that a user had: a device node that was replaced, a run that was aborted by a full stderr, an empty file
and exit code 0."""
import json
import os
import pty
import resource
import signal
import stat
import subprocess
import threading

import pytest

from conftest import SLOWER, accepts, free_port, wait_for

PLAN = """
name: small
services: {{s: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients: [{{service: s, rate: 100, requests: 20}}]
telemetry: false
"""


@pytest.fixture
def lab(run, target, port, tmp_path):
    """A target, its URL, a plan for it, and a database with two experiments."""
    url = target()
    (tmp_path / "plan.yaml").write_text(PLAN.format(port=port))
    for _ in range(2):
        done = run("load", url, "-n", "20", "-q", "--no-telemetry")
        assert done.ran, done
    return url


@pytest.fixture
def raw(galileo, tmp_path):
    """raw(arguments, stdout=..., ...): the program with the files that it is given; (exit code, stderr)."""
    def call(arguments, timeout=20, **options):
        done = subprocess.run([galileo, *map(str, arguments)], cwd=tmp_path, timeout=timeout * SLOWER,
                              **{"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE, **options})
        err = (done.stderr or b"").decode(errors="replace")
        assert done.returncode >= 0, f"killed by signal {-done.returncode}: {err}"
        assert "galileo: bug:" not in err, err
        return done.returncode, err, (done.stdout or b"").decode(errors="replace")
    return call


def load(url, *more):
    return ["load", url, "-n", "20", "-r", "100", "--no-telemetry", "--db", "none", *more]


PRINTS = [["--help"], ["--version"], ["load", "--help"], ["exp", "--help"], ["gateway", "weights", "--help"],
          ["exp", "ls"], ["exp", "ls", "--json"], ["exp", "show", "last"], ["exp", "show", "last", "--json"],
          ["exp", "report", "last", "-o", "-"], ["exp", "touch", "last"], ["exp", "compare", "LAST", "LAST"],
          ["run", "plan.yaml", "--dry-run"], ["run", "plan.yaml"], ["run", "plan.yaml", "-q", "--json"], ["LOAD"]]


def words_of(case, lab):
    return load(lab) if case == ["LOAD"] else ["last" if word == "LAST" else word for word in case]


def test_what_stdout_cant_take_is_an_error_in_every_command(raw, lab):
    for case in PRINTS:
        with open("/dev/full", "wb") as full:
            code, err, _ = raw(words_of(case, lab), stdout=full)
        assert code not in (0, 2) and "stdout: No space left on device" in err, (case, code, err)
        # Closed: a number that the database or the spool would get otherwise.
        code, err, _ = raw(words_of(case, lab), stdout=None, preexec_fn=lambda: os.close(1))
        assert code not in (0, 2) and "stdout: Bad file descriptor" in err, (case, code, err)


def test_what_stderr_cant_take_ends_no_run_and_isnt_passed_over(raw, run, lab, tmp_path):
    for options in ({"stderr": open("/dev/full", "wb")}, {"stderr": None, "preexec_fn": lambda: os.close(2)}):
        code, _, out = raw(["load", lab, "-n", "20", "-r", "15", "--db", "none"], **options)
        assert code in (1, 90) and "sent = answered 20" in out, (code, out)
        # A wrong usage stays one, and what the failing stream isn't needed for is no failure.
        assert raw(["exp", "shw"], **options)[0] == 2
        assert raw(["exp", "ls"], **options)[0] == 0
        assert raw(["exp", "rm", "last"], **options)[0] == 1
    assert run("exp", "ls", "--json").out == "[]\n"


def test_a_reader_that_leaves_ends_nothing_by_a_signal(raw, lab):
    read_end, write_end = os.pipe()
    os.close(read_end)
    code, err, _ = raw(load(lab, "--json"), stdout=write_end)
    assert code in (1, 90) and "answered 20" in err, (code, err)
    code, err, _ = raw(["exp", "ls"], stdout=write_end)
    assert code == 1 and err == "", err  # as `| head -1` has it: no word about it
    os.close(write_end)


def document_cases(folder):
    """(name, path, what reads it afterwards): whatever may stand where a document is to go."""
    target = folder / "target.json"
    target.write_text("old")
    target.chmod(0o640)
    (folder / "link.json").symlink_to("target.json")
    (folder / "dangling.json").symlink_to("new.json")
    os.mkfifo(folder / "pipe")
    return [("a file by a link", "link.json"), ("what isn't there yet, by a link", "dangling.json"), ("a pipe", "pipe")]


@pytest.mark.parametrize("command", ["load", "run", "report"])
def test_a_document_goes_to_what_is_there_and_replaces_no_pipe_device_or_link(raw, lab, tmp_path, command):
    def words(path):
        return {"load": load(lab, "-q", "--json", path), "run": ["run", "plan.yaml", "-q", "--json", path],
                "report": ["exp", "report", "last", "-o", path]}[command]

    def check(text, what):
        assert (text.startswith("<!doctype html>") and text.rstrip().endswith("</html>")) if command == "report" else json.loads(text)["schema"] == 1, (what, text[:200])

    for what, path in document_cases(tmp_path):
        got = []
        if what == "a pipe":
            reader = threading.Thread(target=lambda p=tmp_path / path: got.append(p.read_text()))
            reader.start()
        code, err, _ = raw(words(path))
        assert code in (0, 90), (what, code, err)
        if what == "a pipe":
            reader.join(10)
            assert stat.S_ISFIFO(os.lstat(tmp_path / path).st_mode)
        else:
            assert (tmp_path / path).is_symlink(), what
            got.append((tmp_path / path).read_text())
        check(got[0], what)
    assert stat.S_IMODE(os.stat(tmp_path / "target.json").st_mode) == 0o640
    # stdout, by each of its names, holds the document and nothing else.
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")  # as /dev/stdout is one
    for name in ("-", "stdout", "/proc/self/fd/1"):
        code, err, out = raw(words(name))
        assert code in (0, 90), (name, err)
        check(out, name)
        with open(tmp_path / "out", "wb") as file:
            raw(words(name), stdout=file)
        check((tmp_path / "out").read_text(), name + " into a file")
    read_end, write_end = os.pipe()  # as in --json >(jq .)
    got = []
    reader = threading.Thread(target=lambda: got.append(os.fdopen(read_end).read()))
    reader.start()
    code, err, _ = raw(words(f"/dev/fd/{write_end}"), pass_fds=[write_end])
    os.close(write_end)
    reader.join(10)
    assert code in (0, 90), err
    check(got[0], "a pipe of the shell's")
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def device(path, minor):
    """A device node of the test's own where it may make one: a fault must not cost the machine its /dev."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return None
    return path


def test_a_device_node_is_written_to_and_stays_one(raw, lab, tmp_path):
    node = device(tmp_path / "null", 3)
    if node is None:
        main, side = pty.openpty()  # no root: a device that is a user's own
        node = os.ttyname(side)
        threading.Thread(target=lambda: os.read(main, 1 << 20), daemon=True).start()
    code, err, _ = raw(["exp", "report", "last", "-o", node])
    assert code == 0, err
    code, err, _ = raw(load(lab, "-q", "--json", node, "--report", node))
    assert code in (0, 90), err
    assert stat.S_ISCHR(os.stat(node).st_mode)


def test_a_document_that_cant_be_written_is_an_error_before_the_run_where_it_can_be_known(raw, lab, tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, words, code in (("folder", "it is a folder", 2), ("plan.yaml/x", "plan.yaml", 1)):
        got, err, out = raw(load(lab, "-q", "--json", path))
        assert got == code and words in err and out == "", (path, got, err, out)
    # These are known only in the end; what was measured is told all the same.
    full = device(tmp_path / "full", 7) or ("/dev/full" if os.getuid() else "pipe")
    for path, words in ((full, "has to" if full == "pipe" else "No space left on device"), ("pipe", "has to read from it")):
        got, err, out = raw(load(lab, "-q", "--report", path))
        assert got == 1 and words in err and "answered 20" in out, (path, got, err)
        assert raw(["exp", "report", "last", "-o", path])[0] == 1


def test_load_json_pipes_into_jq(raw, lab):
    for words in (load(lab, "--json"), load(lab, "--json", "-"), ["load", "--json", *load(lab)[1:]], load(lab, "--json=-", "-q"),
                  ["run", "plan.yaml", "--json"], ["run", "plan.yaml", "--json", "-q"]):
        code, err, out = raw(words)
        assert code in (0, 90) and json.loads(out)["ledger"]["sent"] == 20, (words, out[:200])
        assert "verdict" in err
    code, err, _ = raw(load(lab, "--json", "--report", "-"))
    assert code == 2 and "can't both go to stdout" in err


def test_inputs_may_be_pipes_and_stdin(raw, lab, tmp_path, port, start):
    plan = (tmp_path / "plan.yaml").read_bytes()
    profile = plan.replace(b"rate: 100", b'arrival: {profile: "-"}').replace(b", requests: 20", b"")

    def by_pipe(words, data, place):
        read_end, write_end = os.pipe()
        writer = threading.Thread(target=lambda: (os.write(write_end, data[:10]), os.write(write_end, data[10:]), os.close(write_end)))
        writer.start()
        try:
            if place == "-":
                return raw([word.replace("IN", "-") for word in words], stdin=read_end)
            return raw([word.replace("IN", f"/dev/fd/{read_end}") for word in words], pass_fds=[read_end])
        finally:
            writer.join()
            os.close(read_end)

    (tmp_path / "profile.yaml").write_bytes(profile)
    for place in ("-", "/dev/fd"):
        for words, data in ((["run", "IN", "--dry-run"], plan), (["run", "IN", "-q"], plan), (load(lab, "-q", "-b", "@IN"), b"x" * 70_000)):
            code, err, out = by_pipe(words, data, place)
            assert code in (0, 90) and out, (words, place, err)
    code, err, out = by_pipe(["run", "profile.yaml", "--dry-run"], b"0.01\n0.02\n0.03\n", "-")
    assert code == 0, err
    code, err, _ = by_pipe(["run", "IN"], b"name: [", "-")
    assert code == 2 and "stdin:1" in err, err
    code, err, _ = by_pipe(["telemd", "--config", "IN"], b"no configuration", "-")
    assert code == 2, err
    gateway = free_port()
    process = start("gateway", "--zone", "z", "--listen", f"127.0.0.1:{gateway}", "--weights", "/dev/stdin",
                    log=open(tmp_path / "gateway.log", "w"), before=["sh", "-c", 'echo \'{"f": {"ips": ["127.0.0.1:%d"], "weights": [1]}}\' | "$@"' % port, "sh"])
    wait_for(lambda: accepts(gateway) or process.poll() is not None, "the gateway")
    assert raw(load(f"http://127.0.0.1:{gateway}/function/f/", "-q"))[0] in (0, 90)


def ignoring(signals):
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


def test_what_nohup_ignores_stays_ignored_and_otherwise_ends_a_run_in_order(start, lab, port, tmp_path):
    words = load(lab)[:2] + ["-r", "50", "-d", "30s", "--no-telemetry"]
    for command in (words, ["target", "--listen", f"127.0.0.1:{free_port()}"]):
        log = open(tmp_path / "log", "w+")
        process = start(*command, log=log, preexec_fn=lambda: ignoring([signal.SIGHUP]))
        wait_for(lambda: (tmp_path / "log").stat().st_size > 0, "it to begin")
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
        process.terminate()
        process.wait(20)
        assert process.returncode in (0, 105)
        log = open(tmp_path / "log", "w+")
        process = start(*command, log=log)
        wait_for(lambda: (tmp_path / "log").stat().st_size > 0, "it to begin")
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) in (0, 105)


def test_few_descriptors_are_an_error_that_says_so_never_an_abort(raw, lab):
    said = set()
    for most in (4, 5, 6, 8, 10, 13, 17, 22, 30, 60):
        for words in (load(lab, "-q"), ["exp", "show", "last"], ["exp", "ls"], ["workers", "ls", "--bus", "redis://127.0.0.1:1"], ["gateway", "--zone", "z", "--weights", "plan.yaml"], ["session"],
                      ["chaos", "--bus", "unix:///nowhere?db=x", "--state", "state"]):
            code, err, _ = raw(words, preexec_fn=lambda n=most: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
            if words[0] == "load" or words[0] == "exp":
                said.add(code)
                assert code in (0, 90) or err, (most, words, code)
    assert 0 in said or 90 in said
    assert 1 in said


def test_a_file_size_limit_is_an_error_and_not_a_signal(raw, lab, tmp_path):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    code, err, out = raw(["load", lab, "-n", "2000", "-r", "2k", "-q", "--json", "result.json"], preexec_fn=limited)
    assert code in (1, 91) and "File too large" in err + out, (code, err, out)
    code, err, _ = raw(["exp", "report", "last", "-o", "r.html"], preexec_fn=limited)
    assert code == 1 and "File too large" in err and not list(tmp_path.glob("r.html*")), err


def test_no_home_no_user_no_path_are_no_hindrance(raw, lab):
    code, err, out = raw(load(lab, "-q"), env={})
    assert code in (0, 90), err
    assert raw(["exp", "ls"], env={})[0] == 0


def test_exports_folder_isnt_stdout(raw, lab):
    code, err, _ = raw(["exp", "export", "last", "-o", "-"])
    assert code == 2 and "folder" in err
