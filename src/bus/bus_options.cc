#include "bus/bus_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/address.h"
#include "wire/uri.h"

namespace galileo::bus {
namespace {

constexpr int kDatabasesMax = 1'000'000;

Error wrong(std::string what, std::string why = {}) {
  return Error{ErrorCode::kUsage,
               std::move(what),
               {},
               std::move(why),
               "write redis://[user[:password]@]host[:port][/database], rediss://, unix:///path or "
               "in-process:"};
}

Result<int> database_of(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > kDatabasesMax)
    return wrong(fmt::format("'{}' isn't a number of a database", text));
  return static_cast<int>(*number);
}

// Takes "user:password@" off the front.
void take_user(std::string_view& rest, BusPlace& place) {
  const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == std::string_view::npos) return;
  const std::string_view user_info = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const std::size_t colon = user_info.find(':');
  place.user = wire::decode_percent(user_info.substr(0, colon));
  if (colon != std::string_view::npos)
    place.password = wire::decode_percent(user_info.substr(colon + 1));
}

// Takes "?db=N" off the end.
Result<void> take_query(std::string_view& rest, BusPlace& place) {
  const std::size_t mark = rest.find('?');
  if (mark == std::string_view::npos) return {};
  const std::string_view query = rest.substr(mark + 1);
  rest = rest.substr(0, mark);
  if (!query.starts_with("db="))
    return wrong(fmt::format("'?{}' means nothing in a bus's URL", query));
  place.database = TRY(database_of(query.substr(3)));
  return {};
}

Result<void> take_place(std::string_view rest, BusPlace& place) {
  if (place.kind == BusPlace::Kind::kUnix) {
    place.path = wire::decode_percent(rest);
    if (!place.path.starts_with('/')) return wrong("a Unix socket's path begins with /");
    return {};
  }
  const std::size_t slash = rest.find('/');
  const net::HostPort host = TRY(net::parse_host_port(rest.substr(0, slash), place.port));
  place.host = host.host;
  place.port = host.port;
  if (slash != std::string_view::npos && slash + 1 < rest.size())
    place.database = TRY(database_of(rest.substr(slash + 1)));
  return {};
}

Error named(Error error, std::string_view name) {
  error.where = name;
  return error;
}

// The place that the two variables name; empty ones say nothing.
Result<std::string> host_port_of(std::string host, const std::string& port) {
  if (host.empty()) host = "localhost";
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  if (std::string why = wire::unfit_host(host); !why.empty())
    return Error{ErrorCode::kUsage, fmt::format("'{}' isn't a host", host), "galileo_redis_host",
                 std::move(why),
                 "set it to a name or an address, as localhost or 127.0.0.1; a whole URL is "
                 "galileo_redis_url"};
  const auto number = parse_integer(port.empty() ? "6379" : port);
  if (!number || *number < 1 || *number > 65535)
    return Error{ErrorCode::kUsage, fmt::format("'{}' isn't a port", port), "galileo_redis_port",
                 "it isn't from 1 to 65535", "set it to the Redis server's, mostly 6379"};
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", *number);
}

std::string shown(const BusPlace& place) {
  if (place.kind == BusPlace::Kind::kUnix)
    return place.database == 0 ? fmt::format("unix://{}", place.path)
                               : fmt::format("unix://{}?db={}", place.path, place.database);
  const bool v6 = place.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}/{}", place.tls ? "rediss" : "redis", v6 ? "[" : "", place.host,
                     v6 ? "]" : "", place.port, place.database);
}

}  // namespace

Result<BusPlace> place_of(const BusOptions& options) {
  BusPlace place;
  if (options.url == "in-process:") {
    place.kind = BusPlace::Kind::kInProcess;
    place.shown = options.url;
    return place;
  }
  std::string_view rest = options.url;
  const std::size_t colon = rest.find("://");
  const std::string scheme = colon == std::string_view::npos ? "" : to_lower(rest.substr(0, colon));
  if (scheme != "redis" && scheme != "rediss" && scheme != "unix")
    // Not with the URL: it may hold a password.
    return wrong("this URL isn't a bus's", fmt::format("it begins with '{}'", scheme));
  rest.remove_prefix(colon + 3);
  place.tls = scheme == "rediss";
  if (scheme == "unix") place.kind = BusPlace::Kind::kUnix;
  take_user(rest, place);
  TRY(take_query(rest, place));
  TRY(take_place(rest, place));
  if (!options.user.empty()) place.user = options.user;
  if (!options.password.empty()) place.password = options.password;
  if (options.database) place.database = *options.database;
  place.shown = shown(place);
  return place;
}

std::vector<std::pair<std::string, std::string>> variables_of(const BusPlace& place) {
  const bool is_plain = place.kind == BusPlace::Kind::kTcp && !place.tls;
  const auto if_plain = [&](std::string text) {
    return is_plain ? std::move(text) : std::string();
  };
  // Empty ones too: what this process's environment says otherwise holds no more.
  return {
      {"galileo_redis_url", is_plain ? "" : place.shown},
      {"galileo_redis_host", if_plain(place.host)},
      {"galileo_redis_port", if_plain(fmt::format("{}", place.port))},
      {"galileo_redis_db", if_plain(place.database == 0 ? "" : fmt::format("{}", place.database))},
      {"galileo_redis_user", place.user},
      {"galileo_redis_password", place.password}};
}

Result<BusOptions> bus_options_from(const GetVariable& get) {
  const auto value_of = [&](std::string_view name) { return get(name).value_or(""); };
  BusOptions options;
  const std::string url = value_of("galileo_redis_url");
  const std::string database = value_of("galileo_redis_db");
  options.user = value_of("galileo_redis_user");
  options.password = value_of("galileo_redis_password");
  take_tls_files(options, get);
  if (!url.empty()) {
    options.url = url;
    if (auto place = place_of(options); !place.ok())
      return named(std::move(place).error(), "galileo_redis_url");
  } else {
    options.url = "redis://" +
                  TRY(host_port_of(value_of("galileo_redis_host"), value_of("galileo_redis_port")));
  }
  if (!database.empty()) {
    auto number = database_of(database);
    if (!number.ok()) return named(std::move(number).error(), "galileo_redis_db");
    options.database = *number;
  }
  return options;
}

void take_tls_files(BusOptions& options, const GetVariable& get) {
  options.ca_file = get("galileo_redis_ca_file").value_or("");
  options.certificate_file = get("galileo_redis_certificate_file").value_or("");
  options.key_file = get("galileo_redis_key_file").value_or("");
}

}  // namespace galileo::bus
