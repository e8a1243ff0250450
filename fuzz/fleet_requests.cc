// What a controller says of requests, of any bytes: refused with a reason or read; what was read is
// written and read again, and no path comes out of it that isn't a content's name.
#include "wire/fleet_requests.h"

#include <cstdint>

#include "base/check.h"

using namespace galileo::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto take = decode_take_requests(text); take.ok()) {
    const auto again = decode_take_requests(encode(*take));
    ENSURE(again.ok() && *again == *take);
    for (const ContentName& name : take->contents) ENSURE(is_content_hash(name.hash), name.hash);
  } else {
    ENSURE(!take.error().to_text().empty());
  }
  if (const auto notes = decode_notes(text); notes.ok()) {
    const auto again = decode_notes(encode_notes(*notes));
    ENSURE(again.ok() && *again == *notes);
  }
  if (const auto named = requests_named_in(text)) {
    const auto again = requests_named_in(parameters_of(*named));
    ENSURE(again && again->run == named->run && again->hash == named->hash);
  }
  if (const auto hash = referred_content(text)) ENSURE(content_reference(*hash) == text, *hash);
  return 0;
}
