// An experiment file that is shown with its secrets masked, and sent back with changes: what wasn't
// touched keeps its secret. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::service {

inline constexpr std::string_view kMask = "***";

struct MaskedFile {
  std::string text;
  std::size_t masks = 0;  // that hide something
};
MaskedFile mask_file(std::string_view text);

// "clients[0].headers.Authorization=***"
std::vector<std::string> mask_settings(const std::vector<std::string>& settings);

// The text with the secrets of `original` where `edited` still has their masks, as mask_file() made
// them: behind the same key. An Error (kUsage) names the line of a mask that is no longer one of
// these: it was partly edited or moved, or may be one of several. `restored` counts them.
Result<std::string> restore_file(std::string_view edited, std::string_view original,
                                 std::size_t& restored);
// The same of settings.
Result<std::vector<std::string>> restore_settings(const std::vector<std::string>& edited,
                                                  const std::vector<std::string>& original,
                                                  std::size_t& restored);

}  // namespace galileo::service
