#include "commands/json_output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/output.h"

namespace galileo::commands {

void print_json(const nlohmann::ordered_json& json) {
  print_data(fmt::format(
      "{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
}

}  // namespace galileo::commands
