// The weights of a zone in etcd (docs/wire/gateway.md): all of them at the start, then each change
// as it comes. Goes on over lost connections, members that are away, passwords whose token has run
// out, and histories that were compacted or lost: each time all is read anew. Lives on its loop;
// nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/repeats.h"
#include "gateway/etcd_answers.h"
#include "net/http_call.h"
#include "net/http_peer.h"
#include "wire/uri.h"

namespace galileo::gateway {

struct EtcdOptions {
  // "host:port", "http://host:port" or "https://host:port"; the next is tried when one fails.
  std::vector<std::string> endpoints;
  std::string user;  // with a password where etcd wants one
  std::string password;
  std::string ca_file;  // of https; empty: the system's authorities
  std::string certificate_file;
  std::string key_file;
  Duration answer_within = std::chrono::seconds{5};
  Duration look_every = std::chrono::seconds{5};  // whether a silent watch is still there
};

// Where a member is. Errors: an endpoint that can't be one.
Result<wire::Uri> parse_endpoint(const std::string& endpoint);

// "golb/function/<zone>/".
std::string weights_prefix(const std::string& zone);

// Requests to one of etcd's members, with the user's token.
class EtcdMember {
 public:
  // Errors: an endpoint that can't be one, a certificate that can't be read.
  static Result<std::unique_ptr<EtcdMember>> make(net::Loop& loop, const std::string& endpoint,
                                                  const EtcdOptions& options);

  ~EtcdMember();

  using OnAnswer = std::function<void(int status, std::string_view body)>;
  // One request and its whole answer; on_answer with -1 and the reason where there is none.
  void ask(std::string_view path, const std::string& body, OnAnswer on_answer);
  // An answer without an end, line by line; on_end is as on_answer of ask().
  void stream(std::string_view path, const std::string& body,
              std::function<void(std::string_view line)> on_line, OnAnswer on_end);
  // Ends what is under way, without a word.
  void drop();

  const std::string& name() const { return name_; }
  std::string token;  // in each request, where there is one

 private:
  struct Call;
  explicit EtcdMember(net::Loop& loop);
  void start(std::string_view path, const std::string& body, std::unique_ptr<Call> call);
  void clean_up();

  net::Loop& loop_;
  net::TcpConnector tcp_;
  std::unique_ptr<net::HttpPeer> peer_;
  std::string name_;  // the endpoint, for messages
  Duration answer_within_{};
  std::vector<std::unique_ptr<Call>> calls_;
  net::Timer clean_up_;
};

class WeightsWatch {
 public:
  struct Handlers {
    // All keys below the prefix, without it, with their values: instead of those before.
    std::function<void(const std::map<std::string, std::string>& values)> on_all;
    std::function<void(const std::string& key, const std::string& value)> on_put;
    std::function<void(const std::string& key)> on_delete;
  };

  // Begins at once. Errors: as EtcdMember::make().
  static Result<std::unique_ptr<WeightsWatch>> start(net::Loop& loop, const EtcdOptions& options,
                                                     const std::string& prefix, Handlers handlers);
  // Why the weights may be old; empty: they are those of now.
  const std::string& trouble() const { return trouble_; }
  bool has_read() const { return revision_ > 0; }

 private:
  WeightsWatch(net::Loop& loop, const EtcdOptions& options, std::string prefix, Handlers handlers);
  EtcdMember& member() { return *members_[turn_ % members_.size()]; }
  void begin();
  void log_in();
  std::map<std::string, std::string> values_of(const RangeAnswer& answer) const;
  void read_all();
  void watch();
  void on_line(std::string_view line);
  void look();
  void fail(std::string why);

  net::Loop& loop_;
  const EtcdOptions options_;
  const std::string prefix_;
  const Handlers handlers_;
  std::vector<std::unique_ptr<EtcdMember>> members_;
  std::size_t turn_ = 0;
  std::int64_t revision_ = 0;  // what is known is the state at it; 0: nothing is known
  std::map<std::string, std::string> known_;  // that state: keys without the prefix, and values
  bool heard_ = false;                        // the watch has said something since the last look
  bool was_behind_ = false;                   // at the last look, it hadn't told of all
  bool has_lost_all_ = false;                 // it is empty, and wasn't before
  int failures_ = 0;                          // in a row
  Pauses pauses_{std::chrono::milliseconds{100}, std::chrono::seconds{5}};
  std::string trouble_;
  net::Timer again_;
  net::Timer look_;
  Random random_;
};

// One after the other and waited for, for a command: each runs `loop` until etcd has answered.
class EtcdKeys {
 public:
  EtcdKeys(net::Loop& loop, const EtcdOptions& options) : loop_(loop), options_(options) {}

  // Keys below the prefix, without it. Errors (kUnavailable): no member answers; its own words.
  Result<std::map<std::string, std::string>> all(const std::string& prefix);
  Result<void> put(const std::string& key, const std::string& value);
  // Whether it was there.
  Result<bool> remove(const std::string& key);
  // Each gets its value, or goes where it has none: many in one request, so that a member that
  // hangs is waited for once. After an Error the first ones may have been written.
  Result<void> write(const std::map<std::string, std::optional<std::string>>& values);

 private:
  Result<std::string> ask(std::string_view path, const std::string& body);
  Result<std::string> ask_member(EtcdMember& member, std::string_view path,
                                 const std::string& body);

  net::Loop& loop_;
  const EtcdOptions options_;
  std::vector<std::unique_ptr<EtcdMember>> members_;  // asked: gone only when the loop runs no more
};

}  // namespace galileo::gateway
