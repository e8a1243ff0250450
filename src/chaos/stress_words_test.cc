#include "chaos/stress_words.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace galileo::chaos {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

std::string why_not(const Options& options) {
  const auto stress = check_stress(options);
  return stress.ok() ? "" : stress.error().to_text();
}

}  // namespace

TEST_CASE("every parameter becomes --key value, in its order") {
  const auto stress = check_stress({{"cpu", "2"},
                                    {"vm", "1"},
                                    {"vm-bytes", "64M"},
                                    {"vm-keep", ""},
                                    {"timeout", "1m"},
                                    {"cpu-load", "50"}});
  REQUIRE_MESSAGE(stress.ok(), stress.error().to_text());
  CHECK(fmt::format("{}", fmt::join(stress->words, " ")) ==
        "--cpu 2 --vm 1 --vm-bytes 64M --vm-keep --timeout 1m --cpu-load 50");
  CHECK(stress->cpus == 2);
  CHECK(stress->load_pct == 50);
  CHECK(stress->memory == std::uint64_t{64} << 20);
  CHECK(stress->timeout == std::chrono::minutes{1});
  CHECK(stress->beyond.empty());
  CHECK(check_stress({{"cpu", "0"}, {"matrix", "1"}})->beyond ==
        std::vector<std::string>{"matrix"});
  CHECK(check_stress({{"vm-bytes", "1g"}})->memory == 0);
}

TEST_CASE("what isn't known to be harmless isn't run") {
  for (const char* key :
       {"job", "log-file", "temp-path", "all", "exec", "-cpu", "cpu 1", "", "kill", "CPU"}) {
    CAPTURE(key);
    CHECK(why_not({{key, "1"}}).find("isn't known") != std::string::npos);
  }
  for (const char* value : {"/etc/passwd", "--all", "1;2", "a b", "\n", "$(x)"}) {
    CAPTURE(value);
    CHECK(why_not({{"cpu-method", value}}).find("can't be a value") != std::string::npos);
  }
  CHECK(why_not({{"cpu", "-1"}}).size() > 0);
  CHECK(why_not({{"cpu", "5000"}}).find("0 to 1024") != std::string::npos);
  CHECK(why_not({{"cpu-load", "101"}}).find("0 to 100") != std::string::npos);
  CHECK(why_not({{"vm-bytes", "lots"}}).find("no size") != std::string::npos);
  CHECK(why_not({{"timeout", "soon"}}).find("no time") != std::string::npos);
  CHECK(why_not({}).find("no parameter") != std::string::npos);
}

}  // namespace galileo::chaos
