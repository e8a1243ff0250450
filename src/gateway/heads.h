// The heads of messages that a gateway passes on: which lines stay, which go, which are added
// (docs/wire/gateway.md). Bytes in, bytes out; nothing is allocated once the buffers have
// grown. Each belongs to its connection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "wire/http1.h"

namespace galileo::gateway {

// Who adds to the heads, told once: the name in X-Forwarded-For and the headers' names.
struct HopNames {
  explicit HopNames(const std::string& node);
  std::string node;
  std::string stamp;       // "X-Forwarded-Host-<Node>", in canonical form
  std::string key_header;  // whose value Head::key() is; empty: none
};

// "gw-main" to "Gw-Main": each part between dashes begins with a capital, the rest is small.
std::string canonical_header(std::string_view name);

// The header lines of one message, as they are read. Those between two neighbours only (RFC 9110,
// 7.6.1) and those that the gateway sets itself are left out.
class Head : public wire::http1::HeaderSink {
 public:
  // `of_request`: leaves out X-Forwarded-For and the stamp of `names` too, which outlives this.
  Head(const HopNames& names, bool of_request) : names_(names), of_request_(of_request) {}
  virtual ~Head() = default;

  void on_head() override { clear(); }
  void on_header(std::string_view name, std::string_view value) override;
  void clear();

  // Lines that stay, each with its end. Those that Connection names are out after finish().
  void finish();
  const std::string& lines() const { return lines_; }
  bool was_forwarded() const { return was_forwarded_; }  // by another gateway
  // A change of protocol is asked for, or agreed to: then `Upgrade` stays, with its Connection.
  bool upgrades() const { return !upgrade_.empty() && connection_has_upgrade_; }
  std::string_view upgrade() const { return upgrade_; }
  const std::string& host() const { return host_; }  // what the Host header says
  bool has_host() const { return has_host_; }
  const std::string& key() const { return key_; }

 private:
  struct Line {
    std::size_t begin = 0;
    std::size_t name_size = 0;
    std::size_t end = 0;
  };
  bool belongs_to_the_hop(std::string_view name, std::string_view value);

  const HopNames& names_;
  const bool of_request_;
  std::string lines_;
  std::vector<Line> where_;
  std::string connection_names_;  // ", "-separated, that aren't known
  std::string upgrade_;
  std::string host_;
  std::string key_;
  bool connection_has_upgrade_ = false;
  bool was_forwarded_ = false;
  bool has_host_ = false;
};

// What a hop says of itself: the time at which the gateway took the request.
struct Hop {
  Wall taken = kNoWall;
  std::string_view target;  // host:port
};

// Appends what an answer of the gateway's says of its hop, its own ones too.
void append_own_headers(std::string& to, const HopNames& names, const Hop& hop);

// Appends the head of the request as the target gets it. A slash goes before a path without one,
// and the target's own name is the host of a client of HTTP/1.0 that says none.
void append_request_head(std::string& to, std::string_view method, std::string_view path,
                         const Head& head, const HopNames& names, const Hop& hop,
                         std::string_view client_address);

// Appends the head of the answer as the client gets it. `connection`: "close", "keep-alive" or
// empty.
void append_answer_head(std::string& to, int status, std::string_view reason, const Head& head,
                        const HopNames& names, const Hop& hop, std::string_view connection,
                        bool without_coding);

// Appends the head of an interim answer, which has none of our own lines.
void append_interim_head(std::string& to, int status, const Head& head);

}  // namespace galileo::gateway
