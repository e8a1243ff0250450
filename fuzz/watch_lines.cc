// Any bytes as a watch: no crash, the same lines wherever they are cut, and an object for each line
// that says something.
#include "kubernetes/watch_lines.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "kubernetes/objects.h"

using namespace galileo;

namespace {

std::vector<std::string> lines_of(std::string_view text, std::size_t piece) {
  std::vector<std::string> told;
  kubernetes::WatchLines lines;
  while (!text.empty()) {
    lines.feed(text.substr(0, piece), [&](std::string_view line) {
      told.emplace_back(line);
      return true;
    });
    text.remove_prefix(std::min(piece, text.size()));
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> told = lines_of(text, std::string_view::npos);
  ENSURE(told == lines_of(text, 2));
  for (const std::string& line : told) {
    nlohmann::json object;
    const kubernetes::WatchChange change = kubernetes::read_watch_line(line, object);
    ENSURE(object.is_object() || change == kubernetes::WatchChange::kUnknown);
    const std::string message = kubernetes::message_of(object);
    ENSURE(is_utf8(message) && message.find('\n') == std::string::npos);
    static_cast<void>(kubernetes::uid_of(object) + kubernetes::version_of(object));
  }
  return 0;
}
