// How fast a spool is written and drained into a database, and how much memory that takes, for
// docs/performance.md: `bench_drain FOLDER [TRACES [DATABASE]]` makes a spool of that many traces
// in FOLDER (3 million where no number is given), drains it, counts what arrived, prints one JSON
// object and removes the spool. Without a DATABASE that is an SQLite file there, removed too; one
// that is named keeps the experiment. CPU is user and system time of the whole process.
#include "store/drain.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

using namespace galileo;

namespace {

constexpr const char* kId = "202611241200-be9c";

struct Use {
  double cpu_s = 0;
  double rss_max_mib = 0;
};

Use use_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss) / 1024};
}

template <class T>
T must(Result<T>&& result) {
  if (!result.ok()) {
    fmt::print(stderr, "bench_drain: {}\n", result.error().to_text());
    std::exit(1);
  }
  return galileo::internal::take(std::move(result));
}

// As a run of 50,000 requests a second over three clients leaves it, with some samples between.
void make_spool(const std::string& path, std::uint64_t traces) {
  auto spool = must(store::SpoolWriter::create(path));
  wire::Experiment experiment;
  experiment.id = kId;
  experiment.name = "bench";
  experiment.status = wire::kFinished;
  experiment.created = experiment.start = experiment.end =
      Wall{std::chrono::seconds{1'795'500'000}};
  spool->experiment(experiment, "{}");
  const char* names[] = {"",
                         "worker-1:hello:1",
                         "worker-1:hello:2",
                         "worker-1:hello:3",
                         "b1946ac924",
                         "591785b794",
                         "6f5902ac23",
                         "hello",
                         "127.0.0.1:8080",
                         "phase 1"};
  wire::NameId id = 0;
  for (const char* name : names) spool->name(0, id++, name);
  wire::Trace trace;
  trace.service = 7;
  trace.server = 8;
  trace.phase = 9;
  trace.status = 200;
  trace.request_bytes = 85;
  trace.response_bytes = 230;
  for (std::uint64_t i = 0; i < traces; ++i) {
    trace.client = static_cast<wire::NameId>(1 + i % 3);
    trace.id_prefix = static_cast<wire::NameId>(4 + i % 3);
    trace.number = 1 + i / 3;
    trace.created = experiment.start + Duration{static_cast<std::int64_t>(i) * 20'000};
    trace.dispatched = trace.created + Duration{4'000};
    trace.sent = trace.created + Duration{9'000};
    trace.first_byte = trace.created + Duration{static_cast<std::int64_t>(150'000 + i % 977)};
    trace.done = trace.first_byte + Duration{2'000};
    spool->trace(0, trace);
    if (i % 1000 == 999) {
      spool->sample({trace.done, "node", "cpu", "", 12.5});
      must(spool->flush());
    }
  }
  spool->end(experiment, "{}");
  must(spool->close());
}

double bytes_of(const std::string& path) {
  std::error_code none;  // a server's
  const auto size = std::filesystem::file_size(path, none);
  return none ? 0 : static_cast<double>(size);
}

int run(const std::string& folder, std::uint64_t traces, const std::string& database) {
  const std::string spool_path = folder + "/bench.spool";
  const std::string database_path = database.empty() ? folder + "/bench.sqlite" : database;
  const auto clean = [&] {
    std::filesystem::remove(spool_path);
    if (!database.empty()) return;
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(database_path + end);
  };
  clean();
  const Use at_start = use_now();
  make_spool(spool_path, traces);
  const Use spooled = use_now();
  const auto began = std::chrono::steady_clock::now();
  {
    auto store = must(store::open_store(database_path, store::OpenMode::kCreate));
    auto drain = must(store::Drain::open(spool_path, *store));
    while (must(drain->step())) {
    }
    ENSURE(drain->ended() && drain->traces() == traces, drain->traces());
  }
  const Use drained = use_now();
  const std::chrono::duration<double> drain_wall = std::chrono::steady_clock::now() - began;
  const double drain_s = drained.cpu_s - spooled.cpu_s;
  auto store = must(store::open_store(database_path, store::OpenMode::kExisting));
  const store::StoredRows counts = must(store->counts(kId));
  ENSURE(counts.traces == traces, counts.traces);
  const auto rows = static_cast<double>(traces);
  fmt::print(
      "{{\"traces\": {}, \"spool_ns_per_trace\": {:.1f}, \"spool_bytes_per_trace\": {:.1f}, "
      "\"drain_cpu_s\": {:.3f}, "
      "\"drain_wall_s\": {:.3f}, \"drain_rows_per_cpu_s\": {:.0f}, \"drain_extra_mib\": {:.1f}, "
      "\"database_bytes_per_trace\": {:.1f}, \"count_cpu_s\": {:.3f}}}\n",
      traces, (spooled.cpu_s - at_start.cpu_s) / rows * 1e9,
      static_cast<double>(std::filesystem::file_size(spool_path)) / rows, drain_s,
      drain_wall.count(), rows / drain_s, drained.rss_max_mib - spooled.rss_max_mib,
      bytes_of(database_path) / rows, use_now().cpu_s - drained.cpu_s);
  clean();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_drain FOLDER [TRACES [DATABASE]]\n");
    return 2;
  }
  const std::uint64_t traces = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 3'000'000;
  return run(argv[1], traces, argc > 3 ? argv[3] : "");
}
