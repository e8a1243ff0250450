// The tokens that let programs and people in from elsewhere, as a file of theirs: a name, what it
// may do, until when, and the SHA-256 of the token; the token itself is told once, when it is made,
// and stands nowhere. A JSON document, so that an administrator can read it. Blocking where files
// are named; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/rest_message.h"

namespace galileo::service {

struct ApiToken {
  std::string name;
  Scope scope = Scope::kRead;
  std::string sha256;  // of the token, in lower-case hexadecimal
  Wall created = kNoWall;
  Wall expires = kNoWall;  // kNoWall: never
};

// kUsage: no scope's name.
Result<Scope> parse_scope(std::string_view text);

// kCorrupt names the token and what of it is wrong; nothing is taken of a file that is wrong.
Result<std::vector<ApiToken>> parse_tokens(std::string_view text);
std::string tokens_text(const std::vector<ApiToken>& tokens);

// A file that isn't there has none.
Result<std::vector<ApiToken>> read_tokens(const std::string& path);
// For its owner's eyes alone. One at a time changes it, others wait.
Result<std::string> add_token(const std::string& path, ApiToken token);       // the token itself
Result<bool> remove_token(const std::string& path, const std::string& name);  // false: none

// 256 bits from the system, in letters.
std::string random_secret();
std::string sha256_of(std::string_view text);
// Takes the same time wherever they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// The one whose secret that is and which hasn't expired; null: none.
const ApiToken* find_token(const std::vector<ApiToken>& tokens, std::string_view secret, Wall now);

}  // namespace galileo::service
