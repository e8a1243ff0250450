#include "commands/replay_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/output.h"
#include "base/text.h"

namespace galileo::commands {
namespace {

constexpr std::size_t kReplayBodyMax = std::size_t{64} << 20;

Error wrong_flag(const char* flag, Error error) {
  error.what = "wrong value";
  error.where = flag;
  return error;
}

}  // namespace

bool ReplayFlags::any() const {
  return !format.empty() || !fields.empty() || !times.empty() || !host.empty() || !speed.empty() ||
         !share.empty() || copies != 1 || client_spans || keep_secrets || keep_host;
}

void add_replay_flags(CLI::App& app, ReplayFlags& flags, const std::string& group) {
  const auto in_group = [&](CLI::Option* option) { option->group(group); };
  in_group(app.add_option("--speed", flags.speed, "that many times as fast, 0.1 to 100 [1]"));
  in_group(app.add_option("--share", flags.share,
                          "send that share of it, drawn by the seed: 0.1, 10% [all]"));
  in_group(app.add_option("--copies", flags.copies,
                          "lay that many copies of it over each other, shifted by the seed [1]"));
  in_group(app.add_option("--format", flags.format,
                          "of the log: access, json, haproxy, envoy, har, gor, otlp, lines [seen "
                          "from its beginning]"));
  in_group(app.add_option("--field", flags.fields,
                          "where the log has time, method, target or took: took=rt, took=+1:us, "
                          "time=ts; may be given again")
               ->expected(1)
               ->take_all());
  in_group(app.add_option("--times", flags.times,
                          "its times are requests' start or end [as its format has it]"));
  in_group(app.add_option("--host", flags.host,
                          "only requests to that host; * all [of a HAR the first one's]"));
  in_group(app.add_flag("--client-spans", flags.client_spans, "of traces: clients' spans too"));
  in_group(app.add_flag("--keep-secrets", flags.keep_secrets,
                        "send recorded credentials: Authorization, Cookie, tokens in queries"));
  in_group(app.add_flag("--keep-host", flags.keep_host, "send the header Host that was recorded"));
}

Result<load::ReplayFile> replay_file_of(const ReplayFlags& flags, const std::string& path,
                                        const std::string& body, std::uint64_t seed) {
  using Bodies = load::ReplayOptions::Bodies;
  load::ReplayFile file;
  file.path = path;
  file.format = flags.format;
  file.options.seed = seed;
  file.options.copies = flags.copies;
  file.options.keep_secrets = flags.keep_secrets;
  file.options.keep_host = flags.keep_host;
  file.log.host = flags.host;
  file.log.client_spans = flags.client_spans;
  if (flags.copies < 1 || flags.copies > load::kReplayCopiesMax)
    return wrong_flag("--copies", Error{ErrorCode::kUsage, {}, {}, "they are from 1 to 1,000", {}});
  for (const std::string& field : flags.fields) {
    if (const auto set = load::set_log_field(field, file.log.fields); !set.ok())
      return wrong_flag("--field", set.error());
  }
  if (!flags.times.empty() && flags.times != "start" && flags.times != "end")
    return wrong_flag("--times", Error{ErrorCode::kUsage, {}, {}, "it is start or end", {}});
  if (!flags.times.empty())
    file.log.mark = flags.times == "end" ? wire::TimeMark::kEnd : wire::TimeMark::kStart;
  if (!flags.speed.empty()) {
    const auto speed = load::parse_replay_speed(flags.speed);
    if (!speed.ok()) return wrong_flag("--speed", speed.error());
    file.options.speed = *speed;
  }
  if (!flags.share.empty()) {
    const auto share = load::parse_replay_share(flags.share);
    if (!share.ok()) return wrong_flag("--share", share.error());
    file.options.share = *share;
  }
  if (body.empty() || body == "empty") return file;
  file.options.bodies = body == "skip" ? Bodies::kSkip : Bodies::kGiven;
  if (body == "skip") return file;
  file.options.body = body.front() == '@' ? TRY(read_input(body.substr(1), kReplayBodyMax)) : body;
  return file;
}

}  // namespace galileo::commands
