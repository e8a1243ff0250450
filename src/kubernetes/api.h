// Requests to an API server and its answers: over kept connections with TLS, as the user that the
// access says, tried again where that may help and can't do anything twice. Nobody else knows HTTP
// of Kubernetes. Lives on its loop, nothing blocks, and isn't destroyed from what it calls;
// blocking_api.h has one for who may wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/repeats.h"
#include "base/result.h"
#include "kubernetes/access.h"
#include "kubernetes/credentials.h"
#include "net/http_call.h"
#include "net/http_peer.h"

namespace galileo::kubernetes {

struct ApiRequest {
  std::string method = "GET";
  std::string path;  // with its query: paths.h
  std::string body;
  std::string content_type = "application/json";
  Duration within = std::chrono::seconds{30};  // with all tries; of a stream, of each silence
  // Doing it twice is as doing it once: then a lost answer is asked for again.
  bool repeatable = false;
};

struct ApiAnswer {
  int status = 0;
  std::string body;
  std::optional<Wall> date;  // the server's clock, to the second

  bool ok() const { return status >= 200 && status < 300; }
  nlohmann::json json() const;  // null where it isn't any
};

// Of an answer that isn't ok: "AlreadyExists", "NotFound", "Forbidden"; empty: it says none.
std::string reason(const ApiAnswer& answer);
// Its text in Kubernetes' own words, in one line, and what to do about it where that is known.
Error refusal(const ApiRequest& request, const ApiAnswer& answer);

class Api {
 public:
  // `loop` outlives it. Errors (kUsage): a certificate that can't be used.
  static Result<std::unique_ptr<Api>> make(net::Loop& loop, const Access& access);
  // Over connections of another kind, for tests.
  static Result<std::unique_ptr<Api>> make(net::Loop& loop, net::Connector& connector,
                                           const Access& access);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  using OnAnswer = std::function<void(Result<ApiAnswer> answer)>;
  // One answer, whatever its status. An Error (kUnavailable) where none came in time; after one, a
  // request that isn't repeatable may have been done all the same. What the server is too busy for
  // (429), and what it may do later (5xx) where it can't be done twice by that, is asked again:
  // later and later, never before the server wants it.
  // `on_answer` never comes before this returns. The number is for drop().
  std::uint64_t ask(ApiRequest request, OnAnswer on_answer);

  struct Stream {
    std::function<void(std::string_view piece)> on_piece;  // of an answer of 200
    // Its end: of another answer than 200 all of it, else without the body.
    OnAnswer on_end;
    std::function<void()> on_begin = {};  // it is one of 200
  };
  // An answer that is taken as it comes, and may take for ever. It is asked again only where
  // `repeatable` is set, and before a piece of it was told.
  std::uint64_t stream(ApiRequest request, Stream stream);

  // Ends it without a word; what isn't under way is fine.
  void drop(std::uint64_t number);
  void drop_all();

  // Connections that nobody used are closed: something on the way may have forgotten them.
  void close_idle();

  const Access& access() const { return access_; }
  net::Loop& loop() { return loop_; }

 private:
  struct Call;
  struct Line;
  Api(net::Loop& loop, net::Connector* connector, const Access& access);
  Result<void> connect();
  std::uint64_t add(ApiRequest request, Stream stream, bool streams);
  Call* find(std::uint64_t number);
  void prepare(Call& call);
  void send(Call& call);
  void heard(Call& call, const Result<int>& status);
  bool may_try_again(const Call& call, const ApiAnswer* answer) const;
  void try_again(Call& call, Duration at_least, Result<ApiAnswer> otherwise);
  void end(Call& call, Result<ApiAnswer> answer);
  void clean_up();

  net::Loop& loop_;
  const Access access_;
  net::TcpConnector tcp_;
  net::Connector& connector_;
  Credentials credentials_;
  std::vector<std::unique_ptr<Line>> lines_;  // the last one is in use
  std::vector<std::unique_ptr<Call>> calls_;
  std::uint64_t last_number_ = 0;
  net::Timer clean_up_;
  Random random_;
};

}  // namespace galileo::kubernetes
