// Who may ask the API for what, by what a request's head says. A browser that visits any page can
// be made to send requests to this machine, so that "it comes from here" isn't enough: the host
// asked for must be this machine by name or address (a name that was bound to it anew isn't), a
// write must come in a form that pages of others can't send, and whoever comes through a proxy
// isn't taken for one from here. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/rest_message.h"

namespace galileo::service {

// Who may use the old API. kOpen is what the original did: anybody, and any page. kToken: who may
// use the new one.
enum class LegacyAccess : unsigned char { kLoopback, kOpen, kOff, kToken };

// kUsage: none of loopback, token, open, off.
Result<LegacyAccess> parse_legacy_access(std::string_view text);

struct GuardOptions {
  LegacyAccess legacy = LegacyAccess::kLoopback;
  std::vector<std::string> allowed_hosts;  // names of this machine beside localhost
};

struct Visitor {
  bool is_local = false;      // its address is a loopback one
  bool is_forwarded = false;  // a proxy says that it speaks for somebody else
  std::string host;           // the header Host
  std::string origin;         // empty: there is none
  std::string fetch_site;     // Sec-Fetch-Site; empty: there is none
  std::string content_type;   // of the body
  bool writes = false;
  std::string peer = {};           // its address, without the port
  std::string authorization = {};  // the header
  std::string cookie = {};         // the header

  // From this machine, and for itself.
  bool is_here() const { return is_local && !is_forwarded; }
};

// Whether the host asked for is this machine, by an address or one of its names.
bool is_own_host(const GuardOptions& options, std::string_view host);
// A page of somebody else has sent it.
bool is_from_foreign_page(const Visitor& visitor);
// A body's type, whatever its parameters.
bool has_type(std::string_view given, std::string_view wanted);

// Why it may not; nothing: it may. `content_type` is what a body must be, empty where there is
// none.
std::optional<RestAnswer> refusal_of(const GuardOptions& options, const Visitor& visitor,
                                     std::string_view content_type);

}  // namespace galileo::service
