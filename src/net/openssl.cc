#include "net/openssl.h"

#include <openssl/err.h>

#include <ctime>
#include <system_error>

namespace galileo::net::openssl {

std::string oldest_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (ERR_GET_LIB(error) == ERR_LIB_SYS)
    return std::generic_category().message(ERR_GET_REASON(error));
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason ? reason : "no reason given";
}

Wall wall_of(const ASN1_TIME* at) {
  std::tm fields{};
  ASN1_TIME_to_tm(at, &fields);
  const std::chrono::seconds since_epoch{timegm(&fields)};
  // What never ends has the year 9999.
  if (since_epoch > std::chrono::floor<std::chrono::seconds>(Duration::max())) return Wall::max();
  return Wall{since_epoch};
}

}  // namespace galileo::net::openssl
