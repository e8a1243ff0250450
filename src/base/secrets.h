// What must not be passed on: passwords in URLs, headers and variables that carry credentials. By
// names and places only: what else is secret nobody can know. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace galileo {

// Whether a header, variable or flag of that name holds a credential: "X-Api-Key",
// "DB_PASSWORD", "--token".
bool is_secret_name(std::string_view name);

// "redis://user:password@host" as "redis://***@host", wherever in the text such a URL is.
std::string without_user_info(std::string_view text);

// A URL or path also without the values of its query that are credentials by their names.
std::string without_secrets_of_url(std::string_view url);

// The words of a command as they may be kept: "-H 'Authorization: ***'", "--token=***",
// "--password ***".
std::vector<std::string> without_secrets_of_words(const std::vector<std::string>& words);

// The text of an experiment file, or of a command in one line, with *** for each value whose key
// is the name of a credential. What names a variable ("${TOKEN}") stays.
std::string without_secrets_of_text(std::string_view text);

}  // namespace galileo
