// What the flags of `galileo load` say, as the experiment file would say it: one reader for both
// (plan/file.h), so that what is refused there is refused here, in the same words. A value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/yaml.h"

namespace galileo::commands {

class LoadDocument {
 public:
  // Sets the value at a path of keys, "client/request/method": `client` is the one client's map,
  // which the document has in its list. `flag`: what the value is called in a message. An empty
  // value isn't set.
  void set(std::string_view path, std::string_view value, const std::string& flag);
  // One more item of the list at that path.
  void add(std::string_view path, std::string_view value, const std::string& flag);
  // One more threshold, which ends the run once it can't be met.
  void add_abort(std::string_view expression, std::string_view lasting, const std::string& flag);
  // One more header; their names may be there several times.
  void add_header(std::string_view name, std::string_view value);

  wire::YamlNode document() const;
  const std::vector<std::string>& flags() const { return flags_; }

 private:
  using Node = wire::YamlNode;
  Node scalar(std::string_view value, const std::string& flag);
  static Node& at(Node& node, std::string_view path);

  Node file_;
  Node client_;
  std::vector<std::string> flags_;
};

}  // namespace galileo::commands
