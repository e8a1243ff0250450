#include "commands/standalone.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "bus/in_process.h"
#include "commands/worker_options.h"

namespace galileo::commands {

Result<std::unique_ptr<Standalone>> Standalone::start() {
  std::unique_ptr<Standalone> alone(new Standalone());
  std::error_code nowhere;
  std::string folder = std::filesystem::temp_directory_path(nowhere) / "galileo-standalone-XXXXXX";
  if (!mkdtemp(folder.data()))
    return system_error("can't make a folder for the worker's traces", folder, errno);
  alone->spool_folder_ = folder;
  WorkerFlags flags;
  flags.trace_logging = "redis";  // on its bus, whatever that is
  flags.spool_folder = folder;
  auto options = TRY(worker_options(flags));
  alone->bus_ = bus::make_in_process();
  alone->control_ = std::make_unique<net::LoopThread>("worker");
  std::optional<Result<void>> started;
  alone->control_->call([&] {
    auto worker = fleet::Worker::make(alone->control_->loop(), *alone->bus_, std::move(options));
    if (!worker.ok()) {
      started = worker.error();
      return;
    }
    alone->worker_ = std::move(*worker);
    started = alone->worker_->start();
    alone->runs_ = started->ok();
  });
  TRY(std::move(*started));
  return alone;
}

void Standalone::end_worker() {
  // Its loop is this thread's from here on, which runs it until the worker has ended.
  if (control_) control_->join();
  if (std::exchange(runs_, false))
    worker_->stop(std::chrono::milliseconds{500}, std::chrono::seconds{1});
  worker_.reset();
}

Standalone::~Standalone() {
  end_worker();
  bus_.reset();
  std::error_code ignored;
  if (!spool_folder_.empty()) std::filesystem::remove_all(spool_folder_, ignored);
}

}  // namespace galileo::commands
