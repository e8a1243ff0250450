#include "kubernetes/api.h"

#include <doctest/doctest.h>

#include "kubernetes/api_fixture.h"
#include "kubernetes/requests.h"

namespace galileo::kubernetes {
namespace {

using Seconds = std::chrono::seconds;
using Json = nlohmann::json;

// What has come of one request.
struct Heard {
  Api::OnAnswer handler() {
    return [this](Result<ApiAnswer> came) {
      ++times;
      answer = std::move(came);
    };
  }
  std::string text() const {
    if (!answer) return "nothing";
    return answer->ok() ? std::to_string((*answer)->status) : answer->error().to_text();
  }
  std::optional<Result<ApiAnswer>> answer;
  int times = 0;
};

TEST_CASE(
    "a request goes out with the server's path before its own, and its answer has the server's "
    "time") {
  PipedApi piped;
  Heard heard;
  piped.api->ask(create("/api/v1/namespaces/x/pods", Json{{"kind", "Pod"}}), heard.handler());
  const std::string asked = piped.asked();
  CHECK(asked.starts_with("POST /base/api/v1/namespaces/x/pods HTTP/1.1\r\n"));
  CHECK(asked.find("Host: 127.0.0.1:8001\r\n") != std::string::npos);
  CHECK(asked.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(asked.find("Accept: application/json\r\n") != std::string::npos);
  CHECK(asked.ends_with("\r\n\r\n{\"kind\":\"Pod\"}"));
  piped.answer(201, R"({"metadata": {"uid": "u"}})", "Date: Mon, 30 Nov 2026 07:48:22 GMT\r\n");
  CHECK(heard.text() == "201");
  CHECK((*heard.answer)->json()["metadata"]["uid"] == "u");
  CHECK(to_unix_seconds(*(*heard.answer)->date) == 1796024902);
}

// Given a server that is too busy.
TEST_CASE(
    "after 429 a request is sent again, not before the server wants it, and later each time") {
  PipedApi piped;
  Heard heard;
  piped.api->ask(create("/pods", Json::object()), heard.handler());
  CHECK(piped.asked_line() == "POST /base/pods");
  piped.answer(429, "{}", "Retry-After: 1\r\n");
  piped.pass(std::chrono::milliseconds{1050});
  CHECK(piped.last().take().empty());
  piped.pass(std::chrono::milliseconds{1250});
  CHECK(piped.asked_line() == "POST /base/pods");
  piped.answer(429, "{}", "Retry-After: 1\r\n");
  piped.pass(std::chrono::milliseconds{1150});
  CHECK(piped.last().take().empty());
  piped.pass(std::chrono::milliseconds{1450});
  CHECK(piped.asked_line() == "POST /base/pods");
  piped.answer(201, "{}");
  CHECK(heard.text() == "201");
  CHECK(heard.times == 1);
}

TEST_CASE("a server that stays too busy gets its last word in before the time is over") {
  PipedApi piped;
  Heard heard;
  ApiRequest request = get("/pods");
  request.within = Seconds{3};
  piped.api->ask(request, heard.handler());
  piped.asked();
  piped.answer(429, R"({"reason": "TooManyRequests"})", "Retry-After: 10\r\n");
  CHECK(heard.text() == "429");
  CHECK(reason(**heard.answer) == "TooManyRequests");
}

TEST_CASE("what failed with 5xx is sent again where twice is as once, and handed over where not") {
  PipedApi piped;
  Heard heard;
  piped.api->ask(get("/pods"), heard.handler());
  piped.asked();
  piped.answer(503, "starting");
  CHECK(heard.text() == "nothing");
  piped.pass(std::chrono::milliseconds{250});
  CHECK(piped.asked_line() == "GET /base/pods");
  piped.answer(200, "{}");
  CHECK(heard.text() == "200");

  Heard once;
  piped.api->ask(create("/pods", Json::object()), once.handler());
  piped.asked();
  piped.answer(500, "{}");
  CHECK(once.text() == "500");
}

// Given a connection that ends while an answer is waited for.
TEST_CASE("a lost answer is asked for again, but never that of a creation") {
  PipedApi piped;
  Heard heard;
  piped.api->ask(remove("/pods/a", {"u", "Background", {}}), heard.handler());
  CHECK(piped.asked_line() == "DELETE /base/pods/a");
  piped.last().break_off();
  CHECK(heard.text() == "nothing");
  piped.pass(std::chrono::milliseconds{250});
  CHECK(piped.connector.made() == 2);
  CHECK(piped.asked_line() == "DELETE /base/pods/a");
  piped.answer(404, "{}");
  CHECK(heard.text() == "404");

  Heard once;
  piped.api->ask(create("/pods", Json::object()), once.handler());
  CHECK(piped.asked_line() == "POST /base/pods");
  piped.last().break_off();
  piped.pass(Seconds{40});
  REQUIRE(once.answer);
  CHECK(once.answer->error().code == ErrorCode::kUnavailable);
  CHECK(once.text().starts_with("no answer from the API server, 127.0.0.1:8001: "));
  CHECK(piped.connector.made() == 2);
}

TEST_CASE("a creation that never left is sent again") {
  PipedApi piped;
  Heard heard;
  piped.api->ask(create("/pods", Json::object()), heard.handler());
  piped.pass({});
  piped.last().refuse(ECONNREFUSED);
  CHECK(heard.text() == "nothing");
  piped.pass(std::chrono::milliseconds{250});
  CHECK(piped.connector.made() == 2);
  CHECK(piped.asked_line() == "POST /base/pods");
  piped.answer(201, "{}");
  CHECK(heard.text() == "201");
}

// Given a connection that something on the way has forgotten: nothing comes, no error either.
TEST_CASE("a dead connection costs half of a request's time, and the next try dials anew") {
  PipedApi piped;
  Heard first;
  piped.api->ask(get("/a"), first.handler());
  piped.asked();
  piped.answer(200, "{}");
  Heard heard;
  piped.api->ask(get("/b"), heard.handler());
  CHECK(piped.asked_line() == "GET /base/b");
  CHECK(piped.connector.made() == 1);
  piped.pass(Seconds{14});
  CHECK(piped.connector.made() == 1);
  CHECK(piped.pass_to_next() <= Seconds{15});
  CHECK_FALSE(piped.connector.at(0).open());
  CHECK(piped.connector.made() > 1);
  CHECK(piped.asked_line() == "GET /base/b");
  piped.answer(200, "{}");
  CHECK(heard.text() == "200");
}

TEST_CASE("without any answer the error comes within the request's time, and says where it asked") {
  PipedApi piped;
  Heard heard;
  ApiRequest request = get("/a");
  request.within = Seconds{4};
  piped.api->ask(request, heard.handler());
  piped.asked();
  piped.pass(Seconds{1});
  CHECK(heard.text() == "nothing");
  for (int i = 0; i < 10 && !heard.answer; ++i) CHECK(piped.pass_to_next() <= Seconds{4});
  CHECK(heard.text() ==
        "no answer from the API server, 127.0.0.1:8001: no answer within 2.00s; the test");
}

TEST_CASE("what was dropped is never told, also from a stream's own pieces") {
  PipedApi piped;
  Heard heard;
  const std::uint64_t number = piped.api->ask(get("/a"), heard.handler());
  piped.asked();
  piped.api->drop(number);
  piped.pass({});
  CHECK_FALSE(piped.last().open());
  CHECK(heard.text() == "nothing");

  std::string pieces;
  std::uint64_t stream = 0;
  stream = piped.api->stream(get("/s"), {[&](std::string_view piece) {
                                           pieces += piece;
                                           piped.api->drop(stream);
                                         },
                                         heard.handler()});
  piped.asked();
  piped.begin_chunks();
  piped.chunk("one");
  piped.chunk("two");
  piped.pass({});
  CHECK(pieces == "one");
  CHECK_FALSE(piped.last().open());
  CHECK(heard.text() == "nothing");
}

TEST_CASE("a stream tells of its begin, its pieces and its end, and of a refusal the whole text") {
  PipedApi piped;
  Heard heard;
  std::string told;
  const auto stream = [&] {
    piped.api->stream(get("/s"), {[&](std::string_view piece) { told += piece; }, heard.handler(),
                                  [&] { told += "begin "; }});
  };
  stream();
  piped.asked();
  piped.begin_chunks();
  CHECK(told == "begin ");
  piped.chunk("a");
  piped.end_chunks();
  CHECK(told == "begin a");
  CHECK(heard.text() == "200");
  stream();
  piped.asked();
  piped.answer(403, R"({"message": "no"})");
  CHECK(told == "begin a");
  CHECK((*heard.answer)->body == R"({"message": "no"})");
}

TEST_CASE("a refusal is told in Kubernetes' own words, with what to do where that is known") {
  const ApiRequest request = get("/api/v1/pods?limit=5");
  const Error error = refusal(
      request,
      {403,
       R"({"message": "pods is forbidden: User \"x\" cannot list\nit", "reason": "Forbidden"})",
       {}});
  CHECK(error.to_text() ==
        "the API server refuses, GET /api/v1/pods: pods is forbidden: User \"x\" cannot list it; "
        "give the user that right, by a Role and a RoleBinding, or take another context");
  CHECK(refusal(request, {404, "{}", {}}).code == ErrorCode::kNotFound);
  CHECK(refusal(request, {503, "overloaded\n", {}}).why == "overloaded");
  CHECK(refusal(request, {503, "", {}}).why == "it answers with the status 503");
  CHECK(reason({409, R"({"reason": "AlreadyExists"})", {}}) == "AlreadyExists");
  CHECK(reason({409, "x", {}}).empty());
}

}  // namespace
}  // namespace galileo::kubernetes
