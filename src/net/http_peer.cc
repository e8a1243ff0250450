#include "net/http_peer.h"

#include <algorithm>
#include <limits>

#include "net/http_call.h"

namespace galileo::net {
namespace {

// A call ends by its own timer: a stream may go on for ever.
constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max() / 2;

}  // namespace

HttpPeer::HttpPeer(Loop& loop, const Options& options)
    : loop_(loop),
      host_port_(options.host_port),
      addresses_(loop, 0, [this](const std::string&, const std::vector<Address>& found) {
        pool_->set_addresses(*target_, found);
        go_on();
      }) {
  addresses_.on_unknown([this](const std::string&) { go_on(); });
}

Result<std::unique_ptr<HttpPeer>> HttpPeer::make(Loop& loop, Connector& connector,
                                                 const Options& options) {
  std::unique_ptr<HttpPeer> peer(new HttpPeer(loop, options));
  if (options.tls) peer->tls_ = TRY(TlsConnector::make(connector, *options.tls));
  Connector& over = peer->tls_ ? *peer->tls_ : connector;
  HttpPool::Options pool;
  pool.connections_max = options.connections_max;
  pool.bounds.connect_timeout = options.connect_timeout;
  pool.bounds.answer.body_max = kEndless;
  peer->pool_ = std::make_unique<HttpPool>(loop.clock(), loop.timers(), over, pool);
  peer->target_ = &peer->pool_->target(options.host_port);
  if (!options.address) peer->addresses_.want({options.host_port});
  peer->pool_->set_addresses(*peer->target_, options.address
                                                 ? std::vector{*options.address}
                                                 : peer->addresses_.of(options.host_port));
  return peer;
}

void HttpPeer::send(HttpCall& call) {
  if (target_->has_addresses() || addresses_.unasked().empty())
    pool_->send(call, *target_);
  else
    wait_for_name_.push_back(&call);
}

// It is known where the server is, or that nobody knows: the pool says so.
void HttpPeer::go_on() {
  while (!wait_for_name_.empty()) {
    HttpCall& call = *wait_for_name_.front();
    wait_for_name_.erase(wait_for_name_.begin());
    pool_->send(call, *target_);
  }
}

void HttpPeer::abandon(HttpCall& call) {
  if (std::erase(wait_for_name_, &call) == 0) pool_->abandon(call);
}

void HttpPeer::time_out(HttpCall& call) {
  if (std::erase(wait_for_name_, &call) == 0) return pool_->time_out(call);
  call.failure = wire::Failure::no_address;
  call.on_done();
}

}  // namespace galileo::net
