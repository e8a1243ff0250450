// Looks each second whether the files of a certificate have changed, also through links (Kubernetes
// swaps one for all files of a secret), and has them read again. Lives on its loop.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/loop.h"

namespace galileo::gateway {

class CertificateWatch {
 public:
  // `reload` is called after a change, and again each second while it says an Error: certificate
  // and key aren't replaced at the same moment.
  CertificateWatch(net::Loop& loop, std::vector<std::string> files,
                   std::function<Result<void>()> reload);

  // Why the certificate in use isn't that of the files; empty: it is.
  const std::string& trouble() const { return trouble_; }

 private:
  using State = std::vector<std::array<std::int64_t, 5>>;  // of each file
  State look() const;
  void tick();

  net::Loop& loop_;
  const std::vector<std::string> files_;
  const std::function<Result<void>()> reload_;
  State taken_;
  std::string trouble_;
  net::Timer timer_;
};

}  // namespace galileo::gateway
