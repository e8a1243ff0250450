#include "gateway/certificate_watch.h"

#include <sys/stat.h>

#include "base/log.h"

namespace galileo::gateway {
namespace {

constexpr Duration kLook = std::chrono::seconds{1};

}  // namespace

CertificateWatch::CertificateWatch(net::Loop& loop, std::vector<std::string> files,
                                   std::function<Result<void>()> reload)
    : loop_(loop),
      files_(std::move(files)),
      reload_(std::move(reload)),
      taken_(look()),
      timer_([this](Time) { tick(); }) {
  loop_.timers().set(timer_, loop_.clock().now() + kLook);
}

CertificateWatch::State CertificateWatch::look() const {
  State state;
  for (const std::string& file : files_) {
    struct stat seen{};
    if (::stat(file.c_str(), &seen) != 0) seen = {};
    state.push_back({static_cast<std::int64_t>(seen.st_dev), static_cast<std::int64_t>(seen.st_ino),
                     seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec, seen.st_size});
  }
  return state;
}

void CertificateWatch::tick() {
  loop_.timers().set(timer_, loop_.clock().now() + kLook);
  State now = look();
  if (now == taken_ && trouble_.empty()) return;
  const Result<void> done = reload_();
  taken_ = std::move(now);
  const std::string trouble = done.ok() ? std::string() : done.error().to_text();
  if (done.ok())
    log(LogLevel::kInfo, "certificate taken", {{"file", files_.front()}});
  else if (trouble != trouble_)
    log(LogLevel::kWarning, "the certificate can't be taken; the last one stays",
        {{"why", trouble}});
  trouble_ = trouble;
}

}  // namespace galileo::gateway
