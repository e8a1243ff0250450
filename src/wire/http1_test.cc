#include "wire/http1.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace galileo::wire::http1;

namespace {

struct Case {
  const char* name;
  std::string bytes;
  int status;
  std::string body;
  bool keep_alive;
  bool ends_with_close = false;
  bool answers_head = false;
};

const std::vector<Case> kAnswers{
    {"a body of known length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello",
     true},
    {"an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
    {"no reason phrase", "HTTP/1.1 200\r\ncontent-length:1\r\n\r\nx", 200, "x", true},
    {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok", true},
    {"Connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200,
     "x", false},
    {"HTTP/1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
    {"HTTP/1.0 kept alive",
     "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
    {"chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n "
     "world\r\n0\r\n\r\n",
     200, "hello world", true},
    {"chunks with trailers",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-Sum: "
     "1\r\n\r\n",
     200, "0123456789", true},
    {"chunks win over a length, once",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: "
     "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     200, "x", false},
    {"a body until the connection ends", "HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it",
     false, true},
    {"an interim answer first",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 201, "x",
     true},
    {"early hints with headers of their own",
     "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nConnection: close\r\n\r\nHTTP/1.1 200 "
     "OK\r\nContent-Length: "
     "1\r\n\r\nx",
     200, "x", true},
    {"the answer to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, "", true, false,
     true},
    {"204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
    {"304 has none either", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, "",
     true},
    {"equal lengths twice",
     "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true},
    {"a folded header", "HTTP/1.1 200 OK\r\nX-A: 1\r\n  2\r\nContent-Length: 1\r\n\r\nx", 200, "x",
     true},
};

void expect_answer(const Case& given, std::size_t piece) {
  CAPTURE(given.name);
  CAPTURE(piece);
  ResponseParser parser;
  Capture capture{.want_headers = true, .want_body = 1000, .headers = {}, .body = {}};
  parser.capture_into(&capture);
  parser.start(given.answers_head);
  for (std::size_t at = 0; at < given.bytes.size(); at += piece) {
    const std::string_view part = std::string_view(given.bytes).substr(at, piece);
    CHECK(parser.feed(part) == part.size());
  }
  CHECK(parser.done() == !given.ends_with_close);
  if (given.ends_with_close) parser.finish();
  CHECK(parser.done());
  CHECK(parser.status() == given.status);
  CHECK(capture.body == given.body);
  CHECK(parser.keep_alive() == given.keep_alive);
  CHECK(parser.bytes() == given.bytes.size());
}

}  // namespace

TEST_CASE("answers are read whatever the pieces they come in") {
  for (const Case& given : kAnswers) {
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, given.bytes.size()})
      expect_answer(given, piece);
  }
}

TEST_CASE("answers that aren't HTTP fail, in whole and in pieces") {
  const std::vector<std::pair<std::string, Problem>> bad{
      {"garbage\r\n\r\n", Problem::malformed},
      {"HTTP/2 200 OK\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 20 OK\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 2000 OK\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 099 No\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\n: no name\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 0\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n", Problem::body_too_large},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n", Problem::malformed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
       Problem::body_too_large},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a'), Problem::head_too_large},
  };
  for (const auto& [bytes, problem] : bad) {
    CAPTURE(bytes.substr(0, 80));
    for (const std::size_t piece : {std::size_t{1}, bytes.size()}) {
      ResponseParser parser;
      parser.start(false);
      for (std::size_t at = 0; at < bytes.size() && !parser.failed(); at += piece)
        parser.feed(std::string_view(bytes).substr(at, piece));
      CHECK(parser.failed());
      CHECK(parser.problem() == problem);
      CHECK_FALSE(parser.keep_alive());
    }
  }
}

TEST_CASE("headers without an end are cut off at the limit, interim answers too") {
  ResponseParser parser;
  parser.start(false);
  std::size_t fed = 0;
  while (!parser.failed() && fed < 1'000'000) fed += parser.feed("HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(parser.problem() == Problem::head_too_large);
  CHECK(fed < 66'000);
}

TEST_CASE("a body without an end is cut off at the limit") {
  ResponseParser parser(Limits{.head_max = 1000, .body_max = 5000});
  parser.start(false);
  parser.feed("HTTP/1.1 200 OK\r\n\r\n");
  const std::string piece(999, 'x');
  for (int i = 0; i < 6; ++i) parser.feed(piece);
  CHECK(parser.problem() == Problem::body_too_large);
}

TEST_CASE("an answer cut in the middle fails as cut") {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ResponseParser parser;
    parser.start(false);
    parser.feed(std::string_view(whole).substr(0, length));
    parser.finish();
    CHECK(parser.problem() == Problem::cut);
  }
}

TEST_CASE("bytes after an answer are left to the caller") {
  ResponseParser parser;
  parser.start(false);
  CHECK(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1") == 39);
  CHECK(parser.done());
}

TEST_CASE("a parser reads answer after answer and keeps nothing of the last") {
  ResponseParser parser;
  for (int i = 0; i < 3; ++i) {
    parser.start(false);
    parser.want_redirect(true);
    parser.feed(
        i == 1
            ? "HTTP/1.1 302 Found\r\nLocation: /x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(parser.done());
    CHECK(parser.location() == (i == 1 ? "/x" : ""));
    CHECK(parser.keep_alive() == (i != 1));
  }
}

TEST_CASE("requests are read with their bodies") {
  const std::string bytes =
      "POST /a?b=1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
      "GET / HTTP/1.0\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, bytes.size()}) {
    RequestParser parser;
    Capture capture{.want_headers = false, .want_body = 100, .headers = {}, .body = {}};
    parser.capture_into(&capture);
    std::vector<std::string> seen;
    parser.start();
    for (std::size_t at = 0; at < bytes.size();) {
      at += parser.feed(std::string_view(bytes).substr(at, piece));
      if (!parser.done()) continue;
      seen.push_back(parser.method() + " " + parser.target() + " " + capture.body +
                     (parser.keep_alive() ? " kept" : " closed"));
      capture.clear();
      parser.start();
    }
    CHECK(seen == std::vector<std::string>{"POST /a?b=1 abc kept", "GET /  closed"});
  }
}

TEST_CASE("one blank line before a request is passed over, however it is cut") {
  const std::string_view request = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    RequestParser parser;
    parser.start();
    parser.feed(request.substr(0, cut));
    parser.feed(request.substr(cut));
    CHECK(parser.done());
  }
  RequestParser parser;
  parser.start();
  parser.feed("\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  CHECK(parser.failed());
}

TEST_CASE("a request is written with what HTTP asks for, unless its headers say otherwise") {
  const std::string body = "a=1";
  CHECK(serialize_request("POST", "/x", "h:80", {{"Content-Type", "text/plain"}}, &body, false) ==
        "POST /x HTTP/1.1\r\nHost: h:80\r\nUser-Agent: galileo\r\nAccept: */*\r\n"
        "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\na=1");
  CHECK(serialize_request("GET", "/", "h",
                          {{"host", "other"}, {"user-agent", "u"}, {"ACCEPT", "x"}}, nullptr,
                          true) ==
        "GET / HTTP/1.1\r\nhost: other\r\nuser-agent: u\r\nACCEPT: x\r\nConnection: close\r\n\r\n");
}

Limits strict_limits() {
  Limits limits;
  limits.strict = true;
  return limits;
}

bool is_taken(const std::string& request) {
  RequestParser parser(strict_limits());
  parser.start();
  parser.feed(request);
  return parser.done();
}

TEST_CASE("who passes requests on takes none with a fragment or an impossible host") {
  CHECK(is_taken("GET /a?b HTTP/1.1\r\nHost: a.b:80\r\n\r\n"));
  CHECK(is_taken("GET /a HTTP/1.1\r\nHost: [fe80::1%25eth0]:80\r\n\r\n"));
  CHECK(is_taken("GET /a HTTP/1.1\r\nHost:\r\n\r\n"));
  CHECK_FALSE(is_taken("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"));
  for (const char* host : {"a b", "a/b", "a@b", "a\"b", "\xc3\xa4"})
    CHECK_FALSE(is_taken("GET /a HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"));
}

TEST_CASE("who passes answers on takes chunk extensions, but no control characters in them") {
  const auto taken = [](const std::string& size) {
    ResponseParser parser(strict_limits());
    parser.start(false);
    parser.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size +
                "\r\nhello\r\n0\r\n\r\n");
    return parser.done();
  };
  CHECK(taken("5"));
  CHECK(taken("5;a=b"));
  CHECK(taken("5 ; a=\"b\""));
  CHECK_FALSE(taken(std::string("5;a=\0", 6)));
  CHECK_FALSE(taken("5 5"));
}

TEST_CASE("interim answers are told of with their headers, the reason is kept as it was said") {
  struct Told final : HeaderSink {
    void on_head() override { lines += "head "; }
    void on_header(std::string_view name, std::string_view value) override {
      lines += std::string(name) + "=" + std::string(value) + " ";
    }
    void on_interim(int status) override { lines += "interim " + std::to_string(status) + " "; }
    std::string lines;
  } told;
  ResponseParser parser;
  parser.headers_into(&told);
  parser.start(false);
  const std::string bytes =
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n";
  for (const char byte : bytes) parser.feed({&byte, 1});
  CHECK(parser.done());
  CHECK(parser.reason() == "I'm a teapot");
  CHECK(told.lines == "head Link=x interim 103 head Content-Length=0 ");
  parser.start(false);
  parser.feed("HTTP/1.1 204\r\n\r\n");
  CHECK(parser.reason().empty());
}

// Two million bytes, a byte each: who looked at all of a head, or of one of its lines, for each
// byte would look at 2e12 of them, and be at it for many minutes.
TEST_CASE("a head that comes byte by byte is looked at once" * doctest::timeout(60)) {
  constexpr std::size_t kSize = std::size_t{2} << 20;
  std::string many;
  while (many.size() < kSize) many += "X-A: 1\r\n";
  const std::string one = "X-A: " + std::string(kSize, 'a') + "\r\n";
  const auto taken = [](auto& parser, const std::string& bytes) {
    std::size_t count = 0;
    for (const char byte : bytes) count += parser.feed({&byte, 1});
    return parser.done() && count == bytes.size();
  };
  const Limits limits{.head_max = 4 * kSize, .strict = true};
  for (const std::string& headers : {one, many}) {
    ResponseParser answers(limits);
    answers.start(false);
    CHECK(taken(answers, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + headers + "\r\n"));
    RequestParser requests(limits);
    requests.start();
    CHECK(taken(requests, "GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n"));
    // The trailers behind chunks.
    answers.start(false);
    CHECK(taken(answers,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + headers + "\r\n"));
  }
  // A start line.
  RequestParser requests(limits);
  requests.start();
  CHECK(taken(requests, "GET /" + std::string(kSize, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"));
}
