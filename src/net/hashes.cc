#include "net/hashes.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

namespace galileo::net {
namespace {

const EVP_MD* kind_of(wire::DigestHash hash) {
  switch (hash) {
    case wire::DigestHash::kMd5:
      return EVP_md5();
    case wire::DigestHash::kSha256:
      return EVP_sha256();
    case wire::DigestHash::kSha512_256:
      return EVP_sha512_256();
  }
  return nullptr;
}

}  // namespace

std::string hash_hex(wire::DigestHash hash, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, kind_of(hash), nullptr) != 1)
    return {};
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

}  // namespace galileo::net
