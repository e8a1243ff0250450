// What requests are made of and isn't in the experiment file: a file, or what a URL gives. Read
// once, before the first request; blocking, on the control thread.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace galileo::load {

inline constexpr std::size_t kResourceMax = std::size_t{256} << 20;
inline constexpr Duration kFetchTimeout = std::chrono::seconds{30};

// "http://..." and "https://..." are fetched: the answer must be a 200 within kFetchTimeout;
// redirects aren't followed, certificates are looked at. All else is a path.
Result<std::string> read_resource(const std::string& path_or_url);
bool is_url(const std::string& path_or_url);

}  // namespace galileo::load
