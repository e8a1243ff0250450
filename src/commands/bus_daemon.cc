#include "commands/bus_daemon.h"

#include <utility>

#include "commands/bus_options.h"
#include "commands/settling.h"

namespace galileo::commands {

BusDaemon::BusDaemon()
    : signals_(control_, [this](int) {
        ++signals_seen_;
        control_.stop();
      }) {}

// No restart mends a bus that is away, and one would lose what waits for it.
std::string BusDaemon::trouble() const {
  if (!bus_ || !bus_->connected()) return "the bus is away";
  return trouble_ ? trouble_() : std::string();
}

Result<bool> BusDaemon::begin(const std::optional<net::Address>& status,
                              const bus::BusOptions& where) {
  const auto trouble = [this] { return this->trouble(); };
  page_.emplace(
      control_, [this] { return metrics_ ? metrics_() : std::string(); }, trouble, trouble);
  if (status) TRY(page_->listen(*status));
  bus_ = TRY(connect_bus_in_time(control_, signals_seen_, where));
  return bus_ != nullptr;
}

void BusDaemon::tell(std::function<std::string()> metrics, std::function<std::string()> trouble) {
  metrics_ = std::move(metrics);
  trouble_ = std::move(trouble);
}

void BusDaemon::run() {
  if (signals_seen_ == 0) run_until_stopped(control_, [this] { return trouble().empty(); });
  page_.reset();
}

}  // namespace galileo::commands
