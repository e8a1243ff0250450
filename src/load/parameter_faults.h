// A client's parameters while they are read: the arguments (`kwargs`), and what is wrong with them.
// For the readers of their parts (request_parameters.cc, request_body.cc, request_identity.cc).
// Lives on one thread, as long as the reading.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/json_value.h"
#include "load/request_parameters.h"

namespace galileo::load {

// What Python takes for false: then an argument counts as not given.
bool is_falsy(const JsonValue& value);

// What kind of value it is, for a message: "'text'", "a list".
std::string kind_text(const JsonValue& value);

// True and false as they are, numbers as Python has them, and words: yes, no, on, off.
std::optional<bool> boolean_of(const JsonValue& value);

struct Arguments {
  const JsonValue* kwargs = nullptr;  // a map; null: there are none
  const JsonValue* ours = nullptr;    // more of them, which an old worker doesn't see

  // An argument that isn't null: one that may be false.
  const JsonValue* value_of(std::string_view name) const;
  // An argument that is given; false is as good as none.
  const JsonValue* argument(std::string_view name) const;
};

class ParameterFaults {
 public:
  using Path = std::vector<std::string>;

  void add(Path path, std::string subject, std::string why, std::string hint = {}) {
    faults_.push_back(
        {std::move(path), false, std::move(subject), std::move(why), std::move(hint)});
  }
  // About the path's last key; `why` is a whole sentence.
  void of_key(Path path, std::string why, std::string hint = {}) {
    faults_.push_back({std::move(path), true, {}, std::move(why), std::move(hint)});
  }
  // The argument of that name is wrong as a whole.
  void wrong(const char* name, std::string why, std::string hint = {});
  void wrong_type(const char* name, const JsonValue& value, std::string_view wanted);

  std::vector<RequestFault> take() { return std::move(faults_); }

 private:
  std::vector<RequestFault> faults_;
};

}  // namespace galileo::load
