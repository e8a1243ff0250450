#include "load/http_parameters.h"

#include <doctest/doctest.h>

#include "load/request_parameters.h"

using namespace galileo::load;

namespace {

HttpSettings read(const std::string& http) {
  const auto request = parse_request_parameters(R"({"kwargs": {"http": )" + http + "}}");
  REQUIRE_MESSAGE(request.ok(), request.error().to_text());
  return request->http;
}

std::string refused(const std::string& http) {
  std::string text;
  for (const RequestFault& fault :
       read_request_parameters(R"({"kwargs": {"http": )" + http + "}}").faults)
    text += (fault.of_key ? "" : fault.subject + " ") + fault.why + "\n";
  return text;
}

}  // namespace

TEST_CASE("how HTTP is spoken, as JSON and as the texts of a file") {
  HttpSettings all;
  all.version = 2;
  all.prior_knowledge = true;
  all.streams = 20;
  all.connections = 4;
  all.keep_alive = false;
  CHECK(read(R"({"version": 2, "prior_knowledge": true, "streams": 20, "connections": 4,
                 "keepalive": false})") == all);
  CHECK(read(R"({"version": "2", "prior_knowledge": "yes", "streams": "20", "connections": "4",
                 "keepalive": "no"})") == all);
  for (const char* const usual : {"{}", "null", "false", R"({"version": 1.1})",
                                  R"({"version": "1.1", "streams": null, "keepalive": "on"})"})
    CHECK(read(usual) == HttpSettings{});
}

TEST_CASE("what can't be of it is refused, each with what it must be") {
  CHECK(refused("2") == "kwargs.http must be a map, not '2'\n");
  CHECK(refused(R"({"version": 3, "keepalive": "maybe", "prior_knowledge": 1, "stream": 5})") ==
        "kwargs.http.version must be 1.1 or 2, not '3'\n"
        "kwargs.http.keepalive must be true or false, not 'maybe'\n"
        "kwargs.http.prior_knowledge must be true or false, not '1'\n"
        "unknown key 'stream'\n");
  for (const char* const bad : {"0", "-1", "1.5", "1000001", "\"many\"", "[1]", "true"}) {
    CAPTURE(bad);
    const std::string settings = std::string(R"({"version": 2, "streams": )") + bad + "}";
    CHECK(refused(settings).starts_with(
        "kwargs.http.streams must be a whole number from 1 to 1,000,000, not "));
  }
  CHECK(refused(R"({"streams": 5})") == "kwargs.http.streams are HTTP/2's\n");
}
