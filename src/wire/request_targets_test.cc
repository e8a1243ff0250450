// Targets files as vegeta's documentation has them, and what isn't one.
#include "wire/request_targets.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace galileo::wire {
namespace {

std::string said(std::string_view text) {
  const auto targets = parse_request_targets(text);
  if (!targets.ok()) return targets.error().where + ": " + targets.error().why;
  std::string all;
  for (const RequestTarget& target : *targets) {
    const RecordedRequest& request = target.request;
    all += fmt::format("{}:{} {} @{}", target.line, request.method, request.target, request.host);
    for (const auto& [name, value] : request.headers) all += fmt::format(" | {}: {}", name, value);
    if (request.has_body)
      all += " << " + (target.body_file.empty() ? request.body : "@" + target.body_file);
    all += "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("targets of the http form, with headers, bodies and comments") {
  CHECK(said("GET http://user:pw@goku:9090/path/to/dragon?item=balls\n"
             "X-Account-ID: 8675309\n"
             "# a word\n"
             "\n"
             "DELETE http://goku:9090/path\n"
             "Confirmation-Token: 90215\n"
             "Authorization: Token DEADBEEF\n"
             "POST http://goku:9090/things\n"
             "Host: other\n"
             "@/path/to/body with blank.json\n"
             "\r\n"
             "GET /%7Ea/../b#c\n") ==
        "1:GET /path/to/dragon?item=balls @goku:9090 | X-Account-ID: 8675309\n"
        "5:DELETE /path @goku:9090 | Confirmation-Token: 90215 | Authorization: Token DEADBEEF\n"
        "8:POST /things @goku:9090 | Host: other << @/path/to/body with blank.json\n"
        "12:GET /%7Ea/../b#c @\n");
}

TEST_CASE("targets of the json form") {
  CHECK(said("\n{\"method\": \"POST\", \"url\": \"http://h/a\", \"body\": \"eyJhIjoxfQ==\", "
             "\"header\": {\"A\": [\"b\", \"c\"]}}\n"
             "{\"method\":\"GET\",\"url\":\"https://h\"}") ==
        "2:POST /a @h | A: b | A: c << {\"a\":1}\n3:GET / @h\n");
}

TEST_CASE("what isn't a target is said with its line") {
  struct Row {
    const char* text;
    const char* said;
  };
  for (const Row& row : {
           Row{"", ": there is no target in it"},
           Row{"# nothing\n\n", ": there is no target in it"},
           Row{"GET\n", "line 1: it isn't a method and a URL"},
           Row{"GET http://h/\nnonsense\n", "line 2: it is neither a header nor a body's file"},
           Row{"GET http://h/\n@\n", "line 2: no file is named behind the @"},
           Row{"GET http://h/\na b: c\n", "line 2: it isn't a header"},
           Row{"GET ftp://h/\n", "line 1: 'ftp://h/' is no URL of HTTP"},
           Row{"GET relative\n", "line 1: 'relative' is no URL of HTTP"},
           Row{"G(T http://h/\n", "line 1: 'G(T' isn't a method"},
           Row{"{\"method\":\"GET\"}", "line 1: it has no method or no url"},
           Row{"{\"method\":\"GET\",\"url\":\"/\"}\nx", "line 2: it isn't JSON at byte 1"},
           Row{"{\"method\":\"GET\",\"url\":\"/\",\"body\":\"?\"}",
               "line 1: its body isn't in base64"},
           Row{"{\"method\":\"GET\",\"url\":\"/\",\"body\":1}", "line 1: its body isn't in base64"},
           Row{"{\"method\":\"GET\",\"url\":\"/\",\"header\":[]}",
               "line 1: its header isn't an object"},
           Row{"{\"method\":\"GET\",\"url\":\"/\",\"header\":{\"A\":[1]}}",
               "line 1: a header isn't a list of texts"},
           Row{"{\"method\":\"GET\",\"url\":\"/\",\"header\":{\"A\":[\"b\\nc\"]}}",
               "line 1: it isn't a header"},
           Row{"{\"method\":\"GET\",\"url\":\"/\",\"at\":-1}",
               "line 1: its `at` isn't a number of seconds from 0 up"},
       }) {
    CAPTURE(row.text);
    CHECK(said(row.text) == row.said);
  }
}

}  // namespace galileo::wire
