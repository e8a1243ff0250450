#include "store/influxdb_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"

namespace galileo::store {
namespace {

constexpr Duration kBackoffFirst = std::chrono::milliseconds{100};
constexpr Duration kBackoffMax = std::chrono::seconds{5};
// How often a batch of which some lines were dropped is cut in two to find them.
constexpr int kSearchesMax = 200;

// The most of a server's words; it repeats lines that it can't parse.
constexpr std::size_t kMessageMax = std::size_t{4} << 20;

constexpr std::size_t kLinesMin = 64;

constexpr std::string_view kUnparsable = "unable to parse '";

}  // namespace

Result<void> LineSender::send(const std::string& bucket, LineBatch batch) {
  TRY(begin(bucket, batch));
  return end();
}

Result<void> LineSender::begin(const std::string& bucket, LineBatch& batch) {
  if (batch.size() == 0) return end();
  // While the server works at the one before.
  std::string packed;
  if (batch.size() <= lines_at_once_) packed = server_.packed(batch.text);
  TRY(end());
  std::swap(sending_.batch, batch);  // its memory goes on to the next one
  batch.clear();
  sending_.bucket = bucket;
  sending_.left = {{0, sending_.batch.size()}};
  const bool fits = sending_.batch.size() <= lines_at_once_ && !packed.empty();
  if (!fits || not_before_ > server_.now()) return {};  // end() sees to it
  server_.begin_write(bucket, std::move(packed));
  sending_.under_way = true;
  return {};
}

bool LineSender::advance() {
  return sending_.under_way && server_.advance_write();
}

Result<void> LineSender::end() {
  const auto sent = send_pieces(sending_);
  abandon();
  return sent;
}

void LineSender::abandon() {
  if (sending_.under_way) server_.abandon_write();
  LineBatch batch = std::move(sending_.batch);
  batch.clear();
  sending_ = {{}, std::move(batch)};
}

Result<void> LineSender::send_pieces(Sending& sending) {
  while (!sending.left.empty()) {
    if (!sending.under_way) {
      if (not_before_ > server_.now()) {
        const Error asked{ErrorCode::kUnavailable, "can't write to InfluxDB", server_.where(),
                          "it asked to be left alone for a while",
                          "what isn't stored yet is kept and tried again"};
        TRY(wait_or_give_up(sending, asked, not_before_ - server_.now()));
      }
      const Piece next = sending.left.back();
      if (next.size() > lines_at_once_) {
        sending.left.back().first = next.first + lines_at_once_;
        sending.left.push_back({next.first, next.first + lines_at_once_});
      }
      const Piece piece = sending.left.back();
      server_.begin_write(sending.bucket,
                          server_.packed(sending.batch.lines(piece.first, piece.last)));
    }
    sending.under_way = false;
    const Piece piece = sending.left.back();
    const auto answer = server_.end_write();
    if (!answer.ok()) {
      lines_at_once_ = std::max(kLinesMin, std::min(lines_at_once_, piece.size()) / 2);
      TRY(wait_or_give_up(sending, answer.error(), {}));
      continue;
    }
    lines_at_once_ = std::min(kLinesMax, lines_at_once_ + lines_at_once_ / 8);
    TRY(handle(sending, piece, *answer));
  }
  return {};
}

Result<void> LineSender::handle(Sending& sending, const Piece& piece, const HttpAnswer& answer) {
  const bool stored = answer.status / 100 == 2;
  if (stored || answer.status == 400 || answer.status == 413 || answer.status == 422) {
    sending.left.pop_back();
    sending.tries = 0;
    sending.give_up = kNever;
    if (stored) return {};
  }
  const std::string message = error_message(answer);
  switch (answer.status) {
    case 400:  // nothing of it was taken
      refuse_bad_lines(sending, piece, message);
      return {};
    case 413:
      if (piece.size() == 1)
        refuse(sending, piece.first, message);
      else
        split(sending, piece);
      return {};
    case 422:  // the others were taken
      refuse_some(sending, piece, message);
      return {};
    case 404:
      if (sending.made_bucket || message.find("bucket") == std::string::npos) break;
      if (const auto made = server_.make_bucket(sending.bucket); !made.ok()) {
        Error error = made.error();
        error.why += fmt::format("; to the write it said {}: {}", answer.status, message);
        return error;
      }
      sending.made_bucket = true;
      return {};
    default:
      if (answer.status == 429 || answer.status >= 500)
        return wait_or_give_up(sending,
                               Error{ErrorCode::kUnavailable, "can't write to InfluxDB",
                                     server_.where(), fmt::format("{}: {}", answer.status, message),
                                     "what isn't stored yet is kept and tried again"},
                               answer.retry_after);
      break;
  }
  return refusal(answer, fmt::format("can't write to the bucket '{}' of InfluxDB", sending.bucket),
                 server_.where());
}

Result<void> LineSender::wait_or_give_up(Sending& sending, const Error& why,
                                         std::optional<Duration> retry_after) {
  const Time now = server_.now();
  if (sending.give_up == kNever) sending.give_up = now + patience_;
  Duration wait = std::min(kBackoffMax, kBackoffFirst * (1 << std::min(sending.tries, 10)));
  // Many that were turned away at once don't come back at once.
  wait = std::chrono::duration_cast<Duration>(wait * random_.uniform(0.5, 1.0));
  if (retry_after) {
    wait = std::max(wait, *retry_after);
    not_before_ = now + *retry_after;
  }
  if (now + wait >= sending.give_up) return why;
  if (sending.tries++ == 0)
    log(LogLevel::kWarning, "InfluxDB takes nothing now, trying again",
        {{"database", server_.where()}, {"why", why.why}});
  server_.wait(wait);
  return {};
}

void LineSender::split(Sending& sending, const Piece& piece) {
  const std::size_t middle = piece.first + piece.size() / 2;
  sending.left.push_back({middle, piece.last});
  sending.left.push_back({piece.first, middle});
}

void LineSender::refuse(const Sending& sending, std::size_t line, std::string_view why,
                        std::uint64_t count) {
  refused_ += count;
  std::string_view text = sending.batch.line(line);
  text.remove_suffix(1);
  on_refused_({sending.bucket, text, why, count});
}

// Goes on with the lines between those that the message is about.
void LineSender::refuse_bad_lines(Sending& sending, const Piece& piece,
                                  const std::string& message) {
  if (piece.size() == 1) {
    // The server repeats the line; why is behind it.
    const auto bad = bad_lines(sending.batch, piece.first, piece.last, message);
    refuse(sending, piece.first, bad.empty() ? message : bad.front().why);
    return;
  }
  const auto bad = bad_lines(sending.batch, piece.first, piece.last, message);
  if (bad.empty()) {
    split(sending, piece);
    return;
  }
  std::size_t end = piece.last;
  for (auto one = bad.rbegin(); one != bad.rend(); ++one) {
    if (one->line + 1 < end) sending.left.push_back({one->line + 1, end});
    end = one->line;
  }
  if (piece.first < end) sending.left.push_back({piece.first, end});
  for (const BadLine& one : bad) refuse(sending, one.line, one.why);
}

// Some lines were dropped, the message says only how many: looks for them by halves.
void LineSender::refuse_some(Sending& sending, const Piece& piece, const std::string& message) {
  if (piece.size() == 1) {
    refuse(sending, piece.first, message);
    return;
  }
  if (++sending.searches <= kSearchesMax) {
    split(sending, piece);
    return;
  }
  const std::size_t at = message.rfind("dropped=");
  std::uint64_t dropped = piece.size();
  if (at != std::string::npos) {
    const std::string_view rest = std::string_view(message).substr(at + 8);
    const auto given = parse_integer(rest.substr(0, rest.find(' ')));
    if (given && *given > 0) dropped = std::min(dropped, static_cast<std::uint64_t>(*given));
  }
  refuse(sending, piece.first,
         fmt::format("one of {} lines of {}: {}", dropped, piece.size(), message), dropped);
}

std::string error_message(const HttpAnswer& answer) {
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  if (json.is_object()) {
    for (const char* key : {"message", "error"}) {
      const auto found = json.find(key);
      if (found != json.end() && found->is_string())
        return found->get<std::string>().substr(0, kMessageMax);
    }
  }
  if (!answer.body.empty()) return answer.body.substr(0, 1000);
  return fmt::format("it answered with status {}", answer.status);
}

std::vector<BadLine> bad_lines(const LineBatch& batch, std::size_t first, std::size_t last,
                               std::string_view message) {
  std::unordered_map<std::string_view, std::size_t> numbers;
  for (std::size_t i = first; i < last; ++i) {
    std::string_view line = batch.line(i);
    line.remove_suffix(1);
    numbers.emplace(line, i);
  }
  std::vector<BadLine> bad;
  std::size_t at = message.find(kUnparsable);
  while (at != std::string_view::npos) {
    const std::size_t begin = at + kUnparsable.size();
    std::size_t next = begin;
    // The line itself may hold what ends it in the message.
    for (std::size_t end = message.find("': ", begin); end != std::string_view::npos;
         end = message.find("': ", end + 1)) {
      const auto found = numbers.find(message.substr(begin, end - begin));
      if (found == numbers.end()) continue;
      std::string_view why = message.substr(end + 3);
      why = why.substr(0, why.find(fmt::format("\n{}", kUnparsable)));
      bad.push_back({found->second, std::string(why)});
      next = end + 3;
      break;
    }
    at = message.find(kUnparsable, next);
  }
  std::sort(bad.begin(), bad.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  const auto same = [](const auto& a, const auto& b) { return a.line == b.line; };
  bad.erase(std::unique(bad.begin(), bad.end(), same), bad.end());
  return bad;
}

Error refusal(const HttpAnswer& answer, std::string what, const std::string& where) {
  Error error{ErrorCode::kIo,
              std::move(what),
              where,
              fmt::format("{}: {}", answer.status, error_message(answer)),
              {}};
  switch (answer.status) {
    case 401:
    case 403:
      error.code = ErrorCode::kUsage;
      error.hint =
          "check the token (galileo_expdb_influxdb_token, or influxdb://:TOKEN@host:port/org) and "
          "what it may do: `influx auth list`";
      break;
    case 404:
      error.code = ErrorCode::kNotFound;
      error.hint =
          "check the organisation (galileo_expdb_influxdb_org, or the URL's path): `influx org "
          "list`";
      break;
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      error.code = ErrorCode::kUnavailable;
      error.hint = "try again later";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace galileo::store
