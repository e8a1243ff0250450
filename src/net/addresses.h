// Where hosts are: a literal address at once; a name through the system's resolver, which blocks
// and therefore has desks of its own. Names are asked for again every 30 s, since they may move,
// and every second while they don't resolve. A name that fails keeps the addresses that it had.
// Lives on the control thread; on_found is called from the control loop, which isn't run any more
// once this is gone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/loop.h"

namespace galileo::net {

class Addresses {
 public:
  using OnFound = std::function<void(const std::string& host, const std::vector<Address>&)>;

  // `family`: 4, 6, or 0 for either.
  Addresses(Loop& control, int family, OnFound on_found);
  ~Addresses();

  // Called, as on_found is, each time that a name wasn't found which has no addresses so far.
  void on_unknown(std::function<void(const std::string& host)> call) {
    on_unknown_ = std::move(call);
  }

  // These hosts ("host:port") and no others, from now on. What is a literal address is known when
  // this returns, for a name on_found comes later.
  void want(const std::vector<std::string>& hosts);
  // The same, but waits for each; the first that can't be found is the Error.
  Result<void> want_now(const std::vector<std::string>& hosts);

  // Those of a host that is wanted; empty while they aren't known.
  const std::vector<Address>& of(const std::string& host) const;
  std::size_t size() const { return hosts_.size(); }
  // Wanted, and not found so far.
  std::vector<std::string> unknown() const;
  // Those among them for which no answer has come at all.
  std::vector<std::string> unasked() const;

 private:
  struct Host {
    bool is_name = false;
    bool is_asked = false;    // a desk looks it up
    bool has_failed = false;  // when it was looked up last
    std::vector<Address> addresses;
  };
  struct Desk {
    std::unique_ptr<LoopThread> thread;  // where it has had a name
    std::size_t waiting = 0;
  };
  Desk& desk_for(const Host& host);

  void want_only(const std::vector<std::string>& hosts);
  void ask(const std::vector<std::string>& names);
  void ask_again(Time now);
  void set_timer();
  void heard(const std::string& name, const Result<std::vector<Address>>& found);

  Loop& control_;
  const int family_;
  const OnFound on_found_;
  std::function<void(const std::string& host)> on_unknown_;
  std::map<std::string, Host> hosts_;
  std::vector<Desk> desks_;  // none where there was no name
  Time all_asked_;
  Timer again_timer_;
};

}  // namespace galileo::net
