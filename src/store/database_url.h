// How databases are named: a path, or a URL whose missing parts the environment gives. Values; any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galileo::store {

// "scheme://user:password@host:port/path?name=value&...", every part of it optional but the scheme,
// percent-encoding undone.
struct DatabaseUrl {
  std::string scheme;  // lower case: "mysql"
  std::string user;
  std::string password;
  std::string host;        // IPv6 without its brackets
  std::uint16_t port = 0;  // 0: not given
  std::string path;        // without the first '/': a database, an organisation
  std::vector<std::pair<std::string, std::string>> options;  // of the query, in order

  std::optional<std::string> option(std::string_view name) const;
  // The URL, all parts of it: what parse_database_url() takes.
  std::string whole() const;
  // The URL without user, password and options, nothing encoded: how the database is called to
  // people and in spool folders.
  std::string text() const;

 private:
  std::string server() const;  // host and port
};

// For parse_database_url(): whatever options there are.
inline constexpr std::string_view kAnyOption = "*";

// kUsage: no such URL, or an option that isn't in `known` (separated by blanks).
Result<DatabaseUrl> parse_database_url(std::string_view text, std::string_view known);

// The variable's value, where it is set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// `where` as a user names it, made whole by the galileo_expdb_* variables of
// docs/how-to/databases.md: a path stays as it is, "mysql:" becomes
// "mysql://user:password@host:port/db". What the URL says goes over the environment. To be kept
// secret.
Result<std::string> complete_database_url(const std::string& where, const Environment& environment);

// Whether `where` names a server's database ("scheme://...") rather than a file.
bool is_database_url(std::string_view where);

// Why nothing that a file's database kept at that path would be found again; empty: it would be.
std::string why_no_database_file(const std::string& path);

// A path that belongs to the database of that name, `suffix` (".spool", ".logs") put behind: beside
// the file, or, for a server's, named after it in the current folder, where a file would be too.
std::string path_beside(const std::string& where, std::string_view suffix);

}  // namespace galileo::store
