// Templates in the requests of an experiment file, and the data that they take rows of
// (load/template_text.h). A part of file_clients.cc. One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "load/template_text.h"
#include "load/workload.h"
#include "plan/fields.h"
#include "plan/file.h"

namespace galileo::plan {

// What templates have of the world outside, by the reader of files.
load::TemplateMarks::Outside outside_of_templates(const FileOptions& options);

// The templates of one client: of its request, or of all its steps.
class ClientTemplates {
 public:
  ClientTemplates(Problems& problems, const FileOptions& options);

  // The map `request` with marks in place of its templates; `where` is its path. Problems are added
  // at the texts that are wrong.
  wire::YamlNode take(const wire::YamlNode& request, const std::string& where);
  // What the client's key `data` says, checked against the columns that templates name. True where
  // there are templates: then `source` has its parameters, and the kind is the caller's.
  bool finish(const Fields& client, load::SourceSpec& source);
  // Values of earlier answers that templates name, with the place of the first that does.
  const std::map<std::string, wire::YamlPlace>& values() const { return values_; }

 private:
  void take_text(wire::YamlNode& node, const std::string& where, load::Fit fit);
  void take_all(wire::YamlNode& node, const std::string& where, load::Fit fit);
  void read_data(const Fields& data, load::SourceSpec& source);
  void check_columns(const std::string& beginning, const std::string& path);

  Problems& problems_;
  const FileOptions& options_;
  load::TemplateMarks marks_;
  std::map<std::string, wire::YamlPlace> columns_;
  std::map<std::string, wire::YamlPlace> values_;
};

}  // namespace galileo::plan
