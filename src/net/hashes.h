// Hashes for who proves that he knows a password, without saying it (wire/digest_auth.h). Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "wire/digest_auth.h"

namespace galileo::net {

// In lower-case hexadecimal. Empty where the system's rules forbid that hash (MD5, under FIPS).
std::string hash_hex(wire::DigestHash hash, std::string_view text);

}  // namespace galileo::net
