#include "wire/fleet_requests.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::wire;

namespace {

const std::string kHash(64, 'a');
const std::string kOther = "0123456789abcdef" + std::string(48, '0');

}  // namespace

TEST_CASE("what a run's requests are made of is said with these bytes, and read again") {
  const TakeRequests take{
      "202612010000-abcd", {{kHash, 12, "client 'app'"}}, {{kOther, 7, "rows \"1\".csv"}}};
  const std::string text =
      R"({"run": "202612010000-abcd", "descriptions": [{"hash": ")" + kHash +
      R"(", "bytes": 12, "called": "client 'app'"}], "contents": [{"hash": ")" + kOther +
      R"(", "bytes": 7, "called": "rows \"1\".csv"}]})";
  CHECK(encode(take) == text);
  const auto read = decode_take_requests(text);
  REQUIRE_MESSAGE(read.ok(), read.error().to_text());
  CHECK(*read == take);
  CHECK(encode_notes({"a", "b"}) == R"(["a", "b"])");
  CHECK(*decode_notes(R"(["a", "b"])") == std::vector<std::string>{"a", "b"});
  CHECK(decode_notes("[]")->empty());
}

TEST_CASE("what isn't such a message is refused with its field") {
  const auto why = [](const std::string& json) {
    const auto read = decode_take_requests(json);
    return read.ok() ? std::string() : read.error().where + ": " + read.error().why;
  };
  const std::string good = R"({"hash": ")" + kHash + R"(", "bytes": 1, "called": ""})";
  CHECK(why(R"({"run": "r", "descriptions": [], "contents": [)" + good + "]}").empty());
  CHECK(why(R"({"descriptions": [], "contents": []})") == "run: it isn't a text");
  CHECK(why(R"({"run": "r", "contents": []})").starts_with("descriptions: it isn't a list"));
  CHECK(why(R"({"run": "r", "descriptions": [], "contents": [{"hash": "../x", "bytes": 1,
              "called": ""}]})") == "hash: it isn't a SHA-256");
  CHECK(why(R"({"run": "r", "descriptions": [], "contents": [{"hash": ")" + kHash +
            R"(", "bytes": 268435457, "called": ""}]})")
            .starts_with("bytes: it isn't a number up to"));
  CHECK_FALSE(decode_notes("[1]").ok());
  CHECK_FALSE(decode_notes("{}").ok());
  CHECK_FALSE(decode_take_requests("[]").ok());
}

TEST_CASE("a client's parameters name a description, and other parameters none") {
  const std::string parameters = parameters_of({"202612010000-abcd", kHash});
  CHECK(parameters ==
        R"({"galileo": {"requests": {"run": "202612010000-abcd", "hash": ")" + kHash + R"("}}})");
  const auto named = requests_named_in(parameters);
  REQUIRE(named);
  CHECK(named->run == "202612010000-abcd");
  CHECK(named->hash == kHash);
  for (const char* other : {"", "{}", "null", R"({"kwargs": {"data": "\"requests\""}})",
                            R"({"galileo": {"requests": 1}})", R"({"requests": {"run": "r"}})"})
    CHECK_FALSE(requests_named_in(other));
}

TEST_CASE("only the name of a content is one: no path is") {
  CHECK(content_reference(kHash) == "content:" + kHash);
  CHECK(referred_content("content:" + kHash) == kHash);
  for (const std::string& path :
       {std::string("/etc/passwd"), kHash, "content:" + kHash + "0", "content:../" + kHash,
        std::string("content:"), "content:" + std::string(64, 'A')})
    CHECK_FALSE(referred_content(path));
}
