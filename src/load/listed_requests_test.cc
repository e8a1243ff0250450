// Requests of a list as their clients get them: each once a round, whatever client and loop asks.
#include "load/listed_requests.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/test_fixture.h"
#include "load/targets_file.h"

namespace galileo::load {
namespace {

RequestList list_of(int count) {
  RequestList list;
  const std::string body = "body";
  for (int i = 0; i < count; ++i)
    list.add(Duration{i}, i % 2 == 0 ? "GET" : "POST", fmt::format("/{}", i),
             {{"X-A", std::to_string(i)}, {"accept", "recorded"}}, i % 2 == 0 ? nullptr : &body);
  list.close();
  return list;
}

std::string made(RequestSource& source, std::uint64_t of_all, MadeRequest& into) {
  Turn turn;
  turn.of_all = of_all;
  const Made how = source.make(turn, into);
  if (how == Made::kOver) return "over: " + into.why;
  CHECK(how == Made::kMade);
  std::string text = into.method + " " + into.path;
  for (const auto& [name, value] : into.headers) text += fmt::format(" | {}: {}", name, value);
  return text + (into.sent_body() ? " << " + *into.sent_body() : "");
}

}  // namespace

TEST_CASE("each entry is made as it is, with the client's headers in place of the recorded ones") {
  Request own;
  own.headers = {{"Accept", "ours"}};
  ListedRequests all("a list", list_of(3), own, false, {"a note"});
  CHECK(all.notes() == std::vector<std::string>{"a note"});
  const auto source = all.of_client({});
  MadeRequest into;
  CHECK(made(*source, 1, into) == "POST /1 | Accept: ours | X-A: 1 << body");
  CHECK(made(*source, 0, into) == "GET /0 | Accept: ours | X-A: 0");
  CHECK(made(*source, 2, into) == "GET /2 | Accept: ours | X-A: 2");
  CHECK(made(*source, 3, into) == "over: it has 3 requests");
}

TEST_CASE("of a list that goes round each entry comes once before any comes twice") {
  ListedRequests all("a list", list_of(3), Request{}, true, {});
  const auto one = all.of_client({});
  const auto other = all.of_client({});
  MadeRequest into;
  std::vector<std::string> seen;
  for (std::uint64_t i = 0; i < 9; ++i) seen.push_back(made(i % 2 == 0 ? *one : *other, i, into));
  for (std::size_t i = 3; i < 9; ++i) CHECK(seen[i] == seen[i - 3]);
  CHECK(seen[0] != seen[1]);
  CHECK(seen[1] != seen[2]);
}

TEST_CASE("a targets file's bodies are beside it, and its hosts are one") {
  const TestFolder folder;
  folder.write("body", "a body");
  const std::string path = folder.write(
      "targets", "GET https://h:1/a\n\nPOST https://h:1/b\n@body\n\nPOST https://h:1/c\n@body\n");
  const TargetsFile targets = must(read_targets(path, folder.path()));
  CHECK(targets.url == "https://h:1");
  CHECK(targets.list.size() == 3);
  CHECK(targets.list.text(targets.list.entries()[2].body) == "a body");
  CHECK(targets.list.entries()[1].body == targets.list.entries()[2].body);
  CHECK(targets.list.entries()[0].body == 0);
  const auto where = [&](const std::string& text) {
    const auto read = read_targets(folder.write("wrong", text), folder.path());
    REQUIRE_FALSE(read.ok());
    return read.error().to_text();
  };
  CHECK(where("GET http://a/\n\nGET https://a/\n").find(", line 3: it is of https://a") !=
        std::string::npos);
  CHECK(where("POST http://a/\n@none\n").find("line 1: ") != std::string::npos);
}

}  // namespace galileo::load
