// Who has the fleet (docs/wire/daemon.md): as it stands under bus::kFleetLease, whose expiry says
// until when. The text doesn't change while a claim lasts, so that it can be held against. Values;
// pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace galileo::wire {

struct LeaseText {
  std::uint64_t claim = 0;  // larger than all before
  std::string holder;       // "<host>-<pid>-<8 hex digits>"
  std::string kind;         // "daemon", "run"
  std::string host;
  std::int64_t pid = 0;
  Wall since = kNoWall;
  Duration lasts{0};  // without a renewal
  std::string what;   // the experiment, in a few words; empty: of a daemon, which has several
};

std::string encode(const LeaseText& lease);
// An Error (kCorrupt) says what is wrong; unknown fields are passed over.
Result<LeaseText> decode_lease(std::string_view json);

}  // namespace galileo::wire
