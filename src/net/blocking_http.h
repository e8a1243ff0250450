// HTTP for desks, which may wait: a request in, its answer out, whole or in pieces. Over a loop of
// its own, which runs while somebody waits and when it is looked after; connections are kept, and
// those that lay idle for long are made anew. For one thread at a time. Who takes a stream must not
// ask by the same BlockingHttp meanwhile: its loop stands on the stack.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_call.h"
#include "net/http_peer.h"

namespace galileo::net {

class BlockingHttp {
 public:
  struct Request {
    std::string bytes;  // a whole message
    Duration within{};
    HttpCall::Within what = HttpCall::Within::kAnswer;
    std::size_t body_max = std::size_t{32} << 20;  // what is longer is read, and left out
    // Takes the body of an answer of 200 as it comes, instead of Answer::body. False ends the call
    // with an Error.
    std::function<bool(std::string_view)> stream = {};
    // The answer is over with its head: what follows, which may never end, is left, and its
    // connection with it.
    bool head_only = false;
  };
  struct Answer {
    int status = 0;
    wire::http1::Headers headers;
    std::string body;
  };

  // A request that is under way; to be ended or destroyed before the BlockingHttp is.
  class Asking {
   public:
    Asking(BlockingHttp& http, Request request);
    // Sends and takes what can be at once; false when it waits for nothing more.
    bool advance();
    // Waits for the answer. kUnavailable: none came, though the server may have done it.
    Result<Answer> end();

   private:
    void take(int status, std::string_view piece);
    void over(std::optional<Error> error);

    BlockingHttp& http_;
    Request request_;
    Answer answer_;
    std::optional<Error> error_;
    bool over_ = false;
    bool waits_ = false;  // in end()
    HttpCall call_;
  };

  // An Error of kUsage where TLS's files can't be used.
  static Result<std::unique_ptr<BlockingHttp>> make(const HttpPeer::Options& options);
  Result<Answer> call(Request request) { return Asking(*this, std::move(request)).end(); }

 private:
  BlockingHttp() : tcp_(loop_) {}
  // What was closed meanwhile is noticed, what is old is closed.
  void look_around();
  void run(bool waits);

  Loop loop_;
  TcpConnector tcp_;
  std::unique_ptr<HttpPeer> peer_;
  Time used_{};
  bool runs_ = false;
};

}  // namespace galileo::net
