#include "experiment/fleet_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "bus/rpc.h"
#include "load/app_request.h"
#include "load/request_description.h"
#include "load/resource.h"
#include "net/loop.h"
#include "wire/json.h"

namespace galileo::experiment {
namespace {

// To take what there is, read it and make it ready; and for each so many bytes a second more.
constexpr Duration kTake = std::chrono::seconds{60};
constexpr std::uint64_t kTakenBytesPerSecond = std::uint64_t{2} << 20;
constexpr Duration kForget = std::chrono::seconds{3};
constexpr std::size_t kWorkersAtOnce = 16;

// What the worker's own limits would be otherwise.
load::Request bounded(const load::Request& request, const load::Limits& limits) {
  load::Request bounded = request;
  bounded.timeout = request.timeout.value_or(limits.request_timeout);
  if (!bounded.redirects_max) bounded.redirects_max = limits.redirects_max;
  return bounded;
}

Error file_is_gone(const std::string& path, const Error& error) {
  Error gone = error;
  gone.what = "can't send what requests are made of to the workers";
  if (gone.where.empty()) gone.where = path;
  return gone;
}

// A pipe has no size, and is found out about when it is read.
std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

bool has_labels_of(const load::ClientSpec& spec, const fleet::WorkerStatus& worker) {
  return std::all_of(spec.worker_labels.begin(), spec.worker_labels.end(), [&](const auto& label) {
    const auto found = worker.labels.find(label.first);
    return found != worker.labels.end() && found->second == label.second;
  });
}

std::string plain_name(const load::ClientSpec& spec) {
  return spec.name.substr(spec.name.find(':') + 1);
}

// What its requests have that an older worker doesn't know.
const char* kind_text(const load::Request& request) {
  const std::string& kind = request.source.kind;
  if (kind == "templates") return "templates";
  if (kind == "steps") return "steps";
  if (kind == "replay") return "replay";
  if (kind == "targets") return "targets";
  return request.checks.empty() ? "time-out and settings" : "checks";
}

}  // namespace

// Of an app the old wire has its name and parameters alone.
bool is_described(const load::ClientSpec& spec, const load::Limits& limits) {
  if (load::needs_description(spec.request)) return true;
  if (!load::has_app(spec.request)) return false;
  return spec.request.timeout || spec.request.ok || spec.request.traceparent ||
         !(spec.request.tls == load::TlsSettings{}) ||
         !(spec.request.http == load::HttpSettings{}) ||
         limits.request_timeout != load::Limits{}.request_timeout;
}

bool is_shared_out(const load::ClientSpec& spec) {
  return spec.request.source.kind == "replay";
}

std::uint64_t share_of_replay(const load::ClientSpec& spec, std::size_t index, std::size_t of) {
  const std::uint64_t all = std::min<std::uint64_t>(
      spec.requests.value_or(spec.arrival.recorded_s.size()), spec.arrival.recorded_s.size());
  return all / of + (index < all % of ? 1 : 0);
}

Result<void> FleetRequests::check(const std::vector<fleet::WorkerStatus>& workers) {
  std::set<std::string> known;
  std::uint64_t all = 0;
  for (const plan::Phase& phase : plan_.phases) {
    for (const load::ClientSpec& spec : phase.clients) {
      if (!is_described(spec, plan_.limits)) continue;
      for (const fleet::WorkerStatus& worker : workers) {
        if (!has_labels_of(spec, worker)) continue;
        const bool knows =
            worker.heartbeat && worker.heartbeat->requests >= load::kDescriptionVersion;
        if (!knows)
          return Error{ErrorCode::kUsage,
                       fmt::format("worker {} doesn't know the {} of client '{}'", worker.name,
                                   kind_text(spec.request), plain_name(spec)),
                       bus_.where(),
                       worker.heartbeat
                           ? fmt::format("it is of version {}", worker.heartbeat->version)
                           : "it is one of the old system",
                       "stop it, start it from this version, or give the client worker_labels "
                       "that it doesn't have"};
        workers_.insert(worker.name);
      }
      load::Request request = spec.request;
      TRY(load::each_content(request,
                             [&](const std::string& name, bool may_be_url) -> Result<std::string> {
                               if ((may_be_url && load::is_url(name)) || !known.insert(name).second)
                                 return name;
                               const std::uint64_t bytes = size_of(name);
                               TRY(fleet::check_content_size(bytes, all, name));
                               all += bytes;
                               return name;
                             }));
    }
  }
  return {};
}

// The name of its description on the shelf.
Result<std::string> FleetRequests::describe(const load::ClientSpec& spec,
                                            fleet::ContentShelf& shelf, wire::TakeRequests& take) {
  load::Request request = bounded(spec.request, plan_.limits);
  TRY(load::each_content(
      request, [&](const std::string& name, bool may_be_url) -> Result<std::string> {
        if (const auto known = contents_.find(name); known != contents_.end())
          return wire::content_reference(known->second.hash);
        const bool is_url = may_be_url && load::is_url(name);
        if (!is_url) TRY(fleet::check_content_size(size_of(name), 0, name));
        const auto bytes =
            is_url ? load::read_resource(name) : read_whole_file(name, wire::kContentMax);
        if (!bytes.ok()) return file_is_gone(name, bytes.error());
        const wire::ContentName content = TRY(shelf.put(*bytes, name));
        contents_[name] = content;
        const bool is_new = std::none_of(take.contents.begin(), take.contents.end(),
                                         [&](const auto& one) { return one.hash == content.hash; });
        if (is_new) take.contents.push_back(content);
        return wire::content_reference(content.hash);
      }));
  const wire::ContentName description = TRY(
      shelf.put(load::encode_description(request), fmt::format("client '{}'", plain_name(spec))));
  const bool is_new = std::none_of(take.descriptions.begin(), take.descriptions.end(),
                                   [&](const auto& one) { return one.hash == description.hash; });
  if (is_new) take.descriptions.push_back(description);
  return description.hash;
}

Result<void> FleetRequests::send() {
  if (sent_) return {};
  sent_ = true;
  fleet::ContentShelf shelf(bus_, run_);
  wire::TakeRequests take{run_, {}, {}};
  for (const plan::Phase& phase : plan_.phases) {
    for (const load::ClientSpec& spec : phase.clients) {
      if (is_described(spec, plan_.limits)) hashes_[&spec] = TRY(describe(spec, shelf, take));
    }
  }
  if (take.descriptions.empty()) return {};
  return give(take);
}

// To all workers at once: each takes its time.
Result<void> FleetRequests::give(const wire::TakeRequests& take) {
  std::uint64_t bytes = 0;
  for (const wire::ContentName& content : take.contents) bytes += content.bytes;
  const auto more = static_cast<std::int64_t>(bytes / kTakenBytesPerSecond);
  const std::vector<std::string> workers(workers_.begin(), workers_.end());
  std::vector<Result<std::string>> answers(workers.size(), Error{});
  std::vector<std::unique_ptr<net::LoopThread>> desks;
  std::vector<net::LoopThread*> threads;
  for (std::size_t i = 0; i < std::min(workers.size(), kWorkersAtOnce); ++i) {
    desks.push_back(std::make_unique<net::LoopThread>("give"));
    threads.push_back(desks.back().get());
  }
  net::call_all(threads, [&](std::size_t desk) {
    for (std::size_t i = desk; i < workers.size(); i += threads.size())
      answers[i] = bus::call(bus_, "Worker.take_requests:" + workers[i], "[" + encode(take) + "]",
                             kTake + std::chrono::seconds{more});
  });
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (!answers[i].ok()) {
      Error error = answers[i].error();
      error.what = fmt::format("worker {} can't make the clients' requests", workers[i]);
      return error;
    }
    // All say the same of the same files.
    if (i == 0) notes_ = TRY(wire::decode_notes(*answers[i]));
  }
  return {};
}

std::string FleetRequests::parameters_of(const load::ClientSpec& spec) const {
  const auto found = hashes_.find(&spec);
  return wire::parameters_of({run_, found == hashes_.end() ? std::string() : found->second});
}

// A worker that doesn't hear it forgets by itself.
void FleetRequests::forget() {
  if (!sent_ || hashes_.empty()) return;
  sent_ = false;
  for (const std::string& worker : workers_)
    static_cast<void>(bus::call(bus_, "Worker.forget_requests:" + worker,
                                "[" + wire::json_text(run_) + "]", kForget)
                          .ok());
}

}  // namespace galileo::experiment
