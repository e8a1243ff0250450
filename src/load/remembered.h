// What one client knows of its servers from their answers, and says to them again: cookies that are
// kept, and what a challenge of digest authentication is answered with. Made only where its
// request asks for one of them. Lives on its loop, owned by its Client.
#pragma once

#include <map>
#include <string>

#include "base/random.h"
#include "wire/cookies.h"
#include "wire/digest_auth.h"

namespace galileo::load {

struct Remembered {
  explicit Remembered(Random random) : draws(random) {}

  wire::CookieJar cookies;
  std::map<std::string, wire::DigestAnswers> answers;  // by the host that challenged
  Random draws;                                        // of client nonces
};

}  // namespace galileo::load
