#include "bus/bus_options.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace galileo;
using namespace galileo::bus;

namespace {

Result<BusPlace> place(const std::string& url) {
  BusOptions options;
  options.url = url;
  return place_of(options);
}

Result<BusOptions> from(const std::map<std::string, std::string, std::less<>>& variables) {
  return bus_options_from([&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

}  // namespace

TEST_CASE("URLs of every kind say where a bus is") {
  CHECK(place("in-process:")->kind == BusPlace::Kind::kInProcess);
  auto there = place("redis://db.local");
  REQUIRE(there.ok());
  CHECK(there->host == "db.local");
  CHECK(there->port == 6379);
  CHECK(there->shown == "redis://db.local:6379/0");
  there = place("rediss://me:p%40ss%2F:w@[::1]:7000/12");
  REQUIRE(there.ok());
  CHECK(there->tls);
  CHECK(there->user == "me");
  CHECK(there->password == "p@ss/:w");
  CHECK(there->host == "::1");
  CHECK(there->database == 12);
  CHECK(there->shown == "rediss://[::1]:7000/12");
  there = place("REDIS://:secret@h:1/");
  REQUIRE(there.ok());
  CHECK(there->user.empty());
  CHECK(there->password == "secret");
  there = place("unix://u:p@/run/redis.sock?db=2");
  REQUIRE(there.ok());
  CHECK(there->kind == BusPlace::Kind::kUnix);
  CHECK(there->path == "/run/redis.sock");
  CHECK(there->password == "p");
  CHECK(there->shown == "unix:///run/redis.sock?db=2");
}

TEST_CASE("what isn't a URL of a bus is refused, and no password is told") {
  for (const char* url : {"", "localhost:6379", "http://x", "redis://", "redis://h:0",
                          "redis://h:x", "redis://h/x", "redis://h/-1", "redis://h?ssl=1",
                          "unix://relative", "unix://", "in-process", "redis://h:1:2"}) {
    const auto result = place(url);
    INFO(url);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::kUsage);
    CHECK_FALSE(result.error().hint.empty());
  }
  CHECK(place("reddis://me:secret@h").error().to_text().find("secret") == std::string::npos);
}

TEST_CASE("options stand over the URL") {
  BusOptions options;
  options.url = "redis://a:b@h/1";
  options.user = "c";
  options.password = "d";
  options.database = 0;
  const auto there = place_of(options);
  REQUIRE(there.ok());
  CHECK(there->user == "c");
  CHECK(there->password == "d");
  CHECK(there->database == 0);
}

TEST_CASE("a place is told to other programs by the variables that are read") {
  for (const char* url : {"redis://h", "redis://me:p%40ss%2F:w@[::1]:7000/12", "rediss://:x@h:1/3",
                          "unix://u:p@/run/redis.sock?db=2"}) {
    CAPTURE(url);
    const auto there = place(url);
    REQUIRE(there.ok());
    std::map<std::string, std::string, std::less<>> variables;
    for (const auto& [name, value] : variables_of(*there)) variables[name] = value;
    const auto read = place_of(*from(variables));
    REQUIRE(read.ok());
    CHECK(read->shown == there->shown);
    CHECK(read->user == there->user);
    CHECK(read->password == there->password);
  }
  // Programs of the old system know no URL.
  const auto plain = variables_of(*place("redis://:secret@10.0.0.5:7000"));
  const auto has = [&](const char* name, const char* value) {
    return std::find(plain.begin(), plain.end(),
                     std::pair<std::string, std::string>(name, value)) != plain.end();
  };
  CHECK(has("galileo_redis_host", "10.0.0.5"));
  CHECK(has("galileo_redis_port", "7000"));
  CHECK(has("galileo_redis_password", "secret"));
  CHECK(has("galileo_redis_url", ""));
}

TEST_CASE("the environment's variables say where the bus is") {
  CHECK(from({})->url == "redis://localhost:6379");
  const auto full = from({{"galileo_redis_host", "redis.lab"},
                          {"galileo_redis_port", "6380"},
                          {"galileo_redis_user", "me"},
                          {"galileo_redis_password", "p@/"},
                          {"galileo_redis_ca_file", "ca.crt"},
                          {"galileo_redis_certificate_file", "me.crt"},
                          {"galileo_redis_key_file", "me.key"},
                          {"galileo_redis_db", "3"}});
  REQUIRE(full.ok());
  CHECK(full->ca_file == "ca.crt");
  CHECK(full->certificate_file == "me.crt");
  CHECK(full->key_file == "me.key");
  CHECK(place_of(*full)->shown == "redis://redis.lab:6380/3");
  CHECK(place_of(*full)->user == "me");
  CHECK(place_of(*full)->password == "p@/");
  CHECK(place_of(*from({{"galileo_redis_host", "fd00::1"}}))->shown == "redis://[fd00::1]:6379/0");
  CHECK(from({{"galileo_redis_url", "unix:///r"}, {"galileo_redis_host", "x"}})->url ==
        "unix:///r");
  CHECK(from({{"galileo_redis_host", ""}, {"galileo_redis_password", ""}})->password.empty());
  CHECK(from({{"galileo_redis_port", "tcp://10.0.0.1:6379"}}).error().where ==
        "galileo_redis_port");
  for (const char* bad : {"a b", "u@h", "h:1", "file:///x", "8080", "1.2"})
    CHECK(from({{"galileo_redis_host", bad}}).error().where == "galileo_redis_host");
  CHECK(place_of(*from({{"galileo_redis_host", "[::1]"}}))->shown == "redis://[::1]:6379/0");
  CHECK(place_of(*from({{"galileo_redis_port", ""}}))->shown == "redis://localhost:6379/0");
  CHECK(from({{"galileo_redis_db", "x"}}).error().where == "galileo_redis_db");
  CHECK(from({{"galileo_redis_url", "x"}}).error().where == "galileo_redis_url");
}
