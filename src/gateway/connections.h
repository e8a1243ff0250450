// The two ends of an exchange: a client's connection and one to a target. A client has at most one
// request under way; the target's connection is its own until the answer is over. Private to the
// room; live on their proxy's loop.
#pragma once

#include <string>
#include <vector>

#include "gateway/proxy.h"
#include "net/http_session.h"
#include "net/outlet.h"
#include "net/stream.h"

namespace galileo::gateway {

// A target didn't answer.
struct TargetFailure {
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
  void on_answer_head(const Head& head, int status, const net::HttpPassage::Answer& answer);
  void send(std::string_view bytes);
  void flush();
  // Takes more of the answer?
  bool takes_more() const;
  // The answer is whole. The target's connection is free.
  void on_answered();
  // The target failed: another is asked, or an answer of our own where nothing was sent, else the
  // connection ends.
  void on_failed(TargetFailure failure);
  void on_taken();  // the target took what was kept for it

  bool request_is_whole() const { return phase_ == Phase::kAnswer; }
  bool asks_head_only() const { return parser_.method() == "HEAD"; }
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
  net::Outlet out_;
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

class Upstream final : private net::HttpPassage, private net::StreamHandler, public net::Deadline {
 public:
  Upstream(Proxy& proxy, Target& target);

  // False: no connection can be had; `failed` (an errno) is why.
  bool connect(const net::Address& address, int& failed);
  void on_interim(int interim);
  // The request is whole, or goes on: whose turn is it?
  void watch_the_time();
  Target& target() { return target_; }
  // Idle, and its target hasn't closed it meanwhile, as far as can be known here.
  bool is_open();

  // An exchange for `client`, whose request begins with `head` and `body`; flush() sends them.
  void begin(ClientConnection& client, std::string_view head, std::string_view body);
  // More of the request, likewise, or of what goes through a tunnel.
  void pass(std::string_view piece);
  // Writes what is kept, as far as it is connected.
  void flush();
  bool takes_more() const { return session_ && request.size() == 0; }
  // It has had something for a while that it doesn't take.
  bool is_slow() const { return !takes_more(); }
  // The client takes more again.
  void read_on();
  void close();
  void timed_out();

 private:
  void on_stream(net::StreamEvents events) override;
  wire::http1::HeaderSink& headers() override { return head_; }
  void on_head(const Answer& answer) override;
  void on_bytes(std::string_view piece) override;
  void on_done() override;
  void connected();
  void wrote(const net::HttpSession::Outcome& outcome);
  void read_all();
  void broken(wire::Failure how);
  void fail(int for_client, std::string_view reason, bool unseen = false);

  Proxy& proxy_;
  Target& target_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::HttpSession> session_;  // once connected
  ClientConnection* client_ = nullptr;         // null: idle
  bool readable_ = false;
  bool ends_ = false;  // the peer has closed its side, which isn't told a second time
  bool reused_ = false;
  bool tunnels_ = false;  // both ways without looking
  bool closed_ = false;
  wire::http1::Capture text_;  // of a body whose chunks are taken off
  AnswerHead head_;
};

}  // namespace galileo::gateway
