#include "load/request_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "load/multipart.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using Kind = JsonValue::Kind;
using Path = ParameterFaults::Path;
using wire::http1::is_header_value;
using wire::http1::is_token;

// One form, or the parts of one.
class BodyReader {
 public:
  explicit BodyReader(ParameterFaults& faults) : faults_(faults) {}
  std::string form(const char* name, const JsonValue& value);
  void read_multipart(const JsonValue& files, const JsonValue* data, Request& request);

 private:
  void add_values(std::string& out, const char* name, const Path& path, const std::string& key,
                  const JsonValue& value);
  void add_value(std::string& out, const char* name, Path path, const std::string& key,
                 const JsonValue& value);
  void add_fields(std::vector<Part>& parts, const JsonValue& data);
  void add_file(std::vector<Part>& parts, const Path& path, const JsonValue& name,
                const JsonValue& file);
  void add_file_headers(Part& part, const Path& path, const JsonValue& headers);

  ParameterFaults& faults_;
};

std::string BodyReader::form(const char* name, const JsonValue& value) {
  std::string out;
  for (std::size_t i = 0; i < value.keys.size(); ++i)
    add_values(out, name, {"kwargs", name, value.keys[i]}, value.keys[i], value.items[i]);
  if (value.kind != Kind::kList) return out;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const JsonValue& pair = value.items[i];
    const Path path{"kwargs", name, std::to_string(i)};
    if (pair.kind == Kind::kList && pair.items.size() == 2 && pair.items[0].is_scalar() &&
        pair.items[0].kind != Kind::kNull) {
      Path of_value = path;
      of_value.emplace_back("1");
      add_values(out, name, of_value, to_python_text(pair.items[0]), pair.items[1]);
    } else {
      faults_.add(
          path, fmt::format("kwargs.{}", name),
          fmt::format("must be a map, or a list of pairs [name, value], not {}", kind_text(pair)));
    }
  }
  return out;
}

void BodyReader::add_values(std::string& out, const char* name, const Path& path,
                            const std::string& key, const JsonValue& value) {
  if (value.kind != Kind::kList) return add_value(out, name, path, key, value);
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    Path of_item = path;
    of_item.push_back(std::to_string(i));
    add_value(out, name, std::move(of_item), key, value.items[i]);
  }
}

void BodyReader::add_value(std::string& out, const char* name, Path path, const std::string& key,
                           const JsonValue& value) {
  if (value.kind == Kind::kNull) return;
  if (!value.is_scalar())
    return faults_.add(std::move(path), fmt::format("kwargs.{}.{}", name, key),
                       fmt::format("must be a text or a list of texts, not {}", kind_text(value)));
  if (!out.empty()) out += '&';
  out += wire::encode_query(key) + "=" + wire::encode_query(to_python_text(value));
}

// Files as a form sends them: a map of names, or a list of pairs, each with a text or
// [file name, text, content type, headers]; fields of `data` come before them. JSON is none then.
void BodyReader::read_multipart(const JsonValue& files, const JsonValue* data, Request& request) {
  std::vector<Part> parts;
  if (data) add_fields(parts, *data);
  JsonValue name;
  name.kind = Kind::kText;
  for (std::size_t i = 0; i < files.keys.size(); ++i) {
    name.text = files.keys[i];
    add_file(parts, {"kwargs", "files", name.text}, name, files.items[i]);
  }
  if (files.kind == Kind::kList) {
    for (std::size_t i = 0; i < files.items.size(); ++i) {
      const JsonValue& pair = files.items[i];
      const Path path{"kwargs", "files", std::to_string(i)};
      if (pair.kind == Kind::kList && pair.items.size() == 2 && pair.items[0].is_scalar())
        add_file(parts, path, pair.items[0], pair.items[1]);
      else
        faults_.add(path, "kwargs.files", "must be a map, or a list of pairs [name, file]");
    }
  } else if (files.kind != Kind::kMap) {
    faults_.wrong_type("files", files, "a map of names and files");
  }
  Multipart made = make_multipart(parts);
  request.body = std::move(made.body);
  request.has_body = true;
  if (!has_header(request, "content-type"))
    request.headers.emplace_back("Content-Type", std::move(made.content_type));
}

void BodyReader::add_fields(std::vector<Part>& parts, const JsonValue& data) {
  const auto add = [&](const JsonValue& value, const std::string& name) {
    const std::vector<JsonValue> one{value};
    for (const JsonValue& item : value.kind == Kind::kList ? value.items : one) {
      if (item.kind == Kind::kNull) continue;
      if (!item.is_scalar())
        faults_.wrong("data", fmt::format("has no text at '{}', but {}", name, kind_text(item)));
      parts.push_back({name, std::nullopt, to_python_text(item), {}});
    }
  };
  for (std::size_t i = 0; i < data.keys.size(); ++i) add(data.items[i], data.keys[i]);
  if (data.kind == Kind::kMap) return;
  for (const JsonValue& pair : data.items) {
    if (pair.kind != Kind::kList || pair.items.size() != 2 || !pair.items[0].is_scalar())
      return faults_.wrong("data", "must be a map, or a list of pairs [name, value]");
    add(pair.items[1], to_python_text(pair.items[0]));
  }
  if (data.is_scalar())
    faults_.wrong("data", "must be a map beside files, not a text",
                  "put its fields as names and values");
}

void BodyReader::add_file(std::vector<Part>& parts, const Path& path, const JsonValue& name,
                          const JsonValue& file) {
  const std::string subject = fmt::format("kwargs.files.{}", to_python_text(name));
  Part part;
  part.name = to_python_text(name);
  part.file_name = part.name;
  if (file.is_scalar()) {
    part.content = to_python_text(file);
    if (file.kind != Kind::kNull) parts.push_back(std::move(part));
    return;
  }
  const std::vector<JsonValue>& items = file.items;
  if (file.kind != Kind::kList || items.size() < 2 || items.size() > 4 || !items[0].is_scalar() ||
      !items[1].is_scalar())
    return faults_.add(path, subject, "must be a text or [file name, text, content type]");
  part.file_name.reset();
  if (items[0].kind != Kind::kNull) part.file_name = to_python_text(items[0]);
  part.content = to_python_text(items[1]);
  if (items.size() > 2 && !is_falsy(items[2])) {
    const std::string type = to_python_text(items[2]);
    if (!items[2].is_scalar() || !is_header_value(type))
      faults_.add(path, subject, "has a content type that is none");
    part.headers.emplace_back("Content-Type", type);
  }
  if (items.size() > 3 && !is_falsy(items[3])) add_file_headers(part, path, items[3]);
  if (items[1].kind != Kind::kNull) parts.push_back(std::move(part));
}

void BodyReader::add_file_headers(Part& part, const Path& path, const JsonValue& headers) {
  const std::string subject = fmt::format("kwargs.files.{}", part.name);
  if (headers.kind != Kind::kMap) return faults_.add(path, subject, "has headers that are no map");
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    const std::string value = to_python_text(headers.items[i]);
    if (!is_token(headers.keys[i]) || !headers.items[i].is_scalar() || !is_header_value(value))
      faults_.add(path, subject, fmt::format("has a header '{}' that is none", headers.keys[i]));
    part.headers.emplace_back(headers.keys[i], value);
  }
}

}  // namespace

bool has_header(const Request& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
    return wire::http1::equals_ignoring_case(header.first, name);
  });
}

std::string form_text(const char* name, const JsonValue& value, ParameterFaults& faults) {
  return BodyReader(faults).form(name, value);
}

// Data wins over JSON, as it did; data that is empty is none.
void read_body(const Arguments& arguments, Request& request, ParameterFaults& faults) {
  BodyReader reader(faults);
  const JsonValue* data = arguments.argument("data");
  if (data && is_falsy(*data)) data = nullptr;
  if (const JsonValue* files = arguments.argument("files"); files && !is_falsy(*files))
    return reader.read_multipart(*files, data, request);
  const JsonValue* json = data ? nullptr : arguments.value_of("json");
  const char* type = nullptr;
  if (data && data->is_scalar()) {
    request.body = to_python_text(*data);
  } else if (data) {
    request.body = reader.form("data", *data);
    type = "application/x-www-form-urlencoded";
  } else if (json) {
    request.body = to_python_json(*json);
    type = "application/json";
  }
  if (type && !has_header(request, "content-type"))
    request.headers.emplace_back("Content-Type", type);
  request.has_body = data || json || (request.method != "GET" && request.method != "HEAD");
}

}  // namespace galileo::load
