// Deflate, as zip and gzip pack, and zip's sum of bytes: all that is said to zlib in this room.
// Bytes come out as they unpack, and no more of them than asked for, whatever the packed ones
// promise. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::apps {

enum class Wrapping : unsigned char { kNone, kGzip };

// All of it. kCorrupt where it isn't packed so, breaks off, has more behind its end, or unpacks to
// more than `bytes_max` (of which no more is ever in memory).
Result<std::string> unpacked(std::string_view packed, Wrapping wrapping, std::uint64_t bytes_max);

// Without a wrapping.
std::string packed(std::string_view bytes);

// CRC-32 as zip has it.
std::uint32_t zip_sum(std::string_view bytes);

}  // namespace galileo::apps
