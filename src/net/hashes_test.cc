#include "net/hashes.h"

#include <doctest/doctest.h>

namespace galileo::net {
namespace {

using wire::DigestHash;

TEST_CASE("hashes are those of their standards") {
  CHECK(hash_hex(DigestHash::kMd5, "abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(hash_hex(DigestHash::kSha256, "abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash_hex(DigestHash::kSha512_256, "abc") ==
        "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
  CHECK(hash_hex(DigestHash::kMd5, "") == "d41d8cd98f00b204e9800998ecf8427e");
}

// RFC 2617, 3.5.
TEST_CASE("the answer of the standard's example comes out") {
  wire::DigestAnswers answers;
  answers.take(
      *wire::read_challenge({{"WWW-Authenticate",
                              "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
                              "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                              "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""}}),
      "0a4f113b");
  const std::string header =
      answers.next("Mufasa", "Circle Of Life", "GET", "/dir/index.html", "", &hash_hex);
  CAPTURE(header);
  CHECK(header.find("response=\"6629fae49393a05397450978507c4ef1\"") != std::string::npos);
}

}  // namespace
}  // namespace galileo::net
