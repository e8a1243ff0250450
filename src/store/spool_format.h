// The bytes of a spool, shared by its writer and its reader; docs/wire/spool.md is the promise.
// Private to this room.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/packed.h"

namespace galileo::store::spool_format {

// "GALSPOOL", the version as u32, four bytes to spare.
inline constexpr std::string_view kMagic{"GALSPOOL\x01\0\0\0\0\0\0\0", 16};
inline constexpr std::size_t kFileHeader = kMagic.size();
// A record's head: u32 size of the payload, u32 CRC-32C of type and payload, u8 type.
inline constexpr std::size_t kRecordHeader = 9;
inline constexpr std::size_t kRecordMax = std::size_t{16} << 20;  // payload

enum RecordType : std::uint8_t {
  kExperiment = 1,
  kEnd = 2,
  kNodeInfo = 3,
  kName = 4,
  kTrace = 5,
  kSample = 6,
  kEvent = 7,
  kPadding = 8,
  kSection = 9,
  kBeside = 10,  // fields of the trace behind it that a PackedTrace has no place for
  kLastType = kBeside,
};

// Sections begin at multiples of this, the blocks in which file systems give disk back.
inline constexpr std::uint64_t kSectionAlign = 4096;
// So much stays at the front of a spool, whatever is given back behind it.
inline constexpr std::uint64_t kHeadBytes = std::uint64_t{64} << 10;

using wire::packed;
using wire::PackedTrace;
using wire::put;
using wire::put_text;
using wire::unpacked;
using wire::Unpacker;

}  // namespace galileo::store::spool_format
