#include "load/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace galileo::load {
namespace {

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\r' || c == '\n')
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      text += c;
  }
  return text + '"';
}

// FNV-1a.
std::uint64_t hash_of(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string boundary_of(const std::vector<Part>& parts) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const Part& part : parts) hash = hash_of(hash, part.name);
  while (true) {
    std::string boundary = fmt::format("galileo{:016x}", hash);
    const bool is_free = std::none_of(parts.begin(), parts.end(), [&](const Part& part) {
      return part.content.find(boundary) != std::string::npos;
    });
    if (is_free) return boundary;
    hash = hash_of(hash, boundary);
  }
}

}  // namespace

Multipart make_multipart(const std::vector<Part>& parts) {
  const std::string boundary = boundary_of(parts);
  Multipart made;
  made.content_type = "multipart/form-data; boundary=" + boundary;
  for (const Part& part : parts) {
    made.body +=
        fmt::format("--{}\r\nContent-Disposition: form-data; name={}", boundary, quoted(part.name));
    if (part.file_name) made.body += "; filename=" + quoted(*part.file_name);
    for (const auto& [name, value] : part.headers)
      made.body += fmt::format("\r\n{}: {}", name, value);
    made.body += "\r\n\r\n" + part.content + "\r\n";
  }
  made.body += "--" + boundary + "--\r\n";
  return made;
}

}  // namespace galileo::load
