// What a controller says to workers of this project about requests that are made one by one
// (docs/wire/requests.md): which descriptions and files they are to take from the bus, and by what
// name clients have a description. JSON; values and pure functions. A decoder's Error says which
// field and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

// Bounds of what travels, which both ends keep.
inline constexpr std::uint64_t kContentMax = std::uint64_t{256} << 20;   // of a file
inline constexpr std::uint64_t kContentsMax = std::uint64_t{512} << 20;  // of a run
inline constexpr std::uint64_t kContentPiece = std::uint64_t{1} << 20;
inline constexpr std::size_t kContentsAtOnce = 10'000;

// Bytes that wait on the bus, by their SHA-256 in 64 lower-case hexadecimal digits.
struct ContentName {
  std::string hash;
  std::uint64_t bytes = 0;
  std::string called;  // where they are from, for people

  bool operator==(const ContentName&) const = default;
};

// The argument of the remote `Worker.take_requests:<worker>`.
struct TakeRequests {
  std::string run;                        // experiment id
  std::vector<ContentName> descriptions;  // of clients' requests
  std::vector<ContentName> contents;      // that they are made of

  bool operator==(const TakeRequests&) const = default;
};

std::string encode(const TakeRequests& take);
Result<TakeRequests> decode_take_requests(std::string_view json);

// Its answer: what a person should know of these requests, a line each.
std::string encode_notes(const std::vector<std::string>& notes);
Result<std::vector<std::string>> decode_notes(std::string_view json);

// In a ClientConfig's parameters, in place of a request: {"galileo": {"requests": {"run": "...",
// "hash": "..."}}}.
struct RequestsName {
  std::string run;
  std::string hash;
};
std::string parameters_of(const RequestsName& name);
// Nothing where the parameters are anything else.
std::optional<RequestsName> requests_named_in(std::string_view parameters);

// A description has this in place of a file's path: the name of its bytes.
std::string content_reference(std::string_view hash);
// The hash; nothing where it is no such name.
std::optional<std::string> referred_content(std::string_view reference);
bool is_content_hash(std::string_view text);

}  // namespace galileo::wire
