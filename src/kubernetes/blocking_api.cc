#include "kubernetes/blocking_api.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/check.h"
#include "kubernetes/listing.h"

namespace galileo::kubernetes {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds{50};
// The server closes those that were idle for 90 s, and something on the way may forget them sooner.
constexpr Duration kIdleMax = std::chrono::seconds{20};

}  // namespace

Result<std::unique_ptr<BlockingApi>> BlockingApi::make(const Access& access) {
  std::unique_ptr<BlockingApi> made(new BlockingApi);
  made->api_ = TRY(Api::make(made->loop_, access));
  return made;
}

void BlockingApi::look() {
  was_interrupted_ = *interrupted_ && (*interrupted_)();
  if (was_interrupted_ || (*done_)()) return loop_.stop();
  loop_.timers().set(look_, loop_.clock().now() + kLookEvery);
}

Result<void> BlockingApi::wait(const std::function<bool()>& done, const Interrupted& interrupted) {
  ENSURE(!done_);
  done_ = &done;
  interrupted_ = &interrupted;
  was_interrupted_ = false;
  loop_.timers().set(look_, loop_.clock().now());
  do {
    loop_.run();  // an earlier stop() may end it
  } while (!was_interrupted_ && !done());
  loop_.timers().cancel(look_);
  done_ = nullptr;
  used_ = loop_.clock().now();
  if (!was_interrupted_) return {};
  return Error{ErrorCode::kInterrupted,
               "the API server isn't waited for any longer",
               access().server(),
               "it was interrupted",
               {}};
}

Result<ApiAnswer> BlockingApi::call(ApiRequest request, const Interrupted& interrupted) {
  const Time now = loop_.clock().now();
  if (now - std::exchange(used_, now) > kIdleMax) api_->close_idle();
  loop_.run_pending();  // what was closed meanwhile is noticed
  std::optional<Result<ApiAnswer>> answer;
  const std::uint64_t number = api_->ask(std::move(request), [&](Result<ApiAnswer> came) {
    answer = std::move(came);
    loop_.stop();
  });
  auto waited = wait([&] { return answer.has_value(); }, interrupted);
  if (answer) return std::move(*answer);
  api_->drop(number);
  return waited.error();
}

Result<void> BlockingApi::list(const std::string& path, const std::string& label_selector,
                               const std::function<void(nlohmann::json&& object)>& each,
                               const Interrupted& interrupted) {
  const Time now = loop_.clock().now();
  if (now - std::exchange(used_, now) > kIdleMax) api_->close_idle();
  loop_.run_pending();
  std::optional<Result<Listing::End>> end;
  Listing listing(*api_, path, label_selector, {},
                  {[&](nlohmann::json&& object) { each(std::move(object)); },
                   [&](Result<Listing::End> came) {
                     end = std::move(came);
                     loop_.stop();
                   }});
  listing.start();
  TRY(wait([&] { return end.has_value(); }, interrupted));
  if (!end->ok()) return end->error();
  if ((*end)->skipped == 0) return {};
  return Error{ErrorCode::kCorrupt,
               "not all objects can be read",
               path,
               std::to_string((*end)->skipped) + " of them are larger than 4 MiB",
               {}};
}

}  // namespace galileo::kubernetes
