// The JSON object of a request's body: each key is taken once, by its type; what is left in the end
// is nothing that it may have. All that is wrong is kept and told in one answer. A value of one
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/problem_json.h"
#include "wire/json.h"

namespace galileo::service {

class RestBody {
 public:
  explicit RestBody(std::string_view text);
  // One that is inside of another, at `where`; faults of it are that one's.
  RestBody(wire::Json object, std::string where)
      : json_(std::move(object)), where_(std::move(where)) {}

  bool has(std::string_view key) const { return wire::find(json_, key) != nullptr; }
  std::string text(std::string_view key, bool is_required = false, std::size_t most = 4096);
  std::optional<double> number(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::vector<std::string> texts(std::string_view key, std::size_t most = 100);
  // The elements of an array of objects; empty where it isn't one, which is a fault.
  std::vector<RestBody> objects(std::string_view key, std::size_t most);
  void wrong(std::string_view key, std::string_view what);
  // What an inner one found wrong is this one's from now on.
  void add(RestBody& inner);

  // After all keys: what is wrong, 400 for what isn't JSON, else 422. Nothing: all is well.
  std::optional<RestAnswer> refusal();

 private:
  const wire::Json* take(std::string_view key);
  void find_strangers();

  wire::Json json_;
  std::string where_;
  std::vector<std::string> taken_;
  std::vector<ProblemDetail::Fault> faults_;
  std::string broken_;  // why it isn't JSON at all
};

}  // namespace galileo::service
