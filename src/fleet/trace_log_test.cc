#include "fleet/trace_log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/test_fixture.h"

using namespace galileo;

TEST_CASE("a ring has room for traces with the longest response and headers") {
  struct LastResponse final : load::TraceVisitor {
    void on_name(wire::NameId, std::string_view) override {}
    void on_trace(const wire::Trace& trace) override { bytes = trace.response.size(); }
    std::size_t bytes = 0;
  };
  for (const std::size_t response : {0u, 65'536u, 1u << 20, 4u << 20}) {
    CAPTURE(response);
    load::TraceRing ring(fleet::TraceLog::ring_bytes(response));
    const std::string body(response, 'x');
    const std::string headers(400'000, 'h');
    wire::Trace trace;
    trace.response = body;
    trace.headers = headers;
    LastResponse last;
    for (int i = 0; i < 3; ++i) {
      ring.put(trace);
      ring.drain(last);
      CHECK(last.bytes == response);
    }
    CHECK(ring.lost() == 0);
  }
}

TEST_CASE(
    "what an earlier process left comes before what this one writes, whatever their names are") {
  const TestFolder folder;
  for (const char* name : {"w-11111111-000002.spool", "w-11111111-000001.spool",
                           "w-99999999-000001.spool", "w-00000000-000001.spool",
                           "w-00000000-000001.spool.published", "w-x-00000000-000001.spool"})
    folder.write(name, "x");
  std::vector<std::string> names;
  for (const std::string& path : fleet::spool_segments(folder.path(), "w", "11111111"))
    names.push_back(std::filesystem::path(path).filename().string());
  CHECK(names == std::vector<std::string>{"w-00000000-000001.spool", "w-99999999-000001.spool",
                                          "w-11111111-000001.spool", "w-11111111-000002.spool"});
}

TEST_CASE("no burst of traces takes more disk than is allowed, and each is written or counted") {
  const TestFolder folder;
  fleet::TraceLog::Options options;
  options.worker = "w";
  options.boot = "11111111";
  options.folder = folder.path();
  options.bytes_max = 4 << 20;
  auto log = std::move(*fleet::TraceLog::open(options));
  log->start();
  log->assign("run", {"w:app:0"});
  load::TraceSink& sink = log->sink(0);
  wire::Trace trace;
  trace.client = sink.name("w:app:0");
  const std::string response(4000, 'x');
  trace.response = response;
  wire::RunReport report;
  report.run = "run";
  std::uint64_t made = 0;
  for (int burst = 0; burst < 100; ++burst) {
    for (int i = 0; i < 100; ++i, ++made) sink.put(trace);
    net::pause_thread(std::chrono::milliseconds{2});  // another segment meanwhile
  }
  log->fill(report, false);
  CHECK(log->traces_written() > 500);
  CHECK(log->traces_written() + report.traces_lost == made);
  for (int i = 0; i < 1000 && log->trouble().empty(); ++i)
    net::pause_thread(std::chrono::milliseconds{10});
  CHECK(log->trouble().find("--spool-max") != std::string::npos);
  log->stop();
  std::uint64_t used = 0;
  for (const std::string& path : fleet::spool_segments(folder.path(), "w", "11111111"))
    used += (*open_file(path, FileMode::kRead))->disk_use().value_or(0);
  CHECK(used <= options.bytes_max);
}
