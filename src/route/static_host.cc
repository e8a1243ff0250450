// Everything goes to one URL, whatever the table says.
#include "route/router.h"
#include "wire/uri.h"

namespace galileo::route {
namespace {

class Static final : public Router {
 public:
  explicit Static(StaticHost where) : where_(std::move(where)) {}
  std::string path_of(std::string_view path) const override {
    return where_.prefix + std::string(path);
  }
  std::vector<std::string> destinations(const std::vector<Host>&) const override {
    return {where_.host};
  }
  bool uses_table() const override { return false; }

 private:
  const StaticHost where_;
};

}  // namespace

Result<StaticHost> parse_static_host(std::string_view url) {
  const wire::Uri uri = TRY(wire::parse_uri(url));
  std::string prefix = uri.path.substr(0, uri.path.find('?'));
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  return StaticHost{uri.route_host(), std::move(prefix)};
}

Result<std::unique_ptr<Router>> make_static_host(const RouterSpec& spec) {
  StaticHost where = TRY(parse_static_host(spec.static_host));
  return std::unique_ptr<Router>(std::make_unique<Static>(std::move(where)));
}

}  // namespace galileo::route
