// An API server for who may wait: over a loop of its own, which runs while somebody waits. For one
// thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kubernetes/api.h"
#include "net/loop.h"

namespace galileo::kubernetes {

class BlockingApi {
 public:
  // Asked every 50 ms while something is waited for; true ends it (kInterrupted).
  using Interrupted = std::function<bool()>;

  // Errors as Api::make().
  static Result<std::unique_ptr<BlockingApi>> make(const Access& access);

  // As Api::ask().
  Result<ApiAnswer> call(ApiRequest request, const Interrupted& interrupted = {});

  // All objects of a collection, page by page, each handed over as it comes. `each` asks nothing
  // here. Errors: refusal(), and as call(); what was told before holds.
  Result<void> list(const std::string& path, const std::string& label_selector,
                    const std::function<void(nlohmann::json&& object)>& each,
                    const Interrupted& interrupted = {});

  // Runs what lives on loop() until `done` says so, for who uses api() himself.
  Result<void> wait(const std::function<bool()>& done, const Interrupted& interrupted = {});
  Api& api() { return *api_; }
  const Access& access() const { return api_->access(); }

 private:
  BlockingApi() : look_([this](Time) { look(); }) {}
  void look();

  net::Loop loop_;
  std::unique_ptr<Api> api_;
  net::Timer look_;
  const std::function<bool()>* done_ = nullptr;  // of who waits
  const Interrupted* interrupted_ = nullptr;
  bool was_interrupted_ = false;
  Time used_{};
};

}  // namespace galileo::kubernetes
