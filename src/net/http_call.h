// One HTTP/1.1 request over a connection of its own, whose answer's body comes in pieces as it
// arrives: for services that are asked now and then, and for streams that don't end. Lives on its
// loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/tcp.h"
#include "net/timers.h"
#include "wire/http1.h"

namespace galileo::net {

class HttpCall final : private StreamHandler {
 public:
  struct Handlers {
    // A piece of the body, valid during the call; `status` is the answer's.
    std::function<void(int status, std::string_view piece)> on_body;
    // It is over: the answer's status, or why there is none (kUnavailable; `where` is the address).
    // Not to be destroyed from here, but later (by a timer): it still stands on the stack.
    std::function<void(const Result<int>& status)> on_end;
  };

  // `loop` and `connector` outlive it. `whole_within`: until the answer's head is there; with
  // `streams` its body may take for ever, else it is for the whole answer.
  HttpCall(Loop& loop, Connector& connector, Duration whole_within, bool streams);
  ~HttpCall();
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  // Sends `request` (a whole message) to `address`. Once; on_end may come before this returns.
  void start(const Address& address, std::string request, Handlers handlers);

 private:
  void on_stream(StreamEvents events) override;
  void write();
  void read();
  void take(std::string_view bytes);
  void end(Result<int> status);
  void fail(std::string why);

  Loop& loop_;
  Connector& connector_;
  const Duration within_;
  const bool streams_;
  Timer deadline_;
  std::unique_ptr<Stream> stream_;
  std::string where_;
  std::string request_;
  std::size_t written_ = 0;
  bool connected_ = false;
  bool over_ = false;
  Handlers handlers_;
  wire::http1::ResponseParser parser_;
  wire::http1::Capture capture_;
};

}  // namespace galileo::net
