// Archives made byte by byte, so that tests can make the wrong ones too: what no honest program
// writes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "apps/packing.h"

namespace galileo::apps::fixture {

inline std::string little(std::uint64_t value, int bytes) {
  std::string made;
  for (int i = 0; i < bytes; ++i) made += static_cast<char>((value >> (8 * i)) & 0xffu);
  return made;
}

// An entry of a zip, honest unless told otherwise.
struct ZipPart {
  explicit ZipPart(std::string its_name, std::string its_bytes = "x")
      : name(std::move(its_name)),
        local_name(name),
        stored(its_bytes),
        bytes(its_bytes.size()),
        sum(zip_sum(its_bytes)) {}
  std::string name;
  std::string local_name;
  std::string stored;
  std::uint64_t bytes;
  std::uint32_t sum;
  std::uint16_t method = 0;
  std::uint16_t flags = 0x800;
  std::uint16_t local_method = 0xffff;  // this: as `method`
  std::uint32_t mode = 0100644;
  std::uint64_t stored_said = ~std::uint64_t{0};  // this: as it is
  std::int64_t moved = 0;                         // where the list says that it lies, by so much
};

struct ZipEnd {
  std::uint16_t disk = 0;
  std::uint16_t count_more = 0;
  std::uint32_t list_moved = 0;
  std::string comment;
};

inline std::string zip_of(const std::vector<ZipPart>& parts, const ZipEnd& end = {}) {
  std::string zip;
  std::string list;
  for (const ZipPart& part : parts) {
    const std::uint64_t said =
        part.stored_said == ~std::uint64_t{0} ? part.stored.size() : part.stored_said;
    const auto common = [&](std::uint16_t method, std::size_t name) {
      return little(20, 2) + little(part.flags, 2) + little(method, 2) + little(0, 4) +
             little(part.sum, 4) + little(said, 4) + little(part.bytes, 4) + little(name, 2) +
             little(0, 2);
    };
    const auto at = static_cast<std::int64_t>(zip.size()) + part.moved;
    const std::uint16_t local = part.local_method == 0xffff ? part.method : part.local_method;
    zip += "PK\x03\x04" + common(local, part.local_name.size()) + part.local_name + part.stored;
    list += "PK\x01\x02" + little((3u << 8) | 20u, 2) + common(part.method, part.name.size()) +
            little(0, 6) + little(std::uint64_t{part.mode} << 16, 4) +
            little(static_cast<std::uint64_t>(at), 4) + part.name;
  }
  const std::size_t at = zip.size() + end.list_moved;
  const std::size_t count = parts.size() + end.count_more;
  zip += list;
  zip += "PK\x05\x06" + little(end.disk, 2) + little(0, 2) + little(count, 2) + little(count, 2) +
         little(list.size(), 4) + little(at, 4) + little(end.comment.size(), 2) + end.comment;
  return zip;
}

struct TarPart {
  explicit TarPart(std::string its_name, std::string its_bytes = "x", char its_type = '0')
      : name(std::move(its_name)),
        bytes(std::move(its_bytes)),
        type(its_type),
        size_said(bytes.size()) {}
  std::string name;
  std::string bytes;
  char type;
  std::uint64_t size_said;
  std::string link;
  bool wrong_sum = false;
  std::string before;  // the path's beginning, as POSIX has it
};

inline std::string tar_entry(const TarPart& part) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  };
  char size[13];
  std::snprintf(size, sizeof size, "%011llo", static_cast<unsigned long long>(part.size_said));
  put(0, std::string_view(part.name).substr(0, 100));
  put(100, "0000644");
  put(124, size);
  put(136, "00000000000");
  header[156] = part.type;
  put(157, part.link);
  put(257, std::string_view("ustar\00000", 8));
  put(345, part.before);
  put(148, "        ");
  unsigned sum = part.wrong_sum ? 1 : 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  put(148, std::string_view(text, 7));
  std::string made = header + part.bytes;
  made.resize((made.size() + 511) / 512 * 512, '\0');
  return made;
}

inline std::string tar_of(const std::vector<TarPart>& parts) {
  std::string tar;
  for (const TarPart& part : parts) tar += tar_entry(part);
  return tar + std::string(1024, '\0');
}

inline std::string pax(std::string_view key, std::string_view value) {
  const std::string record = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t size = record.size() + 1;
  while (std::to_string(size).size() + record.size() != size) ++size;
  return std::to_string(size) + record;
}

}  // namespace galileo::apps::fixture
