#include "service/live_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

// web/dist/live.pack, put into the program by galileo_embed() in CMakeLists.txt: a line of JSON
// that names its files and their sizes, then the files one behind the other.
extern const char galileo_live_pack[];
extern const char galileo_live_pack_end[];

namespace galileo::service {
namespace {

using Json = nlohmann::json;

constexpr const char* kPolicy =
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'";

std::string_view type_of(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".json", "application/json"},
      {".woff2", "font/woff2"}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// The file's bytes; nothing: there is none.
std::optional<std::string_view> packed_file(std::string_view name) {
  std::string_view pack(galileo_live_pack,
                        static_cast<std::size_t>(galileo_live_pack_end - galileo_live_pack));
  const std::size_t line = pack.find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  const Json files = Json::parse(pack.substr(0, line), nullptr, false);
  pack.remove_prefix(line + 1);
  if (!files.is_array()) return std::nullopt;
  for (const Json& file : files) {
    const std::size_t bytes = file["bytes"].get<std::size_t>();
    if (file["path"].get<std::string>() == name) return pack.substr(0, bytes);
    pack.remove_prefix(std::min(bytes, pack.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<RestAnswer> live_page_file(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view name = path.empty() ? std::string_view("index.html") : path;
  const auto bytes = packed_file(name);
  if (!bytes) return std::nullopt;
  RestAnswer answer;
  answer.body = *bytes;
  answer.content_type = type_of(name);
  answer.headers.emplace_back("Content-Security-Policy", kPolicy);
  answer.headers.emplace_back("Referrer-Policy", "no-referrer");
  answer.headers.emplace_back("Cache-Control", name.starts_with("assets/")
                                                   ? "public, max-age=31536000, immutable"
                                                   : "no-cache");
  return answer;
}

}  // namespace galileo::service
