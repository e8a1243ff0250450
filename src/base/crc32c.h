// CRC-32C (Castagnoli) of bytes: the processor's own instruction where it has one, a table
// elsewhere. Pure function; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace galileo {

// Continue a sum by passing the one of the bytes before.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// The table's form, to test the other against.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace galileo
