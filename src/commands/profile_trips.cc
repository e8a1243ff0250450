#include "commands/profile_trips.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>

#include "base/file.h"
#include "base/output.h"
#include "commands/exit_codes.h"
#include "load/trips.h"
#include "wire/json.h"
#include "wire/pickle.h"

namespace galileo::commands {
namespace {

constexpr std::size_t kTopologyMax = std::size_t{256} << 20;
constexpr std::size_t kTripPiece = std::size_t{1} << 20;

Error in_file(const char* what, const std::string& path, Error error) {
  if (!error.what.empty()) return error;
  error.what = what;
  error.where = error.where.empty() ? path : fmt::format("{}, {}", path, error.where);
  return error;
}

Result<std::int64_t> trip_time(const char* flag, const std::string& text, std::int64_t otherwise) {
  if (text.empty()) return otherwise;
  auto time = load::parse_trip_time(text);
  if (time.ok()) return time;
  Error error = time.error();
  error.what = "wrong time";
  error.where = flag;
  return error;
}

Result<void> read_trips(const std::string& path, load::Trips& trips) {
  const auto file = TRY(open_file(path, FileMode::kRead));
  std::string piece(kTripPiece, '\0');
  std::uint64_t at = 0;
  while (const std::size_t size = TRY(file->read_at(at, piece.data(), piece.size()))) {
    at += size;
    TRY(trips.take(std::string_view(piece).substr(0, size)));
  }
  return trips.finish();
}

}  // namespace

Result<int> write_profiles_of_trips(const TripFlags& flags) {
  using Limits = std::numeric_limits<std::int64_t>;
  const std::int64_t begins_us = TRY(trip_time("--start", flags.start, Limits::min()));
  const std::int64_t ends_us = TRY(trip_time("--end", flags.end, Limits::max()));
  auto cells = load::parse_topology(TRY(read_input(flags.topology, kTopologyMax)));
  if (!cells.ok()) return in_file("can't read the topology", flags.topology, cells.error());
  load::Trips trips(std::move(*cells), begins_us, ends_us);
  const auto read = read_trips(flags.trips, trips);
  if (!read.ok()) return in_file("can't read the trips", flags.trips, read.error());
  TRY(make_folders(flags.folder));
  for (const auto& [cloudlet, gaps_s] : trips.gaps()) {
    const std::string path =
        (std::filesystem::path(flags.folder) / (cloudlet + "_pickups")).string();
    std::string text;
    for (const double gap_s : gaps_s) text += wire::json_real(gap_s) + "\n";
    TRY(write_document(path + ".csv", text));
    TRY(write_document(path + ".pkl", wire::to_pickle(gaps_s)));
    print_data(fmt::format("{0}.csv\n{0}.pkl\n", path));
  }
  return kFine;
}

}  // namespace galileo::commands
