// A server of HTTP/2 for tests, frame by frame: the test says which, and sees those that came. Its
// heads are indexed or literal, so that no table is needed to read or write them.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace galileo::net {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  enum Type : unsigned char {
    kData,
    kHeaders,
    kPriority,
    kReset,
    kSettings,
    kPushPromise,
    kPing,
    kGoAway,
    kWindow,
    kContinuation
  };
  unsigned char type = 0;
  unsigned char flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  static constexpr unsigned char kEnd = 1;  // of a stream
  static constexpr unsigned char kAck = 1;  // of SETTINGS and PING
  static constexpr unsigned char kHeadEnd = 4;
};

inline std::string number(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 255u);
  return text;
}

inline std::uint32_t number_of(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

inline std::string bytes_of(const Frame& frame) {
  return number(static_cast<std::uint32_t>(frame.payload.size()), 3) +
         static_cast<char>(frame.type) + static_cast<char>(frame.flags) + number(frame.stream) +
         frame.payload;
}

inline std::string frame(unsigned char type, unsigned char flags, std::uint32_t stream,
                         std::string payload) {
  return bytes_of({type, flags, stream, std::move(payload)});
}

// SETTINGS of identifiers and values.
inline std::string settings(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& list = {}) {
  std::string payload;
  for (const auto& [name, value] : list) payload += number(name, 2) + number(value);
  return frame(Frame::kSettings, 0, 0, payload);
}
inline constexpr std::uint32_t kStreamsSetting = 3;
inline constexpr std::uint32_t kWindowSetting = 4;

// A header that is in no table.
inline std::string literal(std::string_view name, std::string_view value) {
  std::string text(1, '\0');
  ((text += static_cast<char>(name.size())) += name) += static_cast<char>(value.size());
  return text.append(value);
}

// ":status: 200" is the eighth of the table that everybody has.
inline const std::string kStatus200 = "\x88";
inline const std::string kStatus204 = "\x89";

inline std::string head(std::uint32_t stream, const std::string& block, bool ends = false) {
  return frame(Frame::kHeaders,
               static_cast<unsigned char>(Frame::kHeadEnd | (ends ? Frame::kEnd : 0)), stream,
               block);
}
inline std::string data(std::uint32_t stream, std::string_view bytes, bool ends = true) {
  return frame(Frame::kData, ends ? Frame::kEnd : 0, stream, std::string(bytes));
}
inline std::string ok(std::uint32_t stream, std::string_view body = "ok") {
  return head(stream, kStatus200) + data(stream, body);
}
inline std::string reset(std::uint32_t stream, std::uint32_t code) {
  return frame(Frame::kReset, 0, stream, number(code));
}
inline std::string go_away(std::uint32_t last, std::uint32_t code = 0, std::string words = {}) {
  return frame(Frame::kGoAway, 0, 0, number(last) + number(code) + words);
}

// The frames in what a client wrote, its preface left out.
inline std::vector<Frame> frames_of(std::string_view bytes) {
  if (bytes.starts_with(kPreface)) bytes.remove_prefix(kPreface.size());
  std::vector<Frame> frames;
  while (bytes.size() >= 9) {
    const std::size_t size = number_of(bytes.substr(0, 3));
    REQUIRE(bytes.size() >= 9 + size);
    frames.push_back({static_cast<unsigned char>(bytes[3]), static_cast<unsigned char>(bytes[4]),
                      number_of(bytes.substr(5, 4)), std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  REQUIRE(bytes.empty());
  return frames;
}

// The streams of the frames of that kind.
inline std::vector<std::uint32_t> streams_of(const std::vector<Frame>& frames, unsigned char type) {
  std::vector<std::uint32_t> streams;
  for (const Frame& one : frames) {
    if (one.type == type) streams.push_back(one.stream);
  }
  return streams;
}

}  // namespace galileo::net
