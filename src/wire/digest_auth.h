// Digest authentication (RFC 7616, and 2617 for servers that are older): a server's challenge is
// read, and answered. MD5, SHA-256 and SHA-512-256, each with its session form; a user's name is
// never hashed. The hash itself is the caller's, so that nothing here needs a library.
//
// A DigestAnswers belongs to one client: from the challenge on it counts what it answers (`nc`),
// which a server may hold against replays. Passive values; any thread, one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http1.h"

namespace galileo::wire {

enum class DigestHash : std::uint8_t { kMd5, kSha256, kSha512_256 };

// In lower-case hexadecimal; empty where it can't be had.
using HashHex = std::string (*)(DigestHash hash, std::string_view text);

struct DigestChallenge {
  std::string realm;
  std::string nonce;
  std::optional<std::string> opaque;
  std::string algorithm;  // as it was written; empty: MD5 is meant
  DigestHash hash = DigestHash::kMd5;
  bool session = false;  // "-sess"
  // What of the message is hashed: kNone is the old form, which hasn't the choice.
  enum class Quality : std::uint8_t { kNone, kAuth, kAuthInt } quality = Quality::kNone;
  bool stale = false;    // the answer was right, but its nonce too old
  bool is_utf8 = false;  // of user and password; else ISO-8859-1, as far as that goes

  bool operator==(const DigestChallenge&) const = default;
};

// The first challenge of the headers WWW-Authenticate that can be answered here; of several
// qualities "auth". Nothing where there is none: other schemes, algorithms that nobody knows.
std::optional<DigestChallenge> read_challenge(const http1::Headers& headers);

class DigestAnswers {
 public:
  // What is answered from here on. `client_nonce` is a token that nobody foresees; it stays with
  // the nonce, so that both readings of "-sess" come to the same.
  void take(DigestChallenge challenge, std::string client_nonce);
  bool has_challenge() const { return challenge_.has_value(); }

  // The header Authorization of the next request. Empty where the hash can't be had.
  std::string next(std::string_view user, std::string_view password, std::string_view method,
                   std::string_view target, std::string_view body, HashHex hash);

 private:
  std::optional<DigestChallenge> challenge_;
  std::string client_nonce_;
  std::uint32_t count_ = 0;
};

}  // namespace galileo::wire
