#include "kubernetes/watch.h"

#include <doctest/doctest.h>

#include "kubernetes/api_fixture.h"
#include "kubernetes/objects.h"

namespace galileo::kubernetes {
namespace {

using Seconds = std::chrono::seconds;

std::string object(const std::string& uid, int version) {
  return fmt::format(R"({{"metadata":{{"name":"{0}","uid":"{0}","resourceVersion":"{1}"}}}})", uid,
                     version);
}
std::string line(const std::string& type, const std::string& about) {
  return fmt::format(R"({{"type":"{}","object":{}}})", type, about) + "\n";
}
std::string list(const std::vector<std::string>& items, int version, const std::string& more = {}) {
  return fmt::format(R"({{"metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
                     version, more, fmt::join(items, ","));
}

// A watch of pods, and what it tells in the order of telling.
struct Bench {
  Bench()
      : watch(*piped.api, "/api/v1/pods", "app=a", "",
              {
                  [this](const nlohmann::json& one) {
                    told += fmt::format("{}@{} ", uid_of(one), version_of(one));
                  },
                  [this](const std::string& uid, const nlohmann::json* last) {
                    told += fmt::format("-{}{} ", uid, last ? "@" + version_of(*last) : "?");
                  },
                  [this] { told += "synced "; },
                  [this](const std::string& why) { told += why.empty() ? "well " : "trouble "; },
                  [this](const std::string&) { told += "gap "; },
              }) {}
  std::string take() { return std::exchange(told, {}); }
  // Lists a and b, and begins to watch.
  void begin() {
    piped.asked();
    piped.answer(200, list({object("a", 1), object("b", 2)}, 5));
    piped.pass({});
    piped.asked();
    piped.begin_chunks();
    take();
  }

  PipedApi piped;
  std::string told;
  Watch watch;
};

TEST_CASE("all is listed page by page, then watched from the list's version on") {
  Bench bench;
  CHECK(bench.piped.asked_line() == "GET /base/api/v1/pods?limit=500&labelSelector=app%3Da");
  bench.piped.answer(200, list({object("a", 1)}, 5, "c1"));
  bench.piped.pass({});
  CHECK(bench.piped.asked_line() ==
        "GET /base/api/v1/pods?limit=500&labelSelector=app%3Da&continue=c1");
  CHECK(bench.take() == "a@1 ");
  bench.piped.answer(200, list({object("b", 2)}, 5));
  CHECK(bench.take() == "b@2 synced ");
  bench.piped.pass({});
  const std::string asked = bench.piped.asked_line();
  CHECK(
      asked.starts_with("GET /base/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion=5"
                        "&timeoutSeconds="));
  CHECK(asked.ends_with("&labelSelector=app%3Da"));
  CHECK(bench.watch.known() == 2);
}

TEST_CASE("changes are told as they come, an end with the last state, and nothing twice") {
  Bench bench;
  bench.begin();
  const std::string all = line("ADDED", object("c", 6)) + line("MODIFIED", object("a", 7)) +
                          line("DELETED", object("b", 8)) + line("MODIFIED", object("a", 7)) +
                          line("DELETED", object("x", 9)) + "{no line\n";
  bench.piped.chunk(all.substr(0, 20));
  CHECK(bench.take().empty());
  bench.piped.chunk(all.substr(20));
  CHECK(bench.take() == "c@6 a@7 -b@8 ");
  CHECK(bench.watch.known() == 2);
}

// Given a watch that the server ends, one that is cut, and a quiet one with a bookmark.
TEST_CASE("a watch that ends in whatever way goes on from the last version, without a word") {
  Bench bench;
  bench.begin();
  bench.piped.chunk(line("BOOKMARK", object("", 40)));
  bench.piped.end_chunks();
  bench.piped.pass(Seconds{1});
  CHECK(bench.piped.asked_line().find("resourceVersion=40&") != std::string::npos);
  bench.piped.begin_chunks();
  bench.piped.chunk(line("MODIFIED", object("a", 41)));
  bench.piped.last().send("5\r\n{\"ty");
  bench.piped.last().break_off();
  bench.piped.pass(Seconds{1});
  CHECK(bench.piped.asked_line().find("resourceVersion=41&") != std::string::npos);
  bench.piped.begin_chunks();
  CHECK(bench.take() == "a@41 ");
  CHECK(bench.watch.lists() == 1);
}

TEST_CASE("a watch that is silent for 60 s is closed and begun again from its version") {
  Bench bench;
  bench.begin();
  const std::size_t made = bench.piped.connector.made();
  bench.piped.pass(Seconds{59});
  CHECK(bench.piped.connector.made() == made);
  CHECK(bench.piped.last().open());
  CHECK(bench.piped.pass_to_next() <= Seconds{60});
  CHECK_FALSE(bench.piped.connector.at(made - 1).open());
  CHECK(bench.piped.connector.made() > made);
  CHECK(bench.piped.asked_line().find("resourceVersion=5&") != std::string::npos);
  CHECK(bench.watch.lists() == 1);
}

// Given a server whose history doesn't reach back, which says so in a line or by its status.
TEST_CASE("after 410 all is listed anew, told as what has changed, and the gap is said") {
  for (const bool by_status : {false, true}) {
    Bench bench;
    bench.begin();
    if (by_status) {
      bench.piped.end_chunks();
      bench.piped.pass(Seconds{1});
      bench.piped.asked();
      bench.piped.answer(410, R"({"reason":"Expired"})");
    } else {
      bench.piped.chunk(line("ERROR", R"({"code":410,"reason":"Expired"})") +
                        line("ADDED", object("n", 9)));
    }
    CHECK(bench.take() == "gap ");
    bench.piped.pass(Seconds{1});
    CHECK(bench.piped.asked_line().starts_with("GET /base/api/v1/pods?limit=500"));
    bench.piped.answer(200, list({object("b", 2), object("c", 8)}, 9));
    CHECK(bench.take() == "c@8 -a? synced ");
    bench.piped.pass({});
    CHECK(bench.piped.asked_line().find("resourceVersion=9&") != std::string::npos);
    CHECK(bench.watch.lists() == 2);
  }
}

TEST_CASE("a server that isn't there is trouble once, and it is told when it is over") {
  Bench bench;
  bench.begin();
  bench.piped.last().break_off();
  for (int i = 0; i < 3; ++i) {
    bench.piped.pass(Seconds{5});
    if (bench.piped.last().handler) bench.piped.last().refuse(ECONNREFUSED);
  }
  CHECK(bench.take() == "trouble ");
  bench.piped.pass(Seconds{5});
  CHECK(bench.piped.asked_line().find("resourceVersion=5&") != std::string::npos);
  bench.piped.begin_chunks();
  CHECK(bench.take() == "well ");
}

// Given an etcd that was put back to a state of before: the version is one that never was.
TEST_CASE("a version that the server refuses again and again is given up for a new list") {
  Bench bench;
  bench.begin();
  bench.piped.end_chunks();
  for (int i = 0; i < 3; ++i) {
    bench.piped.pass(Seconds{10});
    CHECK(bench.piped.asked_line().find("watch=1") != std::string::npos);
    bench.piped.answer(504, R"({"message":"Too large resource version"})");
  }
  CHECK(bench.take().find("gap") != std::string::npos);
  bench.piped.pass(Seconds{10});
  CHECK(bench.piped.asked_line().find("limit=500") != std::string::npos);
}

TEST_CASE("a missing right is trouble, and never a reason to list") {
  Bench bench;
  bench.begin();
  bench.piped.end_chunks();
  for (int i = 0; i < 5; ++i) {
    bench.piped.pass(Seconds{10});
    CHECK(bench.piped.asked_line().find("watch=1") != std::string::npos);
    bench.piped.answer(403, R"({"message":"forbidden"})");
  }
  CHECK(bench.take() == "trouble ");
  CHECK(bench.watch.lists() == 1);
}

TEST_CASE("a list that fails, is cut off or runs out of history is begun anew") {
  Bench bench;
  bench.piped.asked();
  bench.piped.answer(403, R"({"message":"forbidden"})");
  CHECK(bench.take() == "trouble ");
  bench.piped.pass(Seconds{1});
  bench.piped.asked();
  bench.piped.begin_chunks();
  bench.piped.chunk(list({object("a", 1), object("b", 2)}, 5).substr(0, 130));
  bench.piped.end_chunks();
  CHECK(bench.take() == "a@1 trouble ");
  bench.piped.pass(Seconds{1});
  bench.piped.asked();
  bench.piped.answer(200, list({object("a", 1)}, 5, "c"));
  bench.piped.pass({});
  bench.piped.asked();
  bench.piped.answer(410, R"({"reason":"Expired","metadata":{"continue":"d"}})");
  bench.piped.pass({});
  CHECK(bench.piped.asked_line().ends_with("continue=d"));
  bench.piped.answer(200, list({object("b", 2)}, 7));
  // A watch from there would miss what has changed of the first page.
  CHECK(bench.take() == "b@2 trouble ");
  bench.piped.pass(Seconds{2});
  CHECK(bench.piped.asked_line().find("continue") == std::string::npos);
  bench.piped.answer(200, list({object("a", 1), object("b", 2)}, 8));
  CHECK(bench.take() == "well synced ");
}

TEST_CASE("a watch that is destroyed closes its connection at once") {
  PipedApi piped;
  {
    Watch watch(*piped.api, "/api/v1/pods", "", "",
                {[](const auto&) {}, [](const auto&, auto*) {}, [] {}});
    piped.asked();
    piped.answer(200, list({}, 5));
    piped.pass({});
    piped.asked();
    piped.begin_chunks();
  }
  piped.pass({});
  CHECK_FALSE(piped.last().open());
}

}  // namespace
}  // namespace galileo::kubernetes
