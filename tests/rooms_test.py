"""The rules of the house (CONTRIBUTING.md), kept by a machine: what a room may include, where
threads, clocks and exceptions may be, how large things may get. Each failure says the rule, the place
and the mend. The checker itself is tested on a planted tree at the end."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

# Header prefixes of the libraries that rooms.txt names.
LIBRARIES = {"fmt": ("fmt/",), "expected": ("tl/",), "spdlog": ("spdlog/",), "nlohmann_json": ("nlohmann/",),
             "sqlite3": ("sqlite3.h",), "mariadb": ("mariadb/", "mysql.h", "mysql/", "errmsg.h"), "zlib": ("zlib.h",), "brotli": ("brotli/",), "zstd": ("zstd.h",), "re2": ("re2/",), "openssl": ("openssl/",), "hiredis": ("hiredis/",),
             "yaml-cpp": ("yaml-cpp/",), "cli11": ("CLI/",), "libnl": ("netlink/",), "nghttp2": ("nghttp2/",)}
# The library headers that headers of ours may include.
IN_HEADERS = {("base/check.h", "fmt/format.h"), ("base/result.h", "tl/expected.hpp"),
              ("wire/yaml.h", "tl/expected.hpp"), ("commands/json_output.h", "nlohmann/json_fwd.hpp"), ("commands/session_parts.h", "nlohmann/json_fwd.hpp"), ("commands/leased_run.h", "nlohmann/json_fwd.hpp"), ("commands/session_recording.h", "nlohmann/json_fwd.hpp"), ("commands/live_series.h", "nlohmann/json_fwd.hpp"), ("commands/live_channel.h", "nlohmann/json_fwd.hpp"), ("analysis/json_parts.h", "nlohmann/json_fwd.hpp"),
              # Objects of Kubernetes are JSON, and nobody gives them another form.
              *((f"kubernetes/{name}.h", "nlohmann/json_fwd.hpp") for name in ("api", "blocking_api", "listing", "objects", "requests", "watch", "watch_lines"))}
IN_HEADERS |= {(f"pods/{name}.h", "nlohmann/json_fwd.hpp") for name in ("fields", "pod", "pod_text", "pod_events", "cluster_events")}
IN_HEADERS |= {(f"experiment/{name}.h", "nlohmann/json_fwd.hpp") for name in ("cluster_calls", "given_objects", "pod_evidence", "pod_objects", "pod_resize", "run_ledger", "setup_examination", "shipped_specs")}
IN_HEADERS |= {("net/openssl.h", "openssl/ssl.h"), ("net/openssl.h", "openssl/x509v3.h"), ("store/sqlite_statement.h", "sqlite3.h")}
# The files that speak to a library, one where that can be, so that another one may be put in its place.
SPEAKERS = {"nghttp2": {"net/http2_session.cc"}, "openssl": {"net/openssl.h", "net/openssl.cc", "net/tls.cc", "net/tls_files.cc", "net/tls_stream.cc", "net/hashes.cc"},
            "mariadb": {"store/mysql_connection.cc"}, "hiredis": {"bus/redis_protocol.cc"}, "libnl": {"telemetry/wifi.cc"},
            "sqlite3": {"store/sqlite.cc", "store/sqlite_statement.cc", "store/sqlite_statement.h"}, "zlib": {"wire/gzip.cc", "wire/content_coding.cc", "wire/gunzip.cc", "apps/packing.cc"}, "brotli": {"wire/content_coding.cc"}, "zstd": {"wire/content_coding.cc"}, "re2": {"load/regex.cc"}, "yaml-cpp": {"wire/yaml.cc"}, "spdlog": {"base/log.cc"}}
# Libraries that throw: only files that include one of them may catch.
THROWING = ("nlohmann/", "yaml-cpp/", "CLI/", "spdlog/", "thread")
THREADS = {"base/inbox.h", "base/counters.h", "base/log.cc", "net/loop.h", "net/loop.cc"}
# Who waits, blocking, until a loop has done something.
PROMISES = {"bus/in_process.cc", "bus/redis.cc", "fleet/worker.cc", "net/loop.cc"}
# spdlog's sinks are shared by its loggers; a std::function, which is copied, holds what has one owner; and a call may be given up
# by the one who waits while the loop still has it.
SHARED = {"base/log.cc", "fleet/worker_commands.cc", "fleet/worker.cc"}
CLOCKS = {"net/clock.h", "net/boot_clock.cc"}
PRINTS = {"base/output.cc", "base/check.cc"}
LINES_MAX, COLUMNS_MAX, FUNCTION_MAX = 700, 100, 100


THREAD_WORDS = (r"std::((recursive_|timed_|recursive_timed_|shared_|shared_timed_)?mutex|atomic\w*|j?thread|condition_variable\w*|lock_guard|unique_lock|"
                r"scoped_lock|shared_lock|counting_semaphore|binary_semaphore|latch|barrier)\b")
THREAD_HEADERS = ("thread", "future", "mutex", "atomic", "condition_variable", "pthread.h")
PROMISE_WORDS = r"std::(promise|future|shared_future|packaged_task|async|call_once|once_flag)\b"
SHARED_WORDS = r"std::(shared_ptr|weak_ptr|make_shared|allocate_shared|enable_shared_from_this)\b"


def read_rooms(src):
    rooms = {}
    for line in (src / "rooms.txt").read_text().splitlines():
        if line and line[0].isdigit():
            floor, room, *libraries = line.split()
            rooms[room] = (int(floor), set(libraries))
    return rooms


def sources(src, suffixes=(".h", ".cc")):
    return sorted(path for path in src.rglob("*") if path.suffix in suffixes)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := re.match(r'#include ([<"])([^>"]+)[>"]', line):
            yield number, match[1] == '"', match[2]


def library_of(header):
    return next((name for name, prefixes in LIBRARIES.items() if header.startswith(prefixes)), None)


def check_python_module(root):
    """Of rooms and libraries the module includes those that its line in rooms.txt names."""
    allowed = next(line.split()[1:] for line in (root / "src/rooms.txt").read_text().splitlines() if line.startswith("python "))
    found = []
    for path in sources(root / "python/src"):
        for number, ours, header in includes(path):
            of = header.split("/")[0]
            own = ours and (path.parent / header).exists() or not ours and ("/" not in header and "." not in header or of in ("sys", "linux"))
            if not own and of not in allowed:
                found.append(f"{path.relative_to(root)}:{number}: the Python module may not include {header}; ask `galileo session`, or name {of} in rooms.txt")
    return found


def code_of(path):
    """The file's lines with comments and texts blanked, so that words in them don't count."""
    text = re.sub(r'R"(\w*)\(.*?\)\1"', lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.S)
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)
    text = re.sub(r"//[^\n]*", "", text)
    return text.splitlines()


def check_rooms(src):
    """Each folder of sources is a room of rooms.txt, and its files are in the namespace of its name."""
    rooms = read_rooms(src)
    found = []
    for path in sources(src):
        room = path.parent.relative_to(src).as_posix()
        if room == ".":
            continue
        if room not in rooms:
            found.append(f"{path.relative_to(src)}: {room} isn't in rooms.txt; give it a line with its floor and its libraries")
        # A name that is only declared may be another room's; what base has stands in galileo itself.
        for space in re.findall(r"^namespace galileo::(\w+) \{\n(?!(?:class|struct) \w+;)", path.read_text(), re.M):
            if room in rooms and space != room and room != "base":
                found.append(f"{path.relative_to(src)}: namespace galileo::{space} in the room {room}; folder, namespace and library have one name")
    return found


def check_floors(src):
    rooms = read_rooms(src)
    found = []
    for path in sources(src):
        room = path.parent.name if path.parent != src else None
        if room not in rooms:
            continue
        for number, ours, header in includes(path):
            other = header.split("/")[0]
            if ours and other in rooms and other != room and rooms[other][0] >= rooms[room][0]:
                found.append(f"{path.relative_to(src)}:{number}: {room} (floor {rooms[room][0]}) includes {header} "
                             f"of floor {rooms[other][0]}; a room includes lower floors only: move what both need down")
    return found


def check_libraries(src):
    rooms = read_rooms(src)
    found = []
    for path in sources(src):
        name = str(path.relative_to(src))
        room = path.parent.name if path.parent != src else "commands"
        for number, ours, header in includes(path):
            library = library_of(header)
            if ours or library is None or room not in rooms:
                continue
            if library not in rooms[room][1]:
                found.append(f"{name}:{number}: {room} may not include {header}; rooms.txt lists its libraries")
            if name.replace("_test.cc", ".cc") not in SPEAKERS.get(library, {name.replace("_test.cc", ".cc")}):
                found.append(f"{name}:{number}: {library} is spoken to in {' and '.join(sorted(SPEAKERS[library]))} only; ask that file")
            if path.suffix == ".h" and not name.endswith("_fixture.h") and (name, header) not in IN_HEADERS:
                found.append(f"{name}:{number}: a header of ours includes {header}; put it into the .cc")
    return found


def check_words(src):
    found = []

    def ban(name, number, line, pattern, rule):
        if re.search(pattern, line):
            found.append(f"{name}:{number}: {rule}")

    for path in sources(src):
        name = str(path.relative_to(src))
        test = name.endswith(("_test.cc", "_fixture.h"))
        catches = any(header.startswith(THROWING) for _, _, header in includes(path))
        for number, line in enumerate(code_of(path), 1):
            ban(name, number, line, r"\bthrow\b", "nothing of ours throws; return an Error")
            ban(name, number, line, r"\b(system|popen)\s*\(", "no shell; fork and exec where it must be")
            if not catches:
                ban(name, number, line, r"\bcatch\s*\(", "catch only beside the library that throws")
            if name not in CLOCKS:
                ban(name, number, line, r"clock_gettime|(steady|system|high_resolution)_clock::now", "only net's clocks read clocks; take a Clock or a Time")
            if name not in THREADS and not test:
                ban(name, number, line, THREAD_WORDS, "threads meet in inbox, counters and loop only; use Loop::post or a MessageRing")
            if name not in THREADS | PROMISES and not test:
                ban(name, number, line, PROMISE_WORDS, "only who waits for a loop has a promise; take a callback, or LoopThread::call")
            if name not in SHARED and not test:
                ban(name, number, line, SHARED_WORDS, "one owner: a member or a unique_ptr; references mean 'outlives me'")
            if not name.startswith("commands/") and not test:
                ban(name, number, line, r"\bgetenv\s*\(", "the environment is read in commands/ and passed down")
            if not test:
                ban(name, number, line, r"std::(cout|cerr|regex)\b", "use base/output.h, a parser")
                if name not in PRINTS:
                    ban(name, number, line, r"\b(fmt::print|f?printf|fputs|puts|fwrite)\s*\(|\bstd::ofstream\b", "print_data, print_talk and write_document of base/output.h notice what can't be written")
            if name.startswith("wire/") and not test:
                ban(name, number, line, r"<(sys/socket|sys/epoll|fcntl|thread|fstream|unistd)", "wire/ is bytes and values: no I/O")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            ban(name, number, line, r"\b(TODO|FIXME|XXX)\b", "finish it, or write it into the issue")
    return found


def check_sizes(src):
    found = []
    for path in sources(src):
        name = str(path.relative_to(src))
        lines = path.read_text().splitlines()
        if len(lines) > LINES_MAX:
            found.append(f"{name}: {len(lines)} lines; a file is one idea of at most {LINES_MAX}")
        for number, line in enumerate(lines, 1):
            # A test's table of texts keeps each text on its line; clang-format leaves those alone.
            if len(line) > COLUMNS_MAX and not (name.endswith("_test.cc") and '"' in line):
                found.append(f"{name}:{number}: {len(line)} columns; at most {COLUMNS_MAX} (make fmt)")
        found += [f"{name}:{start}: a function of {length} lines; at most {FUNCTION_MAX}, and 70 is long"
                  for start, length in functions(path) if length > FUNCTION_MAX and not name.endswith("_test.cc")]
    return found


def functions(path):
    """(first line, lines) of functions, by clang-format's layout: from a line that ends in ') {' or the like to
    the line with the closing brace at the same indentation."""
    lines = path.read_text().splitlines()
    for start, line in enumerate(lines):
        if not re.search(r"\)( const)?( override| final| noexcept)*( -> [\w:<>&* ]+)? \{$", line) or re.match(r"\s*(if|for|while|switch|\}|else)\b", line):
            continue
        indent = len(re.match(r"\s*", line)[0])
        for end in range(start + 1, len(lines)):
            # At the same indentation, or less after a constructor's list of members.
            if (close := re.match(r"(\s*)\}(?! else| while)", lines[end])) and len(close[1]) <= indent:
                yield start + 1, end - start + 1
                break


def check_tables(src):
    """Each row of a table has its file, in the room of the table."""
    found = []
    for table, row in (("load/arrivals.def", "ARRIVAL"), ("route/policies.def", "POLICY"), ("store/drivers.def", "DRIVER"),
                       ("commands/commands.def", "COMMAND"), ("telemetry/instruments.def", "INSTRUMENT"),
                       ("route/routers.def", "ROUTER"), ("analysis/threshold_metrics.def", "METRIC")):
        if not (src / table).exists():
            continue
        maker = {"COMMAND": r"^int {}\(", "DRIVER": r"open_{}\(", "METRIC": r"\bmeasure_{}\("}.get(row, r"\bmake_{}\b")
        room = (src / table).parent
        texts = [path.read_text() for path in room.glob("*.cc")]
        # A router's maker has a name of its own: two names may be one router.
        name_of = rf"^{row}\(\w+, (\w+)" if row == "ROUTER" else rf"^{row}\((\w+)"
        for name in re.findall(name_of, (src / table).read_text(), re.M):
            if not any(re.search(maker.format(name), text, re.M) for text in texts):
                found.append(f"{table}: {name} has no file that makes it in {room.name}/")
    return found


def check_exceptions(src):
    """Each exception from a rule is still needed."""
    def uses(name, pattern):
        return (src / name).exists() and re.search(pattern, "\n".join(code_of(src / name)))

    def reads(name, library):
        return (src / name).exists() and any(library_of(header) == library for _, _, header in includes(src / name))

    found = [f"IN_HEADERS: {name} doesn't include {header}" for name, header in IN_HEADERS
              if not (src / name).exists() or header not in [one for _, _, one in includes(src / name)]]
    found += [f"SPEAKERS: {name} doesn't include {library}" for library, names in SPEAKERS.items() for name in sorted(names) if not reads(name, library)]
    for title, names, pattern in (("THREADS", THREADS, THREAD_WORDS), ("PROMISES", PROMISES, PROMISE_WORDS), ("SHARED", SHARED, SHARED_WORDS),
                                  ("CLOCKS", CLOCKS, r"clock_gettime|_clock::now"), ("PRINTS", PRINTS, r"\b(fmt::print|f?printf|fputs|fwrite|write)\b")):
        found += [f"{title}: {name} has no need of it" for name in sorted(names) if not uses(name, pattern)]
    return found


def check_names(src):
    """One word a thing (docs/reference/glossary.md): no two rooms' headers have a type of the same name, but for those of a namespace in a room."""
    places = {}
    for path in sources(src, (".h",)):
        if path.name.endswith("_fixture.h"):
            continue
        space = ""
        for line in code_of(path):
            if match := re.match(r"namespace galileo::\w+((?:::\w+)*)", line):
                space = match[1]
            elif match := re.match(r"(?:class|struct|union|enum(?: class)?) (\w+)\b(?!::)[^;]*$", line):
                places.setdefault((space, match[1]), []).append(str(path.relative_to(src)))
    return [f"{name}: {' and '.join(files)} have a type of that name; give each thing its own word"
            for (_, name), files in sorted(places.items()) if len(files) > 1]


def check_without_threads(src):
    """Rooms whose unit tests tsan is spared (scripts/test.py) have no thread that it could see."""
    rooms = re.search(r"^WITHOUT_THREADS = (\{.*\})$", (ROOT / "scripts/test.py").read_text(), re.M)[1]
    return [f"{path.relative_to(src)}:{number}: {header} has threads, and WITHOUT_THREADS of scripts/test.py names the room"
            for room in sorted(ast.literal_eval(rooms)) for path in sources(src / room) for number, _, header in includes(path)
            if header in ("net/loop.h", "net/desk.h", "store/recording.h") or header in THREAD_HEADERS]


def check_fuzzed(root):
    """Each part of wire/ that reads bytes has a fuzz target with a corpus."""
    found = []
    for path in sorted((root / "src/wire").glob("*.h")):
        if not re.search(r"\b(parse|decode)_\w+\(|class \w+(Parser|Reader)\b", path.read_text()):
            continue
        name = path.stem
        if not (root / f"fuzz/{name}.cc").exists() or not list((root / f"fuzz/corpus/{name}").glob("*")):
            found.append(f"wire/{name}.h reads bytes: add fuzz/{name}.cc and fuzz/corpus/{name}/")
    return found


@pytest.mark.quick
@pytest.mark.parametrize("check", [check_rooms, check_floors, check_libraries, check_words, check_names, check_sizes, check_tables, check_exceptions, check_without_threads], ids=lambda f: f.__name__)
def test_the_house_keeps_its_rules(check):
    found = check(SRC)
    assert not found, "\n".join(found)


@pytest.mark.quick
def test_what_reads_bytes_is_fuzzed():
    found = check_fuzzed(ROOT)
    assert not found, "\n".join(found)


@pytest.mark.quick
def test_the_python_module_includes_what_its_line_names():
    found = check_python_module(ROOT)
    assert not found, "\n".join(found)


@pytest.mark.quick
@pytest.mark.parametrize("line", ['#include "wire/trace.h"', "#include <sqlite3.h>", "#include <fmt/format.h>"])
def test_a_breach_of_the_python_module_is_found(tmp_path, line):
    for folder in ("src", "python/src"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/rooms.txt").write_text("1 wire fmt\npython nanobind\n")
    (tmp_path / "python/src/good.h").write_text("#include <nanobind/nanobind.h>\n#include <sys/mman.h>\n#include <vector>\n")
    (tmp_path / "python/src/good.cc").write_text('#include "good.h"\n')
    assert check_python_module(tmp_path) == []
    (tmp_path / "python/src/bad.cc").write_text(line + "\n")
    assert len(check_python_module(tmp_path)) == 1


@pytest.mark.quick
@pytest.mark.parametrize("folder", ["scripts", "bench", "tests"])
def test_every_script_can_be_read(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        compile(path.read_text(), str(path), "exec")


@pytest.mark.quick
def test_the_changelog_has_a_place_for_the_next_version():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.quick
@pytest.mark.parametrize("check, file, text", [
    (check_rooms, "web/bad.h", "int x;\n"),
    (check_rooms, "net/deep/bad.h", "int x;\n"),
    (check_rooms, "net/bad.h", "namespace galileo::wire {\n"),
    (check_floors, "wire/bad.h", '#include "net/loop.h"\n'),
    (check_floors, "net/bad.cc", '#include "route/table.h"\n'),
    (check_without_threads, "plan/bad_test.cc", '#include "net/desk.h"\n'),
    (check_without_threads, "wire/bad.cc", "#include <thread>\n"),
    (check_libraries, "wire/bad.cc", "#include <CLI/CLI.hpp>\n"),
    (check_libraries, "net/bad.h", "#include <fmt/format.h>\n"),
    (check_libraries, "net/bad.cc", "#include <openssl/ssl.h>\n"),
    (check_libraries, "wire/bad_test.cc", "#include <zlib.h>\n"),
    (check_words, "wire/bad.cc", "void f() { throw 1; }\n"),
    (check_words, "net/bad.cc", "std::mutex m;\n"),
    (check_words, "net/bad.cc", "std::shared_mutex m;\n"),
    (check_words, "net/bad.cc", "void f() { std::call_once(once, f); }\n"),
    (check_words, "net/bad.cc", "std::promise<int> p;\n"),
    (check_words, "net/bad.cc", "auto f = std::async(g);\n"),
    (check_words, "net/bad.cc", "auto p = std::make_shared<int>(1);\n"),
    (check_words, "net/bad.cc", "auto t = std::chrono::steady_clock::now();\n"),
    (check_words, "net/bad.cc", 'void f() { fmt::print("x"); }\n'),
    (check_words, "net/bad.cc", "// TODO: more\n"),
    (check_names, "net/bad.h", "struct Message {\n};\n"),
    (check_names, "net/bad.h", "namespace galileo::net {\nclass Message final : public Base {\n"),
    (check_sizes, "net/bad.cc", "int x;\n" * 701),
    (check_sizes, "net/bad.cc", "//" + "x" * 100 + "\n"),
    (check_sizes, "net/bad.cc", "void f() {\n" + "  g();\n" * 100 + "}\n"),
], ids=lambda value: value.__name__ if callable(value) else "")
def test_a_planted_breach_is_found(tmp_path, check, file, text):
    (tmp_path / "rooms.txt").write_text("1 wire fmt zlib\n2 net fmt openssl\n2 route fmt\n")
    for room in ("wire", "net", "route"):
        (tmp_path / room).mkdir()
    (tmp_path / "wire/good.h").write_text("namespace galileo::wire {\nstruct Message {\n};\n")
    (tmp_path / "net/good.h").write_text("class Message;\nnamespace galileo::net::inner {\nstruct Message {\n};\n")
    (tmp_path / "net/good.cc").write_text('#include "wire/x.h"\n#include <fmt/format.h>\nvoid f() { g("throw"); }  // no throw\n')
    assert check(tmp_path) == []
    (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / file).write_text(text)
    assert len(check(tmp_path)) == 1, check(tmp_path)
