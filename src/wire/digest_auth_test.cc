#include "wire/digest_auth.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

using Quality = DigestChallenge::Quality;

std::optional<DigestChallenge> challenge(const std::string& header) {
  return read_challenge({{"Date", "now"}, {"www-authenticate", header}});
}

// In place of a hash: what would be hashed. net/hashes_test.cc has real ones.
std::string shown(DigestHash hash, std::string_view text) {
  constexpr const char* kNames[] = {"md5", "sha256", "sha512"};
  return std::string(kNames[static_cast<int>(hash)]) + "<" + std::string(text) + ">";
}

std::string response_of(const std::string& header) {
  const std::string begin = "response=\"";
  const std::size_t at = header.find(begin) + begin.size();
  return header.substr(at, header.find('"', at) - at);
}

std::string answer(const std::string& header, std::string_view body = "") {
  DigestAnswers answers;
  answers.take(*challenge(header), "cn");
  return answers.next("u", "p", "GET", "/a?b", body, &shown);
}

TEST_CASE("a challenge is read as servers write it") {
  const auto apache = challenge(
      R"(Digest realm="a \"b\"", nonce="n=+/x", algorithm=MD5, domain="/ /x", qop="auth")");
  REQUIRE(apache);
  CHECK(apache->realm == "a \"b\"");
  CHECK(apache->nonce == "n=+/x");
  CHECK(apache->quality == Quality::kAuth);
  CHECK_FALSE(apache->opaque);
  CHECK_FALSE(apache->stale);
  const auto other = challenge(
      R"(Basic realm="x",Digest nonce=abc,realm="r",qop="auth-int" , opaque="",stale=TRUE,)"
      R"(algorithm="SHA-256-sess",charset=UTF-8)");
  REQUIRE(other);
  CHECK(other->nonce == "abc");
  CHECK(other->quality == Quality::kAuthInt);
  CHECK(other->opaque == "");
  CHECK(other->stale);
  CHECK(other->session);
  CHECK(other->is_utf8);
  CHECK(other->hash == DigestHash::kSha256);
}

TEST_CASE("of several qualities auth is taken, and of several challenges the first one known") {
  for (const char* qop : {"auth,auth-int", "auth-int, auth", "AUTH", "x, auth"}) {
    CAPTURE(qop);
    CHECK(challenge(std::string("Digest realm=r, nonce=n, qop=\"") + qop + "\"")->quality ==
          Quality::kAuth);
  }
  const auto known = challenge(
      R"(Digest realm="r", nonce="1", algorithm=SHA3-9, qop="auth", Digest realm="r", nonce="2",)"
      R"( algorithm=SHA-512-256, qop="auth", Digest realm="r", nonce="3", algorithm=MD5)");
  REQUIRE(known);
  CHECK(known->nonce == "2");
  CHECK(known->hash == DigestHash::kSha512_256);
  CHECK(read_challenge(
            {{"WWW-Authenticate", "Negotiate"}, {"WWW-Authenticate", "Digest realm=r, nonce=n"}})
            ->quality == Quality::kNone);
}

TEST_CASE("what can't be answered is no challenge") {
  for (const char* none :
       {"", "Basic realm=\"x\"", "Digest", "Digest realm=\"r\"", "Digest nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"n", "Digest realm=r, nonce=n, algorithm=token",
        "Digest realm=r, nonce=n, qop=\"auth-conf\"", "=, Digest", "Digest =x, realm=r, nonce=n",
        "Negotiate abc==", ",,,"}) {
    CAPTURE(none);
    CHECK_FALSE(challenge(none));
  }
}

TEST_CASE("each form of a challenge is answered as its standard has it") {
  const std::string base = "Digest realm=r, nonce=n";
  CHECK(response_of(answer(base)) == "md5<md5<u:r:p>:n:md5<GET:/a?b>>");
  CHECK(response_of(answer(base + ", qop=auth")) ==
        "md5<md5<u:r:p>:n:00000001:cn:auth:md5<GET:/a?b>>");
  CHECK(response_of(answer(base + ", qop=auth-int", "body")) ==
        "md5<md5<u:r:p>:n:00000001:cn:auth-int:md5<GET:/a?b:md5<body>>>");
  CHECK(response_of(answer(base + ", qop=auth, algorithm=SHA-256-sess")) ==
        "sha256<sha256<sha256<u:r:p>:n:cn>:n:00000001:cn:auth:sha256<GET:/a?b>>");
  CHECK(answer(base) ==
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"/a?b\", "
        "response=\"md5<md5<u:r:p>:n:md5<GET:/a?b>>\"");
  CHECK(answer(base + ", qop=\"auth\", opaque=\"o\", algorithm=MD5")
            .ends_with(", algorithm=MD5, opaque=\"o\", qop=auth, nc=00000001, cnonce=\"cn\""));
}

TEST_CASE("the count grows with each answer, and begins anew with a challenge") {
  DigestAnswers answers;
  CHECK_FALSE(answers.has_challenge());
  answers.take(*challenge("Digest realm=r, nonce=n, qop=auth"), "cn");
  for (const char* count : {"nc=00000001", "nc=00000002", "nc=00000003"})
    CHECK(answers.next("u", "p", "GET", "/", "", &shown).find(count) != std::string::npos);
  answers.take(*challenge("Digest realm=r, nonce=m, qop=auth"), "cn");
  CHECK(answers.next("u", "p", "GET", "/", "", &shown).find("nc=00000001") != std::string::npos);
}

TEST_CASE(
    "names are quoted so that no other header or parameter can begin, and go as the server reads "
    "them") {
  DigestAnswers answers;
  answers.take(*challenge("Digest realm=\"a\\\\\\\"\", nonce=n"), "cn");
  const std::string header = answers.next("\xc3\xbc\"\r\nX: y", "p", "GET", "/", "", &shown);
  CHECK(header.starts_with("Digest username=\"\xfc\\\"X: y\", realm=\"a\\\\\\\"\", "));
  answers.take(*challenge("Digest realm=r, nonce=n, charset=UTF-8"), "cn");
  CHECK(answers.next("\xc3\xbc", "p", "GET", "/", "", &shown).find("\"\xc3\xbc\"") !=
        std::string::npos);
  CHECK(answers
            .next("u", "p", "GET", "/", "",
                  [](DigestHash, std::string_view) { return std::string(); })
            .empty());
}

}  // namespace
}  // namespace galileo::wire
