// The service's name before the path, on a host of the table.
#include <fmt/format.h>

#include "route/router.h"

namespace galileo::route {
namespace {

class SymmetryService final : public Router {
 public:
  explicit SymmetryService(std::string service) : service_(std::move(service)) {}
  std::string path_of(std::string_view path) const override {
    return fmt::format("/{}{}", service_, path);
  }
  bool service_in_path() const override { return true; }

 private:
  const std::string service_;
};

}  // namespace

Result<std::unique_ptr<Router>> make_symmetry_service(const RouterSpec& spec) {
  return std::unique_ptr<Router>(std::make_unique<SymmetryService>(spec.service));
}

}  // namespace galileo::route
