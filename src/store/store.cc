#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "store/drain.h"
#include "store/recover.h"

namespace galileo::store {

std::string to_text(const RefusedRows& refused) {
  return fmt::format("the database refused {} traces and {} other rows for good; the log tells why",
                     format_count(refused.traces), format_count(refused.others));
}

namespace {

// Drivers that this build does without, with blanks around each (cmake/stores.cmake).
#ifndef GALILEO_STORES_LEFT_OUT
#define GALILEO_STORES_LEFT_OUT ""
#endif

constexpr bool is_built_in(std::string_view driver) {
  std::string_view left_out = GALILEO_STORES_LEFT_OUT;
  while (!left_out.empty()) {
    const std::size_t end = std::min(left_out.find(' '), left_out.size());
    if (left_out.substr(0, end) == driver) return false;
    left_out.remove_prefix(std::min(end + 1, left_out.size()));
  }
  return true;
}

std::string known_schemes() {
  std::string schemes;
  for (const DriverRow& row : driver_rows()) schemes += fmt::format(" {}", row.scheme);
  return schemes;
}

// The URL isn't shown: there may be a password in it.
[[maybe_unused]] Error not_built_in(std::string_view driver, std::string_view scheme) {
  const std::string schemes = known_schemes();
  return {ErrorCode::kUsage, "can't use the database", std::string(scheme),
          fmt::format("this galileo was built without {}", driver),
          fmt::format("build it with -DGALILEO_STORES=all{}",
                      schemes.empty() ? ", or keep spools alone with --db none"
                                      : ", or name one of" + schemes)};
}

}  // namespace

const std::vector<DriverRow>& driver_rows() {
  static const std::vector<DriverRow> rows = [] {
    std::vector<DriverRow> built_in;
#define DRIVER(name, scheme, what, libraries, text) \
  if (is_built_in(#name)) built_in.push_back({#name, scheme, DatabaseIs::what, text});
#include "store/drivers.def"
#undef DRIVER
    return built_in;
  }();
  return rows;
}

// What isn't built in isn't named in code that is: it need not be there when the program is linked.
Result<std::unique_ptr<Store>> open_temporary(const std::string& name) {
  if constexpr (is_built_in("sqlite"))
    return open_temporary_sqlite(name);
  else
    return not_built_in("sqlite", name);
}

Result<std::unique_ptr<Store>> open_store(const std::string& where, OpenMode mode) {
  if (mode == OpenMode::kCreate && std::filesystem::path(where).extension() == ".spool")
    return Error{ErrorCode::kUsage, "can't keep experiments there", where, "it is a spool's name",
                 "name a database with --db, and the spool's folder with --spool"};
  if (is_spool(where)) {
    auto store = TRY(open_temporary(where));
    // While its run is on there may be half a record at the end, and it hasn't failed.
    if (!is_being_written(where)) {
      TRY(take_whole(where, *store));
      return store;
    }
    const auto drain = TRY(Drain::open(where, *store));
    while (TRY(drain->step())) {
    }
    return store;
  }
#define DRIVER(name, scheme, what, libraries, text)               \
  if (where.starts_with(scheme)) {                                \
    if constexpr (is_built_in(#name))                             \
      return open_##name(where.substr(sizeof(scheme) - 1), mode); \
    else                                                          \
      return not_built_in(#name, scheme);                         \
  }
#include "store/drivers.def"
#undef DRIVER
  if (where.find("://") != std::string::npos)
    return Error{ErrorCode::kUsage,
                 "unknown kind of database",
                 where,
                 {},
                 "use a path, which is SQLite's, or one of" + known_schemes()};
  // In a path that begins so, both are one; in a URL they would be no part of the path.
  const std::size_t slashes = std::min(where.find_first_not_of('/'), where.size());
  const std::string path = slashes > 1 ? where.substr(slashes - 1) : where;
  if constexpr (is_built_in("sqlite"))
    return open_sqlite(path, mode);
  else
    return not_built_in("sqlite", path);
}

}  // namespace galileo::store
