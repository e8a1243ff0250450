#include "load/data_use.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::load {

namespace {

std::string given(const DataUse::Parameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

}  // namespace

DataUse::DataUse(DataRows rows, const Parameters& parameters)
    : rows_(std::make_unique<const DataRows>(std::move(rows))),
      file_(given(parameters, parameters.contains("called") ? "called" : "data.file")),
      random_(given(parameters, "data.order") == "random"),
      stops_(given(parameters, "data.order") == "once" ||
             given(parameters, "data.at_end") == "stop") {}

Result<DataUse> DataUse::make(const Parameters& parameters) {
  const std::string file = given(parameters, "data.file");
  if (file.empty()) return DataUse();
  return DataUse(TRY(DataRows::read(file)), parameters);
}

bool DataUse::pick(std::uint64_t number, Random& draws, std::size_t& row) const {
  if (!rows_) return true;
  if (random_) {
    row = draws.below(rows_->size());
    return true;
  }
  row = number % rows_->size();
  return !stops_ || number < rows_->size();
}

std::string DataUse::name() const {
  return rows_ ? "data " + file_ : "templates";
}

std::string DataUse::used_up() const {
  return fmt::format("all {} rows are used", format_count(rows_->size()));
}

}  // namespace galileo::load
