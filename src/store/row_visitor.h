// Visits rows as they are read, one a call: anything that can be called with one. Where that
// gives a bool, the first false ends the reading, which is no failure.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

namespace galileo::store {

template <class Row>
class RowVisitor {
 public:
  template <class F>
    requires std::is_invocable_v<F&, const Row&>
  RowVisitor(F f) {  // NOLINT(google-explicit-constructor): a lambda is one
    if constexpr (std::is_void_v<std::invoke_result_t<F&, const Row&>>)
      take_ = [f = std::move(f)](const Row& row) mutable {
        f(row);
        return true;
      };
    else
      take_ = std::move(f);
  }

  // Whether it takes more.
  bool operator()(const Row& row) const { return take_(row); }

 private:
  std::function<bool(const Row&)> take_;
};

}  // namespace galileo::store
