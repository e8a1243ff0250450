// Sends lines to InfluxDB until each is stored or refused for good: splits what is too large, finds
// the lines that a refusal is about and goes on without them, waits as long as it is asked to. What
// was sent may be sent again: the same line is the same point. Blocking; lives at the store's desk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "store/influxdb_connection.h"

namespace galileo::store {

// Lines of line protocol. Texts in them may have line ends, so where each ends is kept.
struct LineBatch {
  std::string text;
  std::vector<std::size_t> ends;

  void end_line() { ends.push_back(text.size()); }
  std::size_t size() const { return ends.size(); }
  std::size_t begin_of(std::size_t line) const { return line == 0 ? 0 : ends[line - 1]; }
  // The line with its end, "\n".
  std::string_view line(std::size_t i) const { return lines(i, i + 1); }
  std::string_view lines(std::size_t first, std::size_t last) const {
    const std::size_t begin = begin_of(first);
    return std::string_view(text).substr(begin, begin_of(last) - begin);
  }
  void clear() {
    text.clear();
    ends.clear();
  }
};

// Who takes the lines, and the time that passes; another one in tests.
class LineServer {
 public:
  virtual ~LineServer() = default;
  // Lines as begin_write() takes them.
  virtual std::string packed(std::string_view lines) = 0;
  // One write at a time, which the server works at while something else is done: advance_write()
  // now and then keeps it going, and is false when its answer is there. Each is ended or abandoned.
  virtual void begin_write(const std::string& bucket, std::string packed_lines) = 0;
  virtual bool advance_write() = 0;
  virtual Result<HttpAnswer> end_write() = 0;
  virtual void abandon_write() = 0;
  virtual Result<void> make_bucket(const std::string& bucket) = 0;
  virtual Time now() = 0;
  virtual void wait(Duration duration) = 0;
  // For Errors.
  virtual const std::string& where() const = 0;
};

class LineSender {
 public:
  // Lines that the server won't take, ever, are dropped and told here. Where there are `count` of
  // them among others, too many to look for each, the first of all is told.
  struct Refused {
    const std::string& bucket;
    std::string_view line;
    std::string_view why;
    std::uint64_t count = 1;
  };
  using OnRefused = std::function<void(const Refused& refused)>;

  // Once a server has said that it can't now, it is tried again for `patience` at most.
  LineSender(LineServer& server, Duration patience, std::uint64_t seed, OnRefused on_refused)
      : server_(server), patience_(patience), random_(seed), on_refused_(std::move(on_refused)) {}

  // After an Error some lines may be stored; all may be sent again.
  Result<void> send(const std::string& bucket, LineBatch batch);

  // The same in two, so that the next lines are made while the server works: begin() takes the
  // batch, leaves an empty one, and ends the one before, whose Error it may give; then its own
  // batch is left alone. advance() keeps it going, and tells whether the server is at work; end()
  // waits until all is stored or refused.
  Result<void> begin(const std::string& bucket, LineBatch& batch);
  bool advance();
  Result<void> end();
  void abandon();

  // Lines that were dropped since the beginning.
  std::uint64_t refused() const { return refused_; }

 private:
  // Lines [first, last) of the batch.
  struct Piece {
    std::size_t first;
    std::size_t last;
    std::size_t size() const { return last - first; }
  };
  struct Sending {
    std::string bucket;
    LineBatch batch;
    std::vector<Piece> left = {};  // the next one last
    bool under_way = false;        // its write has begun
    bool made_bucket = false;
    int searches = 0;
    int tries = 0;          // in a row that the server couldn't take it
    Time give_up = kNever;  // since the first of them
  };
  Result<void> send_pieces(Sending& sending);
  Result<void> handle(Sending& sending, const Piece& piece, const HttpAnswer& answer);
  Result<void> wait_or_give_up(Sending& sending, const Error& why,
                               std::optional<Duration> retry_after);
  void split(Sending& sending, const Piece& piece);
  void refuse(const Sending& sending, std::size_t line, std::string_view why,
              std::uint64_t count = 1);
  void refuse_bad_lines(Sending& sending, const Piece& piece, const std::string& message);
  void refuse_some(Sending& sending, const Piece& piece, const std::string& message);

  LineServer& server_;
  Sending sending_;
  const Duration patience_;
  Random random_;
  const OnRefused on_refused_;
  std::uint64_t refused_ = 0;
  Time not_before_ = Time::min();  // as the server asked
  // A slow server may not answer a large batch in time, however often it is sent: fewer lines at
  // once after each call without an answer, some more after each that had one.
  std::size_t lines_at_once_ = kLinesMax;
  static constexpr std::size_t kLinesMax = 1'000'000;
};

// The message in InfluxDB's JSON of an error; the text itself where it is none.
std::string error_message(const HttpAnswer& answer);

// Which of the lines that message says can't be parsed, and why: "unable to parse '...': ...".
struct BadLine {
  std::size_t line;
  std::string why;
};
std::vector<BadLine> bad_lines(const LineBatch& batch, std::size_t first, std::size_t last,
                               std::string_view message);

// The Error of an answer that no trying again mends: a wrong token, an organisation that isn't
// there.
Error refusal(const HttpAnswer& answer, std::string what, const std::string& where);

}  // namespace galileo::store
