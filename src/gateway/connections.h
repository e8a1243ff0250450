// The two ends of an exchange: a client's connection and one to a target. A client has at most one
// request under way; the target's connection is its own until the answer is over. Private to the
// room; live on their proxy's loop.
#pragma once

#include <string>
#include <vector>

#include "gateway/proxy.h"
#include "net/stream.h"

namespace galileo::gateway {

// What is to be written to a socket, kept while it takes no more.
class Outlet {
 public:
  void set_stream(net::Stream* stream) { stream_ = stream; }
  // Writes at once what goes, keeps the rest. False: the connection has failed.
  bool send(std::string_view bytes);
  // Passes a body on: what is large and has nothing before it is written as it lies, the rest kept
  // for flush(), which also tells of a failure.
  void pass(std::string_view bytes);
  // Adds without writing; flush() writes all in one go.
  std::string& held() { return kept_; }
  bool flush();
  std::size_t size() const { return kept_.size() - begin_; }
  std::size_t in_memory() const { return kept_.size(); }
  void clear();
  // What isn't out, taken away.
  std::string take();

 private:
  net::Stream* stream_ = nullptr;
  std::string kept_;
  std::size_t begin_ = 0;  // of what is kept, this much is out
  bool failed_ = false;
};

// A target didn't answer.
struct Failure {
  int status = 502;  // for the client
  std::string_view why;
  bool blameless = false;  // the gateway's sockets or a name server failed, not the target
  bool unsent = false;     // it was never connected to; `held` is what it would have got
  bool unseen = false;     // the connection had been idle: the target may not have seen the request
  std::string held;
};

// The end towards a client.
class ClientConnection final : private net::StreamHandler, public net::Deadline {
 public:
  // Not `counted`: it is one too many, and is told so.
  ClientConnection(Proxy& proxy, std::string address, bool counted);

  void open(int fd);
  // Nothing is lost when it is closed: its last answer is out, not only whole.
  bool idle() const { return phase_ == Phase::kIdle && out_.size() == 0; }
  bool counted() const { return counted_; }
  void close();
  void timed_out();

  // From the connection to the target.
  void on_connected();
  // This answer says that another target should be asked, and there is one: the exchange is left by
  // go_elsewhere().
  bool rather_elsewhere(int status);
  void go_elsewhere();
  // An interim answer, which is passed on where the client knows such.
  void on_interim(int status, const Head& head);
  // The head of the answer is there; what follows of it comes by send().
  void on_answer_head(const Head& head, const wire::http1::ResponseParser& answer);
  void send(std::string_view bytes);
  void flush();
  // Takes more of the answer?
  bool takes_more() const;
  // The answer is whole. The target's connection is free.
  void on_answered(bool answer_ended_by_close);
  // The target failed: another is asked, or an answer of our own where nothing was sent, else the
  // connection ends.
  void on_failed(Failure failure);
  void on_taken();  // the target took what was kept for it

  bool request_is_whole() const { return phase_ == Phase::kAnswer; }
  // It has asked for another protocol, and all of its request is there.
  bool may_upgrade() const { return head_.upgrades() && phase_ == Phase::kAnswer; }
  // Its answers can't have chunks.
  bool want_body_text() const { return parser_.minor_version() == 0; }

 private:
  enum class Phase : std::uint8_t {
    kIdle,     // waits for a request's first byte
    kHead,     // reads its head
    kBody,     // passes its body on
    kAnswer,   // the request is whole; waits for the answer's end
    kTunnel,   // another protocol, both ways
    kClosing,  // writes what is left, then closes
    kLinger,   // all is written; what the client still sends is thrown away
    kClosed,
  };

  void on_stream(net::StreamEvents events) override;
  void read_on();
  bool reads() const;
  void take(std::string_view bytes);
  void take_all(std::string_view bytes);
  std::string_view take_head(std::string_view bytes);
  std::string_view take_body(std::string_view bytes);
  void begin();
  void begin_at_target();
  bool choose();
  void connect(bool fresh, std::string_view body);
  void ask_again(std::string_view body);
  void answer(int status, std::string_view text);
  void refuse();
  void next();
  void end_when_written();
  void linger_or_close();
  void let_go_of_upstream();
  void look_who_left();
  void watch_the_reader();

  Proxy& proxy_;
  const std::string address_;
  const std::uint64_t address_key_;
  const bool counted_;
  std::unique_ptr<net::Stream> stream_;
  Outlet out_;
  Phase phase_ = Phase::kIdle;
  bool readable_ = false;
  bool ends_ = false;         // the peer has closed its side, which isn't told a second time
  bool taking_ = false;       // bytes of the shared buffer: nothing else may be read now
  bool head_sent_ = false;    // of the answer
  bool close_after_ = false;  // this answer is the last
  bool may_repeat_ = false;   // nothing but the head was sent, and the method is safe to repeat
  bool lingers_ = false;      // the client may still be sending when all is written
  wire::http1::RequestParser parser_;
  Head head_;
  Hop hop_;
  Proxy::Route route_;
  std::uint64_t key_ = 0;  // of the request, for policies that go by it
  Function::Exchange exchange_;
  Function::Exchange left_;       // of a target that answered, while another is chosen
  std::vector<Target*> tried_;    // for this request
  unsigned addresses_tried_ = 0;  // of the target
  bool asked_afresh_ = false;     // as its idle connection turned out closed
  int status_ = 0;                // of the target's answer
  Upstream* upstream_ = nullptr;
  std::string request_head_;  // as sent, while it may have to be sent again
  std::string ahead_;         // bytes of requests that came before the last one was answered
};

// Tells its connection of interim answers.
class AnswerHead final : public Head {
 public:
  AnswerHead(const HopNames& names, Upstream& upstream) : Head(names, false), upstream_(upstream) {}
  void on_interim(int status) override;

 private:
  Upstream& upstream_;
};

class Upstream final : private net::StreamHandler, public net::Deadline {
 public:
  Upstream(Proxy& proxy, Target& target);

  // False: no connection can be had; `error` is why.
  bool connect(const net::Address& address, int& error);
  void on_interim(int status);
  // The request is whole, or goes on: whose turn is it?
  void watch_the_time();
  Target& target() { return target_; }
  // Idle, and its target hasn't closed it meanwhile, as far as can be known here.
  bool is_open();

  // An exchange for `client`; the request comes by out().
  void begin(ClientConnection& client, bool head_only);
  Outlet& out() { return out_; }
  // Writes what is kept, as far as it is connected.
  void flush();
  bool takes_more() const { return connected_ && out_.size() == 0; }
  // It has had something for a while that it doesn't take.
  bool is_slow() const { return !connected_ || out_.size() > 0; }
  // The client takes more again.
  void read_on();
  // Both ways without looking, from now on.
  void tunnel() {
    tunnels_ = true;
    Deadline::end();
  }
  void close();
  void timed_out();

 private:
  void on_stream(net::StreamEvents events) override;
  void connected();
  void read_all();
  bool take(std::string_view bytes);
  bool take_head(std::string_view& bytes);
  void ended();
  void fail(int status, std::string_view why, bool timed_out = false);
  // The client asks another target.
  void leave_to_another();
  void over(bool keep);

  Proxy& proxy_;
  Target& target_;
  std::unique_ptr<net::Stream> stream_;
  Outlet out_;
  ClientConnection* client_ = nullptr;  // null: idle
  bool connected_ = false;
  bool readable_ = false;
  bool ends_ = false;  // the peer has closed its side, which isn't told a second time
  bool reused_ = false;
  bool tunnels_ = false;
  bool closed_ = false;
  bool body_as_text_ = false;  // its chunks are taken off
  wire::http1::ResponseParser parser_;
  wire::http1::Capture capture_;
  AnswerHead head_;
};

}  // namespace galileo::gateway
