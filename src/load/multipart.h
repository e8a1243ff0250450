// A body of several parts (multipart/form-data, RFC 7578), as Python's requests makes it of
// `files`. Values and pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace galileo::load {

struct Part {
  std::string name;
  std::optional<std::string> file_name;  // none: a field of the form
  std::string content;
  std::vector<std::pair<std::string, std::string>> headers;  // beside the disposition
};

struct Multipart {
  std::string content_type;  // with the boundary
  std::string body;
};

// The boundary comes from the names: the same request has the same bytes in each run, and no part
// holds it. Quotes and line breaks in names are escaped as browsers do (%22, %0D%0A).
Multipart make_multipart(const std::vector<Part>& parts);

}  // namespace galileo::load
