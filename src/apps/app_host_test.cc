// A client app's processes, with a real Python: what its generators do wrong is told, and nothing
// of theirs stays.
#include "apps/app_host.h"

#include <doctest/doctest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/file.h"
#include "base/test_fixture.h"
#include "wire/json.h"

using namespace galileo;
using namespace galileo::apps;

namespace {

// What has come of one client, taken over from the desk.
struct Heard {
  std::vector<AppRequest> requests;
  std::string mark;
  bool over = false;
  std::optional<Error> trouble;
};

class Clients {
 public:
  explicit Clients(AppHost& host) : host_(host) {}
  std::uint32_t begin() {
    auto* const heard = &all_.emplace_back();
    return host_.begin([heard](AppNews&& news) {
      for (AppRequest& request : news.requests) heard->requests.push_back(std::move(request));
      heard->mark = news.mark;
      heard->over = heard->over || news.is_over;
      if (news.trouble) heard->trouble = news.trouble;
    });
  }
  // Until it has so many requests, or is over.
  Heard wait(std::size_t client, std::size_t requests) {
    for (int round = 0; round < 20'000; ++round) {
      Heard heard;
      host_.at_desk([&] { heard = all_[client]; });
      if (heard.over || heard.requests.size() >= requests) return heard;
      net::pause_thread(std::chrono::milliseconds{1});
    }
    FAIL("nothing came");
    return {};
  }

 private:
  AppHost& host_;
  std::deque<Heard> all_;
};

AppSetup setup_of(const TestFolder& folder, const std::string& generator) {
  folder.write("app/manifest.yml", "name: app\nsize: 3\n");
  folder.write("app/generator.py", generator);
  AppSetup setup;
  setup.app = must(read_app(folder.file("app")));
  setup.limits.answer_within = std::chrono::seconds{30};
  // By its name anything that is left of it can be found.
  std::error_code ignored;
  std::filesystem::create_symlink("/usr/bin/python3", folder.file("python3"), ignored);
  setup.python = folder.file("python3");
  return setup;
}

bool has_python() {
  static const bool has = [] {
    const TestFolder folder;
    return AppHost::start(setup_of(folder, "def next_request(): ...\n")).ok();
  }();
  return has;
}

// Whether a process of that folder's Python is there.
bool anything_runs(const std::string& marker) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    std::ifstream file(entry.path() / "cmdline");
    std::string words((std::istreambuf_iterator<char>(file)), {});
    if (words.find(marker) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("each client has a generator of its own, which knows what it is") {
  if (!has_python()) return;
  const TestFolder folder;
  AppSetup setup = setup_of(folder, R"(
import json
n = 0
known = [context.name, context.path, context.manifest, context.parameters, __name__]
def next_request():
    global n
    n += 1
    print('noise', n)
    return 'post', f'/{n}', {'json': known, 'headers': {'X-N': n}}
)");
  setup.parameters = R"({"a": [1, "ä"]})";
  const auto host = must(AppHost::start(setup));
  Clients clients(*host);
  CHECK(clients.begin() == 0);
  CHECK(clients.begin() == 1);
  host->want(0, 3);
  host->want(1, 100);
  CHECK(clients.wait(0, 3).requests.size() == 3);
  const Heard second = clients.wait(1, 100);
  REQUIRE(second.requests.size() == 100);
  const auto last = must(wire::parse_json(second.requests[99].json));
  CHECK(wire::find(last, "path")->text == "/100");
  CHECK(wire::to_text(*wire::find(*wire::find(last, "kwargs"), "json")) ==
        wire::to_text(must(wire::parse_json(
            R"(["app", ")" + folder.file("app") +
            R"(", {"name": "app", "size": 3}, {"a": [1, "ä"]}, "galileo.clients.app"])"))));
  // What is printed does no harm, and is kept.
  CHECK(host->printed().find("noise 100") != std::string::npos);
  host->end(1);
  host->want(0, 1);
  CHECK(clients.wait(0, 4).requests.size() == 4);
}

TEST_CASE("whatever requests would send gets across") {
  if (!has_python()) return;
  const TestFolder folder;
  const auto host = must(AppHost::start(setup_of(folder, R"(
import io, collections, pathlib
class Number:
    ndim = 0
    def item(self): return 7
class HTTPBasicAuth:
    username, password = 'u', 'p'
file = pathlib.Path(context.path, 'picture.bin'); file.write_bytes(b'\xff\x00')
all = [
    ('get', '/', None),
    (b'GET', b'/', {}),
    ['put', '/', {'data': b'\xff\xfe'}],
    ('put', '/', {'data': bytearray(b'ab'), 'headers': {'X': b'v'}}),
    ('put', '/', {'data': io.BytesIO(b'in')}),
    ('put', '/', {'data': open(file, 'rb')}),
    ('put', '/', {'data': {'a': b'text', 'b': [1, 2]}}),
    ('put', '/', {'json': {'n': Number(), 't': (1, 2), 'o': collections.OrderedDict(a=1)}}),
    ('put', '/', {'auth': HTTPBasicAuth(), 'params': collections.ChainMap({'a': 1})}),
    ('put', '/', {'files': {'f': open(file, 'rb'), 'g': ('g.txt', b'\xff', 'image/x'),
                            'h': 'text'}}),
]
all.append(('put', '/', {'json': {'long': 'ä' * 3000}, 'headers': {'X': 'v'}}))
all.append(('put', '/', {'json': ['l' * 5000], 'headers': {'content-type': 'text/x'}}))
def next_request():
    if not all: raise StopIteration
    return all.pop(0)
)")));
  Clients clients(*host);
  clients.begin();
  host->want(0, 100);
  const Heard heard = clients.wait(0, 100);
  REQUIRE_MESSAGE(!heard.trouble, heard.trouble->to_text());
  CHECK(heard.over);
  REQUIRE(heard.requests.size() == 12);
  const auto& all = heard.requests;
  CHECK(all[0].json == R"({"method":"get","path":"/","kwargs":null})");
  CHECK(all[1].json == R"({"method":"GET","path":"/","kwargs":null})");
  CHECK(all[2].blobs == std::vector<std::string>{"\xff\xfe"});
  std::string body = "x" + heard.mark + "0;";
  CHECK(put_blobs(body, heard.mark, all[2]).ok());
  CHECK(body == "x\xff\xfe");
  CHECK(all[3].json.find(R"("headers": {"X": "v"})") != std::string::npos);
  CHECK(all[4].blobs == std::vector<std::string>{"in"});
  CHECK(all[5].blobs == std::vector<std::string>{std::string("\xff\0", 2)});
  CHECK(all[6].json.find(R"("data": {"a": "text", "b": [1, 2]})") != std::string::npos);
  CHECK(all[7].json.find(R"({"n":7,"t":[1,2],"o":{"a":1}})") != std::string::npos);
  CHECK(all[8].json.find(R"("auth":["u","p"],"params":{"a":1})") != std::string::npos);
  CHECK(all[9].blobs == std::vector<std::string>{std::string("\xff\0", 2), "\xff"});
  CHECK(all[9].json.find(R"(["f", ["picture.bin", ")") != std::string::npos);
  // A large JSON body is what Python makes of it.
  std::string escaped;
  for (int i = 0; i < 3000; ++i) escaped += "\\u00e4";
  CHECK(all[10].blobs == std::vector<std::string>{R"({"long": ")" + escaped + R"("})"});
  CHECK(all[10].json.find(R"("headers":[["X","v"],["Content-Type","application/json"]])") !=
        std::string::npos);
  CHECK(all[11].json.find("application/json") == std::string::npos);
}

TEST_CASE("a generator that fails has one clear error, and nothing of it stays") {
  if (!has_python()) return;
  struct Fault {
    const char* what;
    const char* generator;
    const char* why;        // a part of what is told
    bool is_short = false;  // it isn't waited for long
  };

  const Fault faults[] = {
      {"a syntax error", "def next_request(:\n", "SyntaxError"},
      {"raises when it is loaded", "import nothing_of_that_name\n", "No module named"},
      {"no next_request", "x = 1\n", "no function next_request()"},
      {"next_request is no function", "next_request = 5\n", "no function next_request()"},
      {"exits when it is loaded", "import sys; sys.exit(3)\n", "SystemExit: 3"},
      {"ends its process when it is loaded", "import os; os._exit(3)\n", "exit code 3"},
      {"raises", "def f(): return 1 / 0\ndef next_request():\n    return f()\n",
       "generator.py\", line 1, in f"},
      {"raises with its own words", "def next_request(): raise ValueError('böse')\n",
       "ValueError: böse"},
      {"gives nothing", "def next_request(): pass\n", "gave None"},
      {"gives a number", "def next_request(): return 5\n", "gave 5"},
      {"gives a pair", "def next_request(): return 'get', '/'\n", "not (method, path, kwargs)"},
      {"gives a method that is none", "def next_request(): return 1, '/', None\n",
       "method and path must be texts"},
      {"gives kwargs that are none", "def next_request(): return 'get', '/', [1]\n", "as kwargs"},
      {"a value that can't be carried",
       "def next_request(): return 'get', '/', {'json': {'a': {1, 2}}}\n", "kwargs.json: a set"},
      {"a generator as a body",
       "def next_request(): return 'get', '/', {'data': (i for i in 'ab')}\n",
       "kwargs.data: a generator"},
      {"bytes in JSON", "def next_request(): return 'get', '/', {'json': b'x'}\n", "kwargs.json"},
      {"not a number", "def next_request(): return 'get', '/', {'json': float('nan')}\n",
       "kwargs.json: Out of range"},
      {"half a character", "def next_request(): return 'get', '/', {'data': '\\ud800'}\n",
       "kwargs.data"},
      {"endless data", "a = []\na.append(a)\ndef next_request(): return 'get', '/', {'json': a}\n",
       "Circular"},
      {"exits", "import sys\ndef next_request(): sys.exit('enough')\n", "SystemExit: enough"},
      {"ends its process", "import os\ndef next_request(): os._exit(7)\n", "exit code 7"},
      {"kills itself",
       "import os, signal\ndef next_request(): os.kill(os.getpid(), signal.SIGSEGV)\n",
       "signal 11"},
      {"prints, then ends its process",
       "import os\ndef next_request():\n    print('last words')\n    os._exit(1)\n", "last words"},
      {"loops for ever", "def next_request():\n    while True: pass\n", "gave nothing for 700ms",
       true},
      {"waits for ever", "import time\ndef next_request(): time.sleep(1000)\n", "gave nothing",
       true},
      {"loops for ever when it is loaded", "while True: pass\n", "wasn't loaded within 4.2", true},
      {"writes to our descriptors",
       "import os\ndef next_request():\n    for fd in range(3, 20):\n        try: os.write(fd, "
       "b'x' "
       "* 100)\n        except OSError: pass\n    return 'get', '/', None\n",
       "can't be read"},
      {"closes our descriptors", "import os\ndef next_request(): os.closerange(3, 50)\n", ""},
      {"eats memory",
       "import time\ndef next_request():\n    x = bytearray(200 << 20)\n    time.sleep(1000)\n",
       "of memory"},
      {"forks",
       "import os, time\ndef next_request():\n    while True:\n        if os.fork() == 0: "
       "time.sleep(1000)\n",
       "processes"},
      {"forks and leaves",
       "import os, time\ndef next_request():\n    for i in range(200):\n        if os.fork() == "
       "0:\n"
       "            if os.fork() == 0: time.sleep(1000)\n            os._exit(0)\n"
       "    time.sleep(1000)\n",
       "processes"},
      {"asks the network",
       "import socket\ndef next_request():\n    socket.create_connection(('127.0.0.1', 1), 1)\n",
       ""},
  };
  const auto check = [](const Fault& fault, bool namespaces, bool groups) {
    CAPTURE(std::string(fault.what));
    CAPTURE(namespaces);
    CAPTURE(groups);
    const TestFolder folder;
    AppSetup setup = setup_of(folder, fault.generator);
    setup.limits.memory_bytes = std::uint64_t{100} << 20;
    setup.limits.processes = 10;
    setup.limits.namespaces = namespaces;
    setup.limits.groups = groups;
    if (fault.is_short) setup.limits.answer_within = std::chrono::milliseconds{700};
    std::optional<Error> told;
    {
      auto host = AppHost::start(setup);
      if (!host.ok()) {
        told = host.error();
      } else {
        Clients clients(**host);
        clients.begin();
        (*host)->want(0, 1);
        told = clients.wait(0, 1).trouble;
      }
    }
    CHECK(!anything_runs(folder.path()));
    REQUIRE(told);
    CHECK_MESSAGE(told->to_text().find(fault.why) != std::string::npos, told->to_text());
    CHECK(told->to_text().find("client app 'app'") != std::string::npos);
  };
  for (const Fault& fault : faults) {
    check(fault, true, true);
    check(fault, false, false);
    const std::string_view why = fault.why;
    if (why != "of memory" && why != "processes") continue;
    check(fault, true, false);
    check(fault, false, true);
  }
}

TEST_CASE("a fault of one client's is no other's") {
  if (!has_python()) return;
  const TestFolder folder;
  const auto host = must(AppHost::start(setup_of(folder, R"(
import os
bad = os.path.exists(os.path.join(context.path, 'bad'))
def next_request():
    if bad: raise ValueError('bad one')
    return 'get', '/', None
)")));
  folder.write("app/bad", "");
  Clients clients(*host);
  clients.begin();
  clients.begin();
  host->want(0, 1);
  host->want(1, 1);
  CHECK(clients.wait(1, 1).trouble);
  CHECK(!clients.wait(0, 1).trouble);
  host->want(0, 10);
  CHECK(clients.wait(0, 11).requests.size() == 11);
}

TEST_CASE(
    "clients that are expected are loaded before they are taken, and those that can't be are "
    "told") {
  if (!has_python()) return;
  const TestFolder folder;
  const auto host = must(AppHost::start(setup_of(folder, R"(
import os
with open(os.path.join(context.path, 'loaded'), 'a') as file:
    file.write('x')
if os.path.exists(os.path.join(context.path, 'bad')): raise ValueError('bad day')
def next_request(): return 'get', '/', None
)")));
  const auto loaded = [&] { return must(read_whole_file(folder.file("app/loaded"), 1000)).size(); };
  CHECK(loaded() == 1);
  CHECK(host->prepare(3).ok());
  CHECK(loaded() == 3);
  Clients clients(*host);
  clients.begin();
  CHECK(host->prepare(2).ok());
  CHECK(loaded() == 5);
  for (int i = 0; i < 4; ++i) clients.begin();
  CHECK(loaded() == 5);
  folder.write("app/bad", "");
  const auto bad = host->prepare(1);
  REQUIRE(!bad.ok());
  CHECK(bad.error().to_text().find("ValueError: bad day") != std::string::npos);
}

TEST_CASE("there is no Python") {
  const TestFolder folder;
  AppSetup setup = setup_of(folder, "def next_request(): ...\n");
  setup.python = "python-of-nobody";
  const auto host = AppHost::start(setup);
  REQUIRE(!host.ok());
  CHECK(host.error().code == ErrorCode::kNotFound);
  CHECK(host.error().hint.find("galileo_apps_python") != std::string::npos);
  setup.python = "false";
  const auto ended = AppHost::start(setup);
  REQUIRE(!ended.ok());
  CHECK(ended.error().to_text().find("exit code 1") != std::string::npos);
}
