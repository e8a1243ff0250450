#include "store/database_url.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "wire/uri.h"

namespace galileo::store {
namespace {

Error no_url(std::string_view text, std::string why) {
  // What stands before an '@' may be a password.
  const std::size_t at = text.rfind('@');
  std::string shown(at == std::string_view::npos ? text : text.substr(at + 1));
  return Error{ErrorCode::kUsage, "wrong database URL", std::move(shown), std::move(why),
               "write it as scheme://user:password@host:port/name?option=value"};
}

void set_option(DatabaseUrl& url, std::string name, const std::optional<std::string>& value) {
  if (value && !value->empty() && !url.option(name))
    url.options.emplace_back(std::move(name), *value);
}

// Takes "user:password@host:port" apart, all of it optional; why it can't be, empty: it could.
std::string take_authority(std::string_view authority, DatabaseUrl& url) {
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    const std::size_t colon = std::min(user.find(':'), user.size());
    url.user = wire::decode_percent(user.substr(0, colon));
    url.password = wire::decode_percent(user.substr(std::min(colon + 1, user.size())));
    authority.remove_prefix(at + 1);
  }
  // As any other URL's.
  const auto server = wire::parse_uri(fmt::format("http://{}", authority));
  if (!server.ok()) return server.error().why;
  url.host = server->host;
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon < authority.size() - 1) url.port = server->port;
  return {};
}

// The host that galileo_expdb_mysql_host names.
Result<std::string> host_of(std::string host) {
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  if (std::string why = wire::unfit_host(host); !why.empty())
    return Error{ErrorCode::kUsage, fmt::format("'{}' isn't a host", host),
                 "galileo_expdb_mysql_host", std::move(why),
                 "set it to a name or an address, as localhost or 127.0.0.1"};
  return host;
}

// The port that galileo_expdb_mysql_port names.
Result<std::uint16_t> port_of(const std::string& port) {
  const auto number = parse_integer(port);
  if (!number || *number < 1 || *number > 65535)
    return Error{ErrorCode::kUsage, fmt::format("'{}' isn't a port", port),
                 "galileo_expdb_mysql_port", "it isn't from 1 to 65535",
                 "set it to the server's, mostly 3306"};
  return static_cast<std::uint16_t>(*number);
}

// The environment's part of a URL; what the URL says stays.
Result<void> complete_mysql(DatabaseUrl& url, const Environment& environment) {
  const auto variable = [&](std::string_view name, const char* otherwise) {
    const auto value = environment(fmt::format("galileo_expdb_mysql_{}", name));
    return value && !value->empty() ? *value : std::string(otherwise);
  };
  if (url.host.empty()) {
    url.host = TRY(host_of(variable("host", "localhost")));
    if (url.port == 0) url.port = TRY(port_of(variable("port", "3307")));
  }
  if (url.port == 0) url.port = 3306;
  if (url.user.empty()) {
    url.user = variable("user", "user");
    if (url.password.empty()) url.password = variable("password", "");
  }
  if (url.path.empty()) url.path = variable("db", "db");
  return {};
}

Result<void> complete_influxdb(DatabaseUrl& url, const Environment& environment) {
  const auto variable = [&](std::string_view name) {
    return environment(fmt::format("galileo_expdb_influxdb_{}", name));
  };
  if (url.host.empty()) {
    std::string given = variable("url").value_or("");
    if (given.empty()) given = "http://localhost:8086";
    auto parsed = parse_database_url(given, "");
    if (!parsed.ok()) {
      parsed.error().where = "galileo_expdb_influxdb_url";
      return parsed.error();
    }
    const DatabaseUrl server = std::move(*parsed);
    if ((server.scheme != "http" && server.scheme != "https") || server.host.empty())
      return Error{ErrorCode::kUsage, "wrong URL of InfluxDB", "galileo_expdb_influxdb_url", given,
                   "write it as http://host:8086 or https://host:8086"};
    url.host = server.host;
    url.port = server.port;
    if (url.port == 0) url.port = server.scheme == "https" ? 443 : 80;
    if (server.scheme == "https") set_option(url, "tls", "yes");
  }
  if (url.port == 0) url.port = 8086;
  // A token alone may stand in the user's place.
  if (url.password.empty()) url.password = url.user;
  url.user.clear();
  if (url.password.empty()) url.password = variable("token").value_or("");
  if (url.path.empty()) url.path = variable("org").value_or("galileo");
  set_option(url, "org_id", variable("org_id"));
  const std::string timeout = variable("timeout").value_or("");
  if (const auto number = parse_integer(timeout); !timeout.empty() && (!number || *number < 1))
    return Error{ErrorCode::kUsage, fmt::format("'{}' isn't a time-out", timeout),
                 "galileo_expdb_influxdb_timeout", "it isn't a number of milliseconds above 0",
                 "set it to milliseconds, as 10000"};
  set_option(url, "timeout_ms", timeout);
  return {};
}

}  // namespace

std::optional<std::string> DatabaseUrl::option(std::string_view name) const {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string DatabaseUrl::server() const {
  std::string server = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 0) server += fmt::format(":{}", port);
  return server;
}

std::string DatabaseUrl::text() const {
  return fmt::format("{}://{}{}{}", scheme, server(), path.empty() ? "" : "/", path);
}

std::string DatabaseUrl::whole() const {
  std::string whole = scheme + "://";
  if (!user.empty() || !password.empty())
    whole += wire::encode_percent(user) + ":" + wire::encode_percent(password) + "@";
  whole += server();
  if (!path.empty()) whole += "/" + wire::encode_percent(path);
  char separator = '?';
  for (const auto& [name, value] : options) {
    whole +=
        fmt::format("{}{}={}", separator, wire::encode_percent(name), wire::encode_percent(value));
    separator = '&';
  }
  return whole;
}

Result<DatabaseUrl> parse_database_url(std::string_view text, std::string_view known) {
  // "mysql:" and "mysql://" alone are all of the environment's.
  const std::size_t colon = text.find(':');
  DatabaseUrl parsed;
  parsed.scheme = to_lower(text.substr(0, colon));
  const std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (rest.empty() || rest == "//") return parsed;
  if (!rest.starts_with("//")) return no_url(text, "no '//' follows its scheme");
  if (std::any_of(rest.begin(), rest.end(),
                  [](char c) { return (c >= 0 && c <= ' ') || c == 127; }))
    return no_url(text, "it has a blank or a control character; %20 is a blank");
  const std::string_view behind = rest.substr(2, rest.find('#') - 2);
  const std::size_t path_at = std::min(behind.find_first_of("/?"), behind.size());
  const std::size_t query_at = std::min(behind.find('?'), behind.size());
  if (path_at > 0 || !behind.starts_with('/')) {
    if (std::string why = take_authority(behind.substr(0, path_at), parsed); !why.empty())
      return no_url(text, std::move(why));
  }
  parsed.path = wire::decode_percent(behind.substr(path_at, query_at - path_at));
  parsed.path.erase(0, std::min(parsed.path.size(), parsed.path.find_first_not_of('/')));
  const std::string_view query = behind.substr(std::min(query_at + 1, behind.size()));
  std::vector<std::string> names;
  for (const std::string_view name : split(known, ' ')) names.emplace_back(name);
  for (const std::string_view entry : split(query, '&')) {
    if (entry.empty()) continue;
    const std::size_t equals = std::min(entry.find('='), entry.size());
    std::string name = wire::decode_percent(entry.substr(0, equals));
    if (known != kAnyOption && std::find(names.begin(), names.end(), name) == names.end())
      return Error{ErrorCode::kUsage,
                   fmt::format("unknown option '{}' in the database's URL", name),
                   parsed.text(),
                   {},
                   hint_for_unknown(name, names)};
    parsed.options.emplace_back(
        std::move(name), wire::decode_percent(entry.substr(std::min(equals + 1, entry.size()))));
  }
  return parsed;
}

Result<std::string> complete_database_url(const std::string& where,
                                          const Environment& environment) {
  const std::size_t colon = where.find(':');
  if (colon == std::string::npos) return where;
  const std::string scheme = to_lower(where.substr(0, colon));
  if (scheme == "mixed") {
    const std::string rest = where.substr(colon + 1);
    const std::string both = rest.empty() ? "mysql:,influxdb:" : rest;
    const std::size_t comma = both.find(",influxdb:");
    if (comma == std::string::npos)
      return Error{ErrorCode::kUsage, "wrong database URL",
                   "mixed:", "it doesn't name two databases",
                   "write it as mixed:mysql://...,influxdb://...; mixed: alone takes both from the "
                   "environment"};
    return "mixed:" + TRY(complete_database_url(both.substr(0, comma), environment)) + "," +
           TRY(complete_database_url(both.substr(comma + 1), environment));
  }
  if (scheme != "mysql" && scheme != "mariadb" && scheme != "influxdb") return where;
  DatabaseUrl url = TRY(parse_database_url(where, kAnyOption));
  if (scheme == "influxdb") {
    TRY(complete_influxdb(url, environment));
  } else {
    url.scheme = "mysql";
    TRY(complete_mysql(url, environment));
  }
  return url.whole();
}

bool is_database_url(std::string_view where) {
  return where.find("://") != std::string_view::npos;
}

std::string why_no_database_file(const std::string& path) {
  if (path.find_first_not_of(" \t\r\n") == std::string::npos) return "its path is empty";
  if (path.starts_with(":")) return "a database in memory is gone with the run";
  if (path.starts_with("file:")) return "SQLite's URIs aren't taken";
  if (path.ends_with('/')) return "it is a folder's name";
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return {};
  if (S_ISDIR(info.st_mode)) return "it is a folder";
  if (!S_ISREG(info.st_mode)) return "it isn't a file: a device, a pipe or a socket";
  return {};
}

std::string path_beside(const std::string& where, std::string_view suffix) {
  if (!is_database_url(where)) return where + std::string(suffix);
  std::string name;
  for (const char c : where) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  return name + std::string(suffix);
}

}  // namespace galileo::store
