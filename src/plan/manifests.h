// Objects of Kubernetes that a user gives as they are: the text of a manifest's file, as kubectl
// would read it, to values that say where each stood. What can be no manifest is told with its line
// before a server is asked; no message says what stands in a Secret. Pure functions and values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/yaml.h"

namespace galileo::plan {

struct Manifest {
  std::string file;  // as messages name it
  int line = 0;
  std::string group_version;  // "v1", "apps/v1"
  std::string kind;           // "Deployment"
  std::string name_space;     // empty: it says none
  std::string name;
  std::string json;  // all of it
  // What its pods say they are of: values of the label ether.edgerun.io/function.
  std::vector<std::string> functions;

  std::string where() const;  // "app.yaml:12"
};

// Several documents, and lists of objects, are the objects that are in them. What is wrong is added
// to `faults`; what comes back is used only where there was nothing.
std::vector<Manifest> parse_manifests(std::string_view text, const std::string& file,
                                      std::vector<wire::YamlFault>& faults);

// The object with *** for what must not be passed on: all that a Secret holds, and values that are
// credentials by their names, as of variables. What isn't JSON is left out whole.
std::string manifest_without_secrets(const std::string& json);
// The same of a server's answer about the object, which may quote it.
std::string without_secrets_of(const std::string& json, std::string text);

}  // namespace galileo::plan
