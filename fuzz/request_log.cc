// Any bytes as a log of each format, in pieces: no crash; what is read can be written into a
// request's head as it is; each record is told once, whatever the pieces were.
#include "wire/request_log.h"

#include <cstdint>

#include "base/check.h"
#include "wire/request_targets.h"

using namespace galileo;

namespace {

class Counting final : public wire::RecordSink {
 public:
  void request(wire::RecordedRequest& one) override {
    ++requests;
    ENSURE(wire::http1::is_token(one.method), one.method);
    ENSURE(one.target.starts_with('/'), one.target);
    for (const char c : one.target) ENSURE(static_cast<unsigned char>(c) > ' ' && c != 0x7f);
    ENSURE(one.at != kNoWall && one.took >= kNoDuration);
    for (const auto& [name, value] : one.headers)
      ENSURE(wire::http1::is_token(name) && wire::http1::is_header_value(value), name, value);
    const auto again = wire::parse_target_line(wire::target_line(one, Duration{0}));
    ENSURE(again.ok() && again->method == one.method && again->body == one.body);
  }
  void skipped(wire::RecordFault fault, std::uint64_t number, std::string_view) override {
    ENSURE(fault != wire::RecordFault::none && number > 0);
    ++faults;
  }
  std::size_t requests = 0;
  std::size_t faults = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  wire::guess_log_format(all);
  for (std::size_t i = 0; i < wire::log_format_rows().size(); ++i) {
    const auto format = static_cast<wire::LogFormat>(i);
    Counting whole;
    Counting pieces;
    wire::RequestLogReader at_once(format, {}, whole);
    at_once.take(all);
    at_once.finish();
    wire::RequestLogReader in_pieces(format, {}, pieces);
    for (std::size_t at = 0; at < size; at += 5) in_pieces.take(all.substr(at, 5));
    in_pieces.finish();
    ENSURE(whole.requests == pieces.requests && whole.faults == pieces.faults, i);
  }
  return 0;
}
