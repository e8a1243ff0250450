// Bodies as they were before their server compressed them (RFC 9110, 8.4): gzip, deflate (with
// zlib's wrapping, as the standard has it, and bare, as some send it), br and zstd, also one in the
// other. Nothing is read that the header Content-Encoding doesn't name.
//
// Strangers' bytes: what comes out is bounded by the caller, so that a bomb costs no more than its
// bound; windows are bounded too (8 MiB of zstd, 16 MiB of brotli), and codings in each other.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::wire {

// What a client says that takes what decode_content() reads of old clients' codings, as Python's
// requests says it.
inline constexpr std::string_view kAcceptedCodings = "gzip, deflate";

// Codings in each other, at most; who sends more means harm.
inline constexpr std::size_t kCodingsMax = 5;

// How a decoding ended.
enum class DecodingEnd : std::uint8_t {
  kWhole,    // all of the body, and nothing but it
  kFull,     // it is longer than was asked for: the beginning is there
  kCut,      // the bytes end before the body does: what they hold of it is there
  kBroken,   // they aren't what the header says
  kUnknown,  // a coding that isn't known here, or too many
};

// The codings that a Content-Encoding names, "identity" left out: whether there are any.
bool is_encoded(std::string_view content_encoding);

// Puts into `into`, whose storage is used again, the beginning of the body, at most `most` bytes.
// After kBroken it has what came before the fault, after kUnknown nothing. Without a coding `into`
// has the bytes themselves.
DecodingEnd decode_content(std::string_view content_encoding, std::string_view bytes,
                           std::size_t most, std::string& into);

// The whole body, or an Error with `why` set: what can't be read, what is cut, what is longer than
// `max`. For who looks at an answer's body (checks, values).
Result<std::string> decode_whole(std::string_view content_encoding, std::string_view bytes,
                                 std::size_t max);

// Why not, of an end that isn't kWhole: "it isn't gzip".
std::string decoding_text(DecodingEnd end, std::string_view content_encoding, std::size_t most);

}  // namespace galileo::wire
