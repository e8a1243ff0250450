#include "load/replay_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "wire/gunzip.h"

namespace galileo::load {
namespace {

using Bodies = ReplayOptions::Bodies;

// From that much a format is guessed.
constexpr std::size_t kBeginning = std::size_t{64} << 10;
constexpr std::size_t kShownOfLine = 200;

Error wrong(std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const wire::LogFormatRow& row : wire::log_format_rows()) names.emplace_back(row.name);
  return names;
}

// Takes a file's bytes, plain or gzipped, and hands its records on.
class LogIntake {
 public:
  LogIntake(const ReplayFile& file, ReplayMaker& maker) : file_(file), maker_(maker) {}

  Result<void> take(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (!seen_) gzipped_ = wire::Gunzip::is_gzip(bytes);
    seen_ = true;
    if (!gzipped_) return take_plain(bytes);
    return gunzip_.feed(bytes, [this](std::string_view plain) { return take_plain(plain); });
  }
  Result<void> finish() {
    if (gzipped_) TRY(gunzip_.finish());
    if (!reader_) TRY(begin());
    reader_->finish();
    return {};
  }
  // What a record is called.
  const char* record_word() const {
    return format_ == wire::LogFormat::har || format_ == wire::LogFormat::gor ? "record" : "line";
  }

 private:
  Result<void> take_plain(std::string_view bytes) {
    if (reader_) {
      reader_->take(bytes);
      return {};
    }
    beginning_ += bytes;
    return beginning_.size() < kBeginning ? Result<void>() : begin();
  }

  Result<void> begin() {
    const auto format = file_.format.empty() ? wire::guess_log_format(beginning_)
                                             : wire::log_format_named(file_.format);
    if (!format) return not_known();
    format_ = *format;
    reader_.emplace(*format, file_.log, maker_);
    reader_->take(beginning_);
    beginning_ = {};
    return {};
  }

  Error not_known() const {
    if (!file_.format.empty())
      return wrong(fmt::format("no format is called '{}'", file_.format),
                   hint_for_unknown(file_.format, format_names()));
    const std::string_view line = trim(beginning_).substr(0, trim(beginning_).find('\n'));
    if (line.empty()) return wrong("it is empty", {});
    return wrong(fmt::format("it is no log that is known here; it begins with: {}",
                             line.substr(0, kShownOfLine)),
                 fmt::format("name its format with --format ({}), or its fields with --field",
                             fmt::join(format_names(), ", ")));
  }

  const ReplayFile& file_;
  ReplayMaker& maker_;
  wire::Gunzip gunzip_;
  bool seen_ = false;
  bool gzipped_ = false;
  std::string beginning_;
  wire::LogFormat format_{};
  std::optional<wire::RequestLogReader> reader_;
};

std::optional<double> unit_named(std::string_view name) {
  if (name == "s") return 1;
  if (name == "ms") return 1e-3;
  if (name == "us") return 1e-6;
  if (name == "ns") return 1e-9;
  return std::nullopt;
}

}  // namespace

Result<Replay> read_replay(const ReplayFile& file) {
  ReplayMaker maker(file.options);
  LogIntake intake(file, maker);
  auto replay = [&]() -> Result<Replay> {
    const std::string path = file.path == "-" ? "/dev/stdin" : file.path;
    TRY(read_in_pieces(path, [&](std::string_view bytes) { return intake.take(bytes); }));
    TRY(intake.finish());
    return maker.finish(intake.record_word());
  }();
  if (replay.ok()) return replay;
  Error error = replay.error();
  if (error.what.empty()) error.what = "can't replay the log";
  if (error.where.empty()) error.where = file.path;
  return error;
}

Result<double> parse_replay_speed(std::string_view text) {
  std::string_view digits = trim(text);
  if (digits.starts_with("×")) digits.remove_prefix(std::string_view("×").size());
  if (digits.starts_with('x')) digits.remove_prefix(1);
  if (digits.ends_with('x')) digits.remove_suffix(1);
  const auto speed = parse_number(digits);
  if (!speed || *speed < kReplaySpeedMin || *speed > kReplaySpeedMax)
    return wrong(fmt::format("'{}' isn't a replay's speed", text), "it is from 0.1 to 100");
  return *speed;
}

Result<double> parse_replay_share(std::string_view text) {
  std::string_view digits = trim(text);
  const bool percent = digits.ends_with('%');
  if (percent) digits.remove_suffix(1);
  const auto number = parse_number(trim(digits));
  const double share = number.value_or(0) / (percent ? 100 : 1);
  if (!(share > 0 && share <= 1))
    return wrong(fmt::format("'{}' isn't a share of a log", text), "write 0.1 or 10%");
  return share;
}

Result<void> set_log_field(std::string_view text, wire::LogFields& fields) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view name = text.substr(0, equals);
  std::string value(equals < text.size() ? text.substr(equals + 1) : "");
  if (value.empty())
    return wrong(fmt::format("'{}' isn't a field's name and where it is", text),
                 "write for example time=ts, or took=duration_ms:ms");
  if (name == "time")
    fields.time = value;
  else if (name == "method")
    fields.method = value;
  else if (name == "target")
    fields.target = value;
  else if (name != "took")
    return wrong(fmt::format("a log has no field '{}'", name),
                 hint_for_unknown(name, {"time", "method", "target", "took"}));
  if (name != "took") return {};
  fields.took_unit_s = 1;
  if (const std::size_t colon = value.rfind(':'); colon != std::string::npos) {
    const auto unit = unit_named(value.substr(colon + 1));
    if (!unit)
      return wrong(fmt::format("'{}' isn't a unit of time", value.substr(colon + 1)),
                   "write s, ms, us or ns");
    fields.took_unit_s = *unit;
    value.erase(colon);
  }
  fields.took = value;
  return {};
}

std::map<std::string, std::string> replay_parameters(const ReplayFile& file) {
  std::map<std::string, std::string> all;
  const auto set = [&](const char* name, std::string value) {
    if (!value.empty()) all[name] = std::move(value);
  };
  const auto number = [](double value) { return fmt::format("{}", value); };
  set("file", file.path);
  set("format", file.format);
  set("field.time", file.log.fields.time);
  set("field.method", file.log.fields.method);
  set("field.target", file.log.fields.target);
  set("field.took", file.log.fields.took);
  set("field.took_unit_s", number(file.log.fields.took_unit_s));
  if (file.log.mark) set("times", *file.log.mark == wire::TimeMark::kEnd ? "end" : "start");
  set("host", file.log.host);
  set("client_spans", file.log.client_spans ? "yes" : "");
  set("speed", number(file.options.speed));
  set("share", number(file.options.share));
  set("copies", std::to_string(file.options.copies));
  set("seed", std::to_string(file.options.seed));
  const Bodies bodies = file.options.bodies;
  set("bodies", bodies == Bodies::kSkip ? "skip" : bodies == Bodies::kEmpty ? "empty" : "given");
  set("body", file.options.body);
  set("keep_secrets", file.options.keep_secrets ? "yes" : "");
  set("keep_host", file.options.keep_host ? "yes" : "");
  return all;
}

Result<ReplayFile> replay_of_parameters(const std::map<std::string, std::string>& parameters) {
  const auto text = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  const auto number = [&](const char* name) { return parse_number(text(name)).value_or(1); };
  ReplayFile file;
  file.path = text("file");
  file.format = text("format");
  file.log.fields = {text("field.time"), text("field.method"), text("field.target"),
                     text("field.took"), number("field.took_unit_s")};
  if (const std::string times = text("times"); !times.empty())
    file.log.mark = times == "end" ? wire::TimeMark::kEnd : wire::TimeMark::kStart;
  file.log.host = text("host");
  file.log.client_spans = !text("client_spans").empty();
  file.options.speed = number("speed");
  file.options.share = number("share");
  file.options.copies = static_cast<std::uint32_t>(number("copies"));
  file.options.seed = std::strtoull(text("seed").c_str(), nullptr, 10);
  const std::string bodies = text("bodies");
  file.options.bodies = bodies == "skip"    ? Bodies::kSkip
                        : bodies == "given" ? Bodies::kGiven
                                            : Bodies::kEmpty;
  file.options.body = text("body");
  file.options.keep_secrets = !text("keep_secrets").empty();
  file.options.keep_host = !text("keep_host").empty();
  if (file.path.empty()) return wrong("a replay has no file", {});
  return file;
}

}  // namespace galileo::load
