// Where a program that has brought its own OpenSSL finds the authorities of this system.
#pragma once

namespace galileo::commands {

// Sets SSL_CERT_FILE where OpenSSL would find nothing and this system has a file of certificates at
// another place: all that use OpenSSL go by it, MariaDB's library too. Before the first thread.
void find_authorities();

}  // namespace galileo::commands
