#include "bus/redis_protocol.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/random.h"
#include "bus/redis_changes.h"

using namespace galileo;
using namespace galileo::bus;

namespace {

// The parts of a reply as a text: "[2 'a' 7 [1 nil]]".
std::string text_of(const Reply& reply, std::size_t part = 0) {
  switch (reply.kind(part)) {
    case ReplyKind::kText:
      return fmt::format("'{}'", reply.text(part));
    case ReplyKind::kStatus:
      return fmt::format("+{}", reply.text(part));
    case ReplyKind::kError:
      return fmt::format("-{}", reply.text(part));
    case ReplyKind::kInteger:
      return std::to_string(reply.integer(part));
    case ReplyKind::kNothing:
      return "nil";
    case ReplyKind::kArray:
      break;
  }
  std::string text = fmt::format("[{}", reply.integer(part));
  const std::size_t end = reply.after(part);
  for (std::size_t i = part + 1; i < end; i = reply.after(i)) text += " " + text_of(reply, i);
  return text + "]";
}

std::string read_all(ReplyReader& reader, std::string_view bytes) {
  std::string text;
  while (true) {
    const auto reply = reader.next(bytes);
    if (!reply.ok()) return text + "error: " + reply.error().why;
    if (*reply == nullptr) return text;
    text += text_of(**reply) + "\n";
  }
}

constexpr const char* kReplies =
    "+OK\r\n-ERR no\r\n:-12\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*0\r\n*-1\r\n"
    "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n*2\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n$1\r\ny\r\n";
constexpr const char* kRead =
    "+OK\n-ERR no\n-12\n'a\r\nbc'\n''\nnil\n[0]\nnil\n"
    "[3 'message' 'c' 'hi']\n[2 [2 1 [1 'x']] 'y']\n";

}  // namespace

TEST_CASE("replies of every kind are read, wherever the bytes are cut") {
  ReplyReader whole;
  CHECK(read_all(whole, kReplies) == kRead);
  const std::string bytes = kReplies;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ReplyReader reader;
    std::string text = read_all(reader, bytes.substr(0, cut));
    text += read_all(reader, bytes.substr(cut));
    CHECK(text == kRead);
  }
  ReplyReader one_by_one;
  std::string text;
  for (const char byte : bytes) text += read_all(one_by_one, {&byte, 1});
  CHECK(text == kRead);
}

TEST_CASE("a long text is kept whole over many slices, and thousands of replies come in order") {
  ReplyReader reader;
  const std::string large(300'000, 'x');
  CHECK(read_all(reader, fmt::format("$300000\r\n{}\r\n:1\r\n", large)) == "'" + large + "'\n1\n");
  std::string many;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    many += fmt::format(":{}\r\n", i);
    expected += fmt::format("{}\n", i);
  }
  CHECK(read_all(reader, many) == expected);
}

TEST_CASE("what is no reply, or too much of one, is an error and never more") {
  for (const char* bytes : {"HTTP/1.1 200 OK\r\n\r\n", "\x16\x03\x01", "$x\r\n", "$-7\r\n",
                            "*x\r\n", "$99999999999999999999\r\n", "*-5\r\n", "\r\n"}) {
    ReplyReader reader;
    CHECK(read_all(reader, bytes) == "error: what it sends is no Redis reply");
  }
  const ReplyLimits limits{10'000, 100};
  const std::string too_large = "error: a reply too large to be taken";
  // Announced and never sent, sent, many small ones, an array that is announced only.
  for (const std::string& bytes :
       {"$9223372036854775807\r\n" + std::string(20'000, 'x'),
        "$20000\r\n" + std::string(20'002, 'x'), std::string("*101\r\n"),
        std::string("*2147483647\r\n"), std::string("*2\r\n*60\r\n") + [] {
          std::string numbers;
          for (int i = 0; i < 60; ++i) numbers += ":1\r\n";
          return numbers + "*60\r\n";
        }()}) {
    ReplyReader reader(limits);
    CHECK(read_all(reader, bytes) == too_large);
  }
}

TEST_CASE("bytes changed by chance never do worse than an error") {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = kReplies;
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t c = 0; c < changes; ++c)
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    ReplyReader reader({1 << 20, 1000});
    read_all(reader, bytes);
  }
}

TEST_CASE("commands are written with the sizes of their words") {
  std::string bytes;
  add_command(bytes, {"PUBLISH", "c", std::string_view("a\r\n\0", 4)});
  CHECK(bytes == std::string("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$4\r\na\r\n\0\r\n", 34));
}

TEST_CASE("times are written as the server takes them") {
  using std::chrono::milliseconds;
  CHECK(seconds_word(std::chrono::seconds{2}) == "2");
  CHECK(seconds_word(milliseconds{250}) == "0.250");
  CHECK(seconds_word(Duration{1}) == "0.010");
  std::string bytes;
  add_change(bytes, expire("k", std::chrono::seconds{300}));
  add_change(bytes, expire("k", milliseconds{1500}));
  add_change(bytes, set_text("k", "v", Duration{1}));
  CHECK(bytes ==
        "*3\r\n$6\r\nEXPIRE\r\n$1\r\nk\r\n$3\r\n300\r\n*3\r\n$7\r\nPEXPIRE\r\n$1\r\nk\r\n$"
        "4\r\n1500\r\n"
        "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nPX\r\n$1\r\n1\r\n");
}

TEST_CASE("an error reply says whose fault it is and what to do") {
  const auto code = [](const char* reply) {
    const Error error = error_of_reply("can't do it", "redis://x", reply);
    CHECK(error.why == reply);
    CHECK_FALSE(error.hint.empty());
    return error.code;
  };
  CHECK(code("WRONGPASS invalid username-password pair") == ErrorCode::kUsage);
  CHECK(code("NOAUTH Authentication required.") == ErrorCode::kUsage);
  CHECK(code("NOPERM this user has no permissions") == ErrorCode::kUsage);
  CHECK(code("OOM command not allowed when used memory > 'maxmemory'.") == ErrorCode::kUnavailable);
  CHECK(code("READONLY You can't write against a read only replica.") == ErrorCode::kUnavailable);
  CHECK(code("LOADING Redis is loading the dataset in memory") == ErrorCode::kUnavailable);
  CHECK(code("WRONGTYPE Operation against a key") == ErrorCode::kCorrupt);
  CHECK(error_of_reply("a", "b", "ERR something new").to_text() == "a, b: ERR something new");
}

// Looked at anew for each byte it would take many minutes.
TEST_CASE("a reply that comes byte by byte is looked at once" * doctest::timeout(60)) {
  constexpr std::size_t kSize = std::size_t{2} << 20;
  constexpr std::size_t kItems = 200'000;
  std::string list = fmt::format("*{}\r\n", kItems);
  for (std::size_t i = 0; i < kItems; ++i) list += ":1\r\n";
  const std::string text = fmt::format("${}\r\n{}\r\n", kSize, std::string(kSize, 'a'));
  for (const std::string& bytes : {list, text}) {
    ReplyReader reader;
    std::size_t replies = 0;
    for (const char byte : bytes) {
      std::string_view piece(&byte, 1);
      const auto reply = reader.next(piece);
      if (!reply.ok()) break;
      replies += *reply ? 1 : 0;
    }
    CHECK(replies == 1);
  }
}
