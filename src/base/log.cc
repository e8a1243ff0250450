#include "base/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/daily_file_sink.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/output.h"
#include "base/secrets.h"
#include "base/text.h"
#include "base/utf8.h"

namespace galileo {
namespace {

// Onto stderr as all talk, so that what can't be written is noticed.
class TalkSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    print_talk({line.data(), line.size()});
  }
  void flush_() override {}
};

spdlog::logger& logger() {
  // Made at the first use and never destroyed: threads that end late may still log.
  static spdlog::logger* const made = [] {
    auto* fresh = new spdlog::logger("galileo", std::make_shared<TalkSink>());
    fresh->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    fresh->set_level(spdlog::level::warn);
    fresh->flush_on(spdlog::level::trace);
    return fresh;
  }();
  return *made;
}

// Null: there is none. Set once, before there are other threads.
spdlog::logger*& json_logger() {
  static spdlog::logger* logger = nullptr;
  return logger;
}

void append_json(std::string& to, std::string_view text) {
  to += '"';
  const std::string shown = without_user_info(text);
  for (const char c : is_utf8(shown) ? shown : make_utf8(shown)) {
    if (c == '"' || c == '\\') to += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      to += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      to += c;
  }
  to += '"';
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Writes it as it is where it is one plain word, else quoted, with its line breaks and quotes
// escaped: a value that came from outside can't make a line of its own.
void append_value(std::string& to, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"\\=\n\r\t") == value.npos;
  if (plain) {
    to += value;
    return;
  }
  to += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') to += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      to += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "?";
    else
      to += c;
  }
  to += '"';
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  const std::string name = to_lower(text);
  if (name == "debug" || name == "notset") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warn" || name == "warning") return LogLevel::kWarning;
  if (name == "error" || name == "critical" || name == "fatal") return LogLevel::kError;
  return Error{ErrorCode::kUsage,
               {},
               {},
               "'" + std::string(text) + "' is no level of the log",
               "use DEBUG, INFO, WARN or ERROR"};
}

void set_log_level(LogLevel level) {
  logger().set_level(level_of(level));
}

Result<void> log_to_folder(const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return system_error("can't make the folder of the log", folder, failed.value());
  std::string path;  // of which strftime makes the name
  for (const char c : folder) path.append(c == '%' ? 2 : 1, c);
  try {
    auto sink =
        std::make_shared<spdlog::sinks::daily_file_format_sink_mt>(path + "/%Y-%m-%d.json", 0, 0);
    auto* const made = new spdlog::logger("json", std::move(sink));  // as long as the other one
    made->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    json_logger() = made;
  } catch (const spdlog::spdlog_ex& error) {
    return Error{ErrorCode::kIo, "can't write the log", folder, error.what(), {}};
  }
  return {};
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogFact> facts) {
  if (!logger().should_log(level_of(level))) return;
  std::string line(message);
  for (const LogFact& fact : facts) {
    line += ' ';
    line += fact.key;
    line += '=';
    append_value(line, fact.value);
  }
  logger().log(level_of(level), "{}", line);
  if (!json_logger()) return;
  line = R"("msg":)";
  append_json(line, message);
  for (const LogFact& fact : facts) {
    line += ',';
    append_json(line, fact.key);
    line += ':';
    append_json(line, fact.value);
  }
  json_logger()->log(level_of(level), "{}", line);
}

}  // namespace galileo
