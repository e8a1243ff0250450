#include "plan/file_limits.h"

#include <string>

namespace galileo::plan {

load::Limits read_limits(Problems& problems, const wire::YamlNode& node) {
  const Fields fields(problems, node, "limits", MapKind::limits);
  load::Limits limits;
  const auto count = [&](const char* key, std::uint32_t otherwise, std::uint32_t fewest,
                         std::uint32_t most) {
    return static_cast<std::uint32_t>(fields.count(key, fewest, most).value_or(otherwise));
  };
  const auto size = [&](const char* key, std::uint32_t otherwise, std::uint32_t most) {
    return static_cast<std::uint32_t>(fields.size(key, most).value_or(otherwise));
  };
  limits.threads = count("threads", limits.threads, 0, 1024);
  limits.connections_max = count("connections", limits.connections_max, 1, 1'000'000);
  limits.connect_timeout =
      fields.positive_duration("connect_timeout").value_or(limits.connect_timeout);
  limits.request_timeout =
      fields.positive_duration("request_timeout").value_or(limits.request_timeout);
  limits.grace = fields.duration("grace").value_or(limits.grace);
  limits.body_max = fields.size("body_max", std::uint64_t{1} << 50).value_or(limits.body_max);
  limits.head_max = size("head_max", limits.head_max, 1u << 24);
  limits.redirects_max = count("redirects", limits.redirects_max, 0, 100);
  if (const auto words = fields.words("fail_on")) {
    std::string list;
    for (const std::string& word : *words) list += (list.empty() ? "" : ", ") + word;
    if (const auto statuses = wire::StatusSet::parse(list); statuses.ok())
      limits.fail_on = *statuses;
    else
      problems.add(fields.place("fail_on"), fields.where("fail_on"), statuses.error());
  }
  limits.keep_headers = fields.boolean("keep_headers").value_or(false);
  limits.keep_response = size("keep_response", limits.keep_response, 1u << 20);
  limits.keep_only_failed = fields.boolean("keep_only_failed").value_or(false);
  const auto family = fields.choice("address_family", {"any", "ipv4", "ipv6"});
  limits.address_family = family == "ipv4" ? 4 : family == "ipv6" ? 6 : 0;
  return limits;
}

}  // namespace galileo::plan
