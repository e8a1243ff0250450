#include "wire/digest_auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/latin1.h"
#include "base/text.h"

namespace galileo::wire {
namespace {

using Quality = DigestChallenge::Quality;

// One scheme of a header, and its parameters in order; a token in place of them is left out.
struct Scheme {
  std::string name;                                             // lower case
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case

  const std::string* find(std::string_view parameter) const {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& one) { return one.first == parameter; });
    return found == parameters.end() ? nullptr : &found->second;
  }
};

// Reads a header WWW-Authenticate: `Scheme a=b, c="d, e", Other x=y`. What can't be read ends it.
class SchemesReader {
 public:
  explicit SchemesReader(std::string_view text) : text_(text) {}

  std::vector<Scheme> read() {
    while (skip(", \t"), at_ < text_.size()) {
      const std::string word = to_lower(take_token());
      if (word.empty()) break;
      skip(" \t");
      if (peek() != '=' || schemes_.empty()) {
        schemes_.push_back({word, {}});
        continue;
      }
      ++at_;
      skip(" \t");
      auto value = take_value();
      if (!value) break;
      schemes_.back().parameters.emplace_back(word, std::move(*value));
    }
    return std::move(schemes_);
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip(std::string_view what) {
    while (at_ < text_.size() && what.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  std::string_view take_token() {
    const std::size_t end = std::min(text_.find_first_of(" \t,=\"", at_), text_.size());
    const std::size_t begin = std::exchange(at_, end);
    return text_.substr(begin, end - begin);
  }
  std::optional<std::string> take_value() {
    if (peek() != '"') return std::string(take_token());
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return value;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    return std::nullopt;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Scheme> schemes_;
};

bool read_algorithm(std::string algorithm, DigestChallenge& challenge) {
  challenge.algorithm = algorithm;
  algorithm = to_lower(algorithm);
  if (algorithm.ends_with("-sess")) {
    challenge.session = true;
    algorithm.resize(algorithm.size() - std::string_view("-sess").size());
  }
  if (algorithm == "sha-256")
    challenge.hash = DigestHash::kSha256;
  else if (algorithm == "sha-512-256")
    challenge.hash = DigestHash::kSha512_256;
  return algorithm.empty() || algorithm == "md5" || challenge.hash != DigestHash::kMd5;
}

// False: none that is known.
bool read_quality(const std::string& offered, DigestChallenge& challenge) {
  for (const std::string_view one : split(offered, ',')) {
    const std::string quality = to_lower(trim(one));
    if (quality == "auth") challenge.quality = Quality::kAuth;
    if (quality == "auth-int" && challenge.quality == Quality::kNone)
      challenge.quality = Quality::kAuthInt;
  }
  return challenge.quality != Quality::kNone;
}

std::optional<DigestChallenge> challenge_of(const Scheme& scheme) {
  const std::string* const nonce = scheme.find("nonce");
  const std::string* const realm = scheme.find("realm");
  if (scheme.name != "digest" || !nonce || !realm) return std::nullopt;
  DigestChallenge challenge;
  challenge.nonce = *nonce;
  challenge.realm = *realm;
  if (const auto* opaque = scheme.find("opaque")) challenge.opaque = *opaque;
  if (const auto* algorithm = scheme.find("algorithm"); algorithm)
    if (!read_algorithm(*algorithm, challenge)) return std::nullopt;
  if (const auto* qualities = scheme.find("qop"); qualities)
    if (!read_quality(*qualities, challenge)) return std::nullopt;
  if (const auto* stale = scheme.find("stale")) challenge.stale = to_lower(*stale) == "true";
  if (const auto* charset = scheme.find("charset"))
    challenge.is_utf8 = to_lower(*charset) == "utf-8";
  return challenge;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    // It came as a header's value, or was looked at as one; a line break would be another header.
    if (static_cast<unsigned char>(c) >= ' ' && c != '\x7f') out += c;
  }
  return out + '"';
}

}  // namespace

std::optional<DigestChallenge> read_challenge(const http1::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!http1::equals_ignoring_case(name, "www-authenticate")) continue;
    for (const Scheme& scheme : SchemesReader(value).read()) {
      if (auto challenge = challenge_of(scheme)) return challenge;
    }
  }
  return std::nullopt;
}

void DigestAnswers::take(DigestChallenge challenge, std::string client_nonce) {
  challenge_ = std::move(challenge);
  client_nonce_ = std::move(client_nonce);
  count_ = 0;
}

std::string DigestAnswers::next(std::string_view user_text, std::string_view password_text,
                                std::string_view method, std::string_view target,
                                std::string_view body, HashHex hash) {
  const DigestChallenge& challenge = *challenge_;
  const auto hashed = [&](const std::string& text) { return hash(challenge.hash, text); };
  const auto coded = [&](std::string_view text) {
    return challenge.is_utf8 ? std::string(text) : latin1_of_utf8(text);
  };
  const std::string user = coded(user_text);
  const std::string password = coded(password_text);
  std::string who = hashed(fmt::format("{}:{}:{}", user, challenge.realm, password));
  if (who.empty()) return {};
  if (challenge.session) who = hashed(fmt::format("{}:{}:{}", who, challenge.nonce, client_nonce_));
  std::string what = fmt::format("{}:{}", method, target);
  if (challenge.quality == Quality::kAuthInt) what += ":" + hashed(std::string(body));
  what = hashed(what);
  const std::string count = fmt::format("{:08x}", ++count_);
  const char* const quality = challenge.quality == Quality::kAuthInt ? "auth-int" : "auth";
  const std::string response = challenge.quality == Quality::kNone
                                   ? hashed(fmt::format("{}:{}:{}", who, challenge.nonce, what))
                                   : hashed(fmt::format("{}:{}:{}:{}:{}:{}", who, challenge.nonce,
                                                        count, client_nonce_, quality, what));
  std::string header =
      fmt::format("Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\"", quoted(user),
                  quoted(challenge.realm), quoted(challenge.nonce), quoted(target), response);
  if (!challenge.algorithm.empty()) header += ", algorithm=" + challenge.algorithm;
  if (challenge.opaque) header += ", opaque=" + quoted(*challenge.opaque);
  if (challenge.quality != Quality::kNone)
    header += fmt::format(", qop={}, nc={}, cnonce=\"{}\"", quality, count, client_nonce_);
  else if (challenge.session)
    header += fmt::format(", cnonce=\"{}\"", client_nonce_);
  return header;
}

}  // namespace galileo::wire
