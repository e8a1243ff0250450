#include "service/masked_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/secrets.h"
#include "base/text.h"

namespace galileo::service {
namespace {

bool has_mask(std::string_view line) {
  return line.find(kMask) != std::string_view::npos;
}

// Where a mask stands: what is before it since its line, list or map began, and what is right
// behind it. One that was partly edited has another place.
std::string place_of(std::string_view text, std::size_t mask) {
  const std::string_view before = text.substr(0, mask);
  const std::size_t begin = before.find_last_of("\n,{[");
  std::string place(trim(begin == std::string_view::npos ? before : before.substr(begin + 1)));
  const std::string_view after = text.substr(mask + kMask.size());
  place += '\0';
  place += after.substr(0, after.find_first_of("\r\n ,}]"));
  return place;
}

using Hidden = std::map<std::string, std::vector<std::string>, std::less<>>;

// What is hidden at each place, in the order of the file; nothing where the two can't be laid side
// by side, so that each mask has to be written anew.
Hidden hidden_in(std::string_view masked, std::string_view original) {
  Hidden hidden;
  std::size_t at = 0, whole = 0;
  while (true) {
    const std::size_t mask = masked.find(kMask, at);
    if (mask == std::string_view::npos) break;
    if (original.substr(whole, mask - at) != masked.substr(at, mask - at)) return {};
    whole += mask - at;
    at = mask + kMask.size();
    // The secret ends where what follows it in the masked text begins.
    const std::size_t next = masked.find(kMask, at);
    const std::string_view between = masked.substr(at, next - at);
    const std::size_t end = next == std::string_view::npos
                                ? original.size() - std::min(between.size(), original.size())
                            : between.empty() ? std::string_view::npos
                                              : original.find(between, whole);
    if (end == std::string_view::npos || end < whole) return {};
    hidden[place_of(masked, mask)].emplace_back(original.substr(whole, end - whole));
    whole = end;
  }
  return original.substr(whole) == masked.substr(at) ? hidden : Hidden();
}

bool all_alike(const std::vector<std::string>& secrets) {
  return std::all_of(secrets.begin(), secrets.end(),
                     [&](const std::string& one) { return one == secrets.front(); });
}

Error lost_mask(std::string where, std::string why) {
  return {ErrorCode::kUsage, "a masked secret can't be kept", std::move(where), std::move(why),
          "leave the mask as it was shown, or write the secret anew"};
}

std::size_t count_of(std::string_view text, std::string_view place) {
  std::size_t count = 0;
  for (std::size_t at = text.find(kMask); at != std::string_view::npos;
       at = text.find(kMask, at + kMask.size()))
    count += place_of(text, at) == place;
  return count;
}

std::string line_of(std::string_view text, std::size_t at) {
  return fmt::format(
      "line {}",
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1);
}

}  // namespace

MaskedFile mask_file(std::string_view text) {
  MaskedFile masked;
  masked.text = without_secrets_of_text(text);
  for (const auto& [place, secrets] : hidden_in(masked.text, text))
    masked.masks += static_cast<std::size_t>(std::count_if(
        secrets.begin(), secrets.end(), [](const std::string& one) { return one != kMask; }));
  return masked;
}

std::vector<std::string> mask_settings(const std::vector<std::string>& settings) {
  std::vector<std::string> words;
  for (const std::string& setting : settings) {
    const auto masked = without_secrets_of_words({"--set", setting});
    words.push_back(without_secrets_of_text(masked.back()));
  }
  return words;
}

Result<std::string> restore_file(std::string_view edited, std::string_view original,
                                 std::size_t& restored) {
  const Hidden hidden = hidden_in(without_secrets_of_text(original), original);
  std::map<std::string, std::size_t, std::less<>> used;
  std::string made;
  std::size_t at = 0;
  while (true) {
    const std::size_t mask = edited.find(kMask, at);
    if (mask == std::string_view::npos) return made.append(edited.substr(at));
    const std::string place = place_of(edited, mask);
    const auto found = hidden.find(place);
    if (found == hidden.end())
      return lost_mask(line_of(edited, mask), "the mask was changed, or stands elsewhere");
    const auto& secrets = found->second;
    if (!all_alike(secrets) && count_of(edited, place) != secrets.size())
      return lost_mask(line_of(edited, mask),
                       "there were several, and nobody knows which one it is");
    const std::string& secret = secrets[std::min(used[place]++, secrets.size() - 1)];
    made += edited.substr(at, mask - at);
    made += secret;
    restored += secret != kMask;
    at = mask + kMask.size();
  }
}

Result<std::vector<std::string>> restore_settings(const std::vector<std::string>& edited,
                                                  const std::vector<std::string>& original,
                                                  std::size_t& restored) {
  const std::vector<std::string> masked = mask_settings(original);
  std::vector<std::string> made;
  for (const std::string& setting : edited) {
    if (!has_mask(setting)) {
      made.push_back(setting);
      continue;
    }
    const auto found = std::find(masked.begin(), masked.end(), setting);
    if (found == masked.end())
      return lost_mask("set: " + setting, "its mask was changed, or stands elsewhere");
    made.push_back(original[static_cast<std::size_t>(found - masked.begin())]);
    restored += made.back() != setting;
  }
  return made;
}

}  // namespace galileo::service
