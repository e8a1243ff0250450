#include "kubernetes/watch_lines.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "kubernetes/objects.h"

namespace galileo::kubernetes {

void WatchLines::feed(std::string_view bytes, const OnLine& on_line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > kWatchLineMax)
      too_long_ = true;
    else if (!too_long_ && (end == std::string_view::npos || !line_.empty()))
      line_ += part;
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    const std::string whole = std::exchange(line_, {});
    if (std::exchange(too_long_, false)) {
      ++skipped_;
      continue;
    }
    if (!on_line(whole.empty() ? part : std::string_view(whole))) return;
  }
}

void WatchLines::clear() {
  line_.clear();
  too_long_ = false;
}

bool is_expired(int status, const nlohmann::json& body) {
  if (status == 410) return true;
  const nlohmann::json* const code = find(body, {"code"});
  if (code && code->is_number_integer() && *code == 410) return true;
  const std::string reason = text_at(body, {"reason"});
  if (reason == "Gone" || reason == "Expired") return true;
  const std::string message = text_at(body, {"message"});
  return message.find("too old resource version") != std::string::npos ||
         message.find("required revision has been compacted") != std::string::npos;
}

WatchChange read_watch_line(std::string_view line, nlohmann::json& object) {
  object = nullptr;
  if (trim(line).empty()) return WatchChange::kUnknown;
  nlohmann::json read = nlohmann::json::parse(line, nullptr, false);
  if (!read.is_object()) return WatchChange::kUnknown;
  const std::string type = text_at(read, {"type"});
  const auto found = read.find("object");
  if (found == read.end() || !found->is_object()) return WatchChange::kUnknown;
  object = std::move(*found);
  if (type == "ADDED" || type == "MODIFIED") return WatchChange::kThere;
  if (type == "DELETED") return WatchChange::kGone;
  if (type == "BOOKMARK") return WatchChange::kBookmark;
  if (type == "ERROR") return is_expired(0, object) ? WatchChange::kExpired : WatchChange::kTrouble;
  return WatchChange::kUnknown;
}

}  // namespace galileo::kubernetes
