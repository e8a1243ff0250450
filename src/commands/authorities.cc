#include "commands/authorities.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "commands/options.h"
#include "net/authorities.h"

namespace galileo::commands {

void find_authorities() {
  const std::string file = net::authorities_elsewhere(
      net::usual_authorities(),
      {[](const std::string& name) { return environment(name); },
       [](const std::string& path) { return access(path.c_str(), R_OK) == 0; }});
  if (!file.empty()) setenv("SSL_CERT_FILE", file.c_str(), 1);
}

}  // namespace galileo::commands
