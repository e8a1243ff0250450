// Server-sent events of the versioned API (docs/wire/rest_v1.md, Streams): what happens is numbered
// and kept for a while, each stream is a place in it. Nothing waits for a slow client: it is sent
// more once it has taken what it was sent, and where too much has come meanwhile it gets the newest
// states and is told how many it missed. Lives on the server's loop; no thread, no timer a stream.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/http_server.h"
#include "service/rest_message.h"

namespace galileo::service {

class StreamHub {
 public:
  enum class Kind : unsigned char { kExperiment, kRemoved, kLive, kPoint, kEvent };

  // The server outlives it. `epoch` is another one each time that the process begins.
  StreamHub(net::HttpServer& server, std::string epoch)
      : server_(server), epoch_(std::move(epoch)) {}

  // The experiments that streams begin with, each as JSON, by their ids: what has changed is told,
  // and so are those that were removed. One that is in neither is merely old.
  void show(std::map<std::string, std::string> experiments,
            const std::vector<std::string>& removed);
  // What a run tells of itself: a JSON object without line breaks.
  void tell(Kind kind, const std::string& experiment, const std::string& json);

  // Begins the answer. `only`: one experiment's events; empty: all. `last_id`: the last that the
  // client has seen; empty: none. False: there are too many, and nothing was answered.
  bool enter(net::ServerConnection& connection, const std::string& only, std::string_view last_id,
             const Caller& caller);
  void on_drained(std::uint64_t connection) { advance(connection); }
  void on_gone(std::uint64_t connection) { streams_.erase(connection); }

  // A sign of life, so that both ends find out whether the other one is there.
  void beat();
  // Ends the streams of those who may not have them any more.
  void keep_only(const std::function<bool(const Caller&)>& may);

  std::size_t streams() const { return streams_.size(); }
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Event {
    std::uint64_t number = 0;
    Kind kind = Kind::kLive;
    std::string experiment;
    std::string text;         // as it is sent
    std::uint64_t begin = 0;  // bytes of all events before it
  };
  struct Stream {
    std::string only;
    std::uint64_t next = 0;  // number of the first event that it wasn't sent
    Caller caller;
  };

  void add(Kind kind, const std::string& experiment, const std::string& json);
  std::string frame(std::string_view name, std::uint64_t number, const std::string& json) const;
  std::string snapshot(const std::string& only) const;
  std::string skipped(Stream& stream);
  // The next thing to send; empty: nothing more now.
  std::string next_of(Stream& stream);
  void advance(std::uint64_t connection);
  void advance_all();
  const Event& event(std::uint64_t number) const {
    return events_[number - events_.front().number];
  }
  std::uint64_t bytes_behind(std::uint64_t next) const;

  net::HttpServer& server_;
  const std::string epoch_;
  std::uint64_t last_ = 0;   // number of the newest event
  std::uint64_t bytes_ = 0;  // of all events ever
  std::deque<Event> events_;
  std::map<std::string, std::string> experiments_;
  std::map<std::string, std::string> live_;
  std::unordered_map<std::uint64_t, Stream> streams_;
  std::uint64_t left_out_ = 0;
};

}  // namespace galileo::service
