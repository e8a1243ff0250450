#include "chaos/tc_words.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/text.h"

namespace galileo::chaos {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (const std::string_view word : split(line, ' ')) words.emplace_back(word);
  return words;
}

std::string undo_of(std::string_view line) {
  const auto command = check_tc(words_of(line));
  return command.ok() ? fmt::format("{}", fmt::join(command->undo, " "))
                      : command.error().to_text();
}

}  // namespace

TEST_CASE("what a command adds, its undo takes away") {
  CHECK(undo_of("qdisc add dev eth0 root netem delay 50ms 10ms loss 5%") ==
        "qdisc del dev eth0 root");
  CHECK(undo_of("qdisc add dev eth0 root handle 1: tbf rate 10mbit burst 32kb latency 400ms") ==
        "qdisc del dev eth0 root");
  CHECK(undo_of("qdisc add dev eth0 parent 1:1 handle 10: netem loss 1%") ==
        "qdisc del dev eth0 parent 1:1");
  CHECK(undo_of("qdisc add dev eth0 clsact") == "qdisc del dev eth0 clsact");
  CHECK(undo_of("class add dev eth0 parent 1: classid 1:1 htb rate 1mbit") ==
        "class del dev eth0 classid 1:1");
  CHECK(undo_of("filter add dev eth0 parent 1: protocol ip pref 3 u32 match ip dst 10.0.0.0/8 "
                "flowid 1:1") == "filter del dev eth0 parent 1: pref 3");
}

TEST_CASE("a del of what was added is its undo, whatever else it says") {
  CHECK(undo_of("qdisc del dev eth0 root netem") == "qdisc del dev eth0 root");
  CHECK(undo_of("qdisc delete dev eth0 root") == "qdisc del dev eth0 root");
}

TEST_CASE("what can't be undone, reads files or isn't a word is refused") {
  for (const auto& [line, why] : std::vector<std::pair<std::string, std::string>>{
           {"qdisc replace dev eth0 root netem", "couldn't be put back"},
           {"qdisc change dev eth0 root netem", "couldn't be put back"},
           {"qdisc show dev eth0 root", "couldn't be put back"},
           {"action add dev eth0 root", "isn't what faults are made of"},
           {"-batch file dev eth0", "can't be a word"},
           {"qdisc add dev /etc/passwd root netem", "can't be a word"},
           {"qdisc add dev ../x root netem", "can't be a word"},
           {"qdisc add dev eth0;reboot root netem", "can't be a word"},
           {"qdisc add dev anamethatistoolong root netem", "is no device"},
           {"qdisc add dev eth0 netem delay 1ms", "where on the device"},
           {"qdisc add root netem delay 1ms", "no device"},
           {"qdisc add dev eth0 root", "what is added"},
           {"qdisc add dev eth0 root mystery", "isn't known"},
           {"qdisc add dev eth0 root handle", "nothing stands behind 'handle'"},
           {"filter add dev eth0 egress u32 match", "no number"},
           {"filter add dev eth0 egress pref 1 bpf object-file x.o", "reads files"},
           {"filter add dev eth0 egress pref 1 bpf da obj x.o", "reads files"},
           {"filter add dev eth0 egress pref 1 bpf da bytecode x", "can't be a word"},
           {"filter add dev eth0 egress pref 1 bpf da bytecode 1,6 verbose", "bpf comes as"},
           {"filter add dev eth0 egress pref 1 u32 action bpf bytecode 1,6", "bpf comes as"},
           {"class add dev eth0 parent 1: htb rate 1mbit", "no classid"},
           {"qdisc add dev", "too short"},
       }) {
    CAPTURE(line);
    CHECK(undo_of(line).find(why) != std::string::npos);
  }
  std::vector<std::string> odd = words_of("qdisc add dev eth0 root netem");
  for (const char* word : {"", " ", "\n", "a b", "$(x)", "`x`", "a|b", "a\x1b[0m", "\xff"}) {
    CAPTURE(word);
    odd.back() = word;
    CHECK_FALSE(check_tc(odd).ok());
  }
  CHECK_FALSE(check_tc(std::vector<std::string>(100, "a")).ok());
  CHECK_FALSE(check_tc({}).ok());
}

TEST_CASE("classic bytecode is a word of its own") {
  std::vector<std::string> words = words_of("filter add dev DEV egress pref 1 bpf da bytecode x");
  words.back() = "4,32 0 0 4294963256,53 0 1 4080218931,6 0 0 2,6 0 0 4294967295";
  const auto command = check_tc(words);
  REQUIRE_MESSAGE(command.ok(), command.error().to_text());
  const TcCommand there = on_device(*command, "eth0");
  CHECK(device_of(there) == "eth0");
  CHECK(there.words[3] == "eth0");
  CHECK(there.words.back() == words.back());
}

TEST_CASE("what has passed a discipline is read by its kind") {
  constexpr std::string_view kTold =
      R"([{"kind":"tbf","root":true,"bytes":10,"packets":7,"drops":2,"overlimits":3},{"kind":"x"}])";
  const auto counts = parse_tc_counts(kTold, "tbf");
  REQUIRE(counts);
  CHECK(counts->packets == 7);
  CHECK(counts->drops == 2);
  CHECK(counts->overlimits == 3);
  CHECK_FALSE(parse_tc_counts(kTold, "netem"));
  CHECK_FALSE(parse_tc_counts("Error", "tbf"));
  CHECK_FALSE(parse_tc_counts("7", "tbf"));
}

}  // namespace galileo::chaos
