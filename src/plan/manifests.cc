#include "plan/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/secrets.h"
#include "kubernetes/names.h"
#include "kubernetes/objects.h"

namespace galileo::plan {
namespace {

using Json = nlohmann::json;
using wire::YamlFault;
using wire::YamlNode;

// Schemas of custom resources have two levels for each of the resource's.
constexpr std::size_t kLevels = 100;
constexpr std::size_t kObjectsMax = 1000;
constexpr const char* kFunctionKey = "ether.edgerun.io/function";
constexpr const char* kRunKey = "galileo.edgerun.io/experiment";
constexpr const char* kHidden = "***";
constexpr const char* kRender = "render it first: helm template, or kubectl kustomize";

bool is_text(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar &&
         (node.quoted || wire::kubernetes_scalar(node).starts_with('"'));
}

bool has_braces(std::string_view text) {
  return text.find("{{") != std::string_view::npos;
}

// Where the first "{{" is: what is no YAML since it waits to be rendered.
wire::YamlPlace place_of_braces(std::string_view text) {
  const std::string_view before = text.substr(0, text.find("{{"));
  const auto lines = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line = before.rfind('\n');
  return {lines + 1, static_cast<int>(before.size() - (line + 1)) + 1, -1};
}

const YamlNode* at(const YamlNode& node, std::initializer_list<std::string_view> keys) {
  const YamlNode* found = &node;
  for (const std::string_view key : keys) {
    found = found->find(key);
    if (!found) return nullptr;
  }
  return found;
}

// One file's.
class ManifestReader {
 public:
  ManifestReader(const std::string& file, std::vector<YamlFault>& faults)
      : file_(file), faults_(faults) {}

  // An object, or a list of them.
  void read(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kMap)
      return fault(node.place, "a manifest is a map with apiVersion and kind, not a text or list");
    const YamlNode* const kind = node.find("kind");
    if (!kind || !is_text(*kind)) return fault_no_kind(node);
    const YamlNode* const items = node.find("items");
    if (kind->scalar.ends_with("List") && items) {
      if (items->kind != YamlNode::Kind::kList && items->kind != YamlNode::Kind::kNull)
        return fault(items->place, fmt::format("items of a {} must be a list", kind->scalar));
      for (const YamlNode& item : items->items) read(item);
      return;
    }
    read_object(node, *kind);
  }

  std::vector<Manifest> take() { return std::move(manifests_); }

 private:
  void fault(const wire::YamlPlace& place, std::string why, std::string hint = {}) {
    faults_.push_back({place, std::move(why), std::move(hint)});
  }

  void fault_no_kind(const YamlNode& node) {
    std::string hint = "write apiVersion: apps/v1 and kind: Deployment";
    if (node.find("resources") || node.find("configMapGenerator"))
      hint = "it looks like kustomize's: kubectl kustomize FOLDER > rendered.yaml";
    else if (node.find("clients") || node.find("phases"))
      hint = "it looks like an experiment file: give manifests a folder of their own";
    else if (node.find("version") && node.find("name"))
      hint = "it looks like a Helm chart: helm template FOLDER > rendered.yaml";
    fault(node.place, "kind is missing", hint);
  }

  void read_object(const YamlNode& node, const YamlNode& kind) {
    Manifest manifest{file_, node.place.line, {}, kind.scalar, {}, {}, {}, {}};
    if (manifest.kind.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789") != std::string::npos ||
        manifest.kind.empty())
      return fault(kind.place, fmt::format("'{}' can be no kind", manifest.kind),
                   has_braces(manifest.kind) ? kRender : "");
    const std::size_t before = faults_.size();
    read_group(node, manifest);
    read_names(node, manifest);
    if (manifest.kind == "Kustomization" || manifest.kind == "Component")
      fault(kind.place, fmt::format("a {} isn't an object of the cluster", manifest.kind),
            "kubectl kustomize FOLDER > rendered.yaml");
    if (manifest.kind == "Secret") check_secret(node);
    check_images(node);
    read_labels(node, manifest);
    if (faults_.size() != before) return;
    if (manifests_.size() >= kObjectsMax)
      return fault(node.place, fmt::format("there are more than {} objects", kObjectsMax));
    manifest.json = wire::yaml_to_json(node, &wire::kubernetes_scalar);
    manifests_.push_back(std::move(manifest));
  }

  void read_group(const YamlNode& node, Manifest& manifest) {
    const YamlNode* const version = node.find("apiVersion");
    if (!version || !is_text(*version))
      return fault(node.place, fmt::format("apiVersion of the {} is missing", manifest.kind),
                   "write apiVersion: v1, or apps/v1");
    manifest.group_version = version->scalar;
    const std::size_t slash = manifest.group_version.find('/');
    const std::string group =
        slash == std::string::npos ? "core" : version->scalar.substr(0, slash);
    const std::string number = version->scalar.substr(slash == std::string::npos ? 0 : slash + 1);
    if (!kubernetes::unfit_object_name(group).empty() ||
        !kubernetes::unfit_dns_label(number).empty())
      fault(version->place, fmt::format("'{}' can be no apiVersion", manifest.group_version),
            has_braces(manifest.group_version) ? kRender : "write v1, or apps/v1");
  }

  void read_names(const YamlNode& node, Manifest& manifest) {
    const YamlNode* const metadata = node.find("metadata");
    if (metadata && metadata->kind != YamlNode::Kind::kMap &&
        metadata->kind != YamlNode::Kind::kNull)
      return fault(metadata->place, "metadata must be a map");
    const YamlNode* const name = at(node, {"metadata", "name"});
    if (!name || !is_text(*name) || name->scalar.empty()) {
      const bool makes_one = at(node, {"metadata", "generateName"}) != nullptr;
      return fault(name ? name->place : node.place,
                   fmt::format("the {} has no metadata.name", manifest.kind),
                   makes_one ? "give it a name: with generateName it would be another each time"
                             : "write metadata: {name: ...}; digits alone go in quotes");
    }
    manifest.name = name->scalar;
    // Names of roles may hold nearly everything, so that the server judges the rest.
    const bool is_segment = manifest.name != "." && manifest.name != ".." &&
                            manifest.name.find_first_of("/%{} \t\n") == std::string::npos;
    if (!is_segment || manifest.name.size() > kubernetes::kNameMax)
      fault(name->place, fmt::format("'{}' can be no name", manifest.name),
            has_braces(manifest.name) ? kRender : "");
    const YamlNode* const space = at(node, {"metadata", "namespace"});
    if (!space || space->kind == YamlNode::Kind::kNull) return;
    manifest.name_space = space->scalar;
    if (const std::string why = kubernetes::unfit_dns_label(space->scalar); !why.empty())
      fault(space->place, fmt::format("metadata.namespace: '{}' {}", space->scalar, why),
            has_braces(space->scalar) ? kRender : "");
  }

  // What Kubernetes would quote in its refusal is told here, without it.
  void check_secret(const YamlNode& node) {
    for (const char* key : {"data", "stringData"}) {
      const YamlNode* const data = node.find(key);
      if (!data || data->kind == YamlNode::Kind::kNull) continue;
      if (data->kind != YamlNode::Kind::kMap) {
        fault(data->place, fmt::format("{} of a Secret must be a map", key));
        continue;
      }
      for (std::size_t i = 0; i < data->keys.size(); ++i) {
        if (!is_text(data->items[i]) && data->items[i].kind != YamlNode::Kind::kNull)
          fault(data->items[i].place,
                fmt::format("{}.{} of a Secret must be a text", key, data->keys[i].text),
                "put it in quotes");
      }
    }
  }

  void check_images(const YamlNode& node) {
    const YamlNode* const image = node.find("image");
    if (image && image->kind == YamlNode::Kind::kScalar && has_braces(image->scalar))
      fault(image->place, fmt::format("'{}' can be no image", image->scalar), kRender);
    for (const YamlNode& item : node.items) check_images(item);
  }

  void read_labels(const YamlNode& node, Manifest& manifest) {
    const YamlNode* const labels = at(node, {"metadata", "labels"});
    if (labels && labels->kind != YamlNode::Kind::kMap && labels->kind != YamlNode::Kind::kNull)
      fault(labels->place, "metadata.labels must be a map");
    if (const YamlNode* const run = labels ? labels->find(kRunKey) : nullptr)
      fault(run->place, fmt::format("the label {} is Galileo's to say", kRunKey), "leave it out");
    if (manifest.kind == "Pod" && labels) note_function(*labels, manifest);
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (node.keys[i].text != "metadata") find_functions(node.items[i], manifest);
    }
  }

  // Of what the object makes: templates of pods have labels of their own.
  static void find_functions(const YamlNode& node, Manifest& manifest) {
    if (const YamlNode* const labels = at(node, {"metadata", "labels"}))
      note_function(*labels, manifest);
    for (const YamlNode& item : node.items) find_functions(item, manifest);
  }

  static void note_function(const YamlNode& labels, Manifest& manifest) {
    const YamlNode* const function = labels.find(kFunctionKey);
    if (!function || !is_text(*function)) return;
    auto& known = manifest.functions;
    if (std::find(known.begin(), known.end(), function->scalar) == known.end())
      known.push_back(function->scalar);
  }

  const std::string& file_;
  std::vector<YamlFault>& faults_;
  std::vector<Manifest> manifests_;
};

// What says where a secret is holds none.
bool holds_secret(std::string_view key) {
  const bool says_where = key.ends_with("Name") || key.ends_with("Ref") || key.ends_with("Path");
  return is_secret_name(key) && !says_where;
}

// Hides what is secret in the object, and tells each such value before.
class SecretWalk {
 public:
  using OnSecret = std::function<void(Json& value)>;
  explicit SecretWalk(OnSecret on_secret) : on_secret_(std::move(on_secret)) {}

  void object(Json& value) {
    if (!value.is_object()) return;
    if (kubernetes::text_at(value, {"kind"}) == "Secret") {
      for (const char* key : {"data", "stringData"}) {
        const auto found = value.find(key);
        if (found != value.end()) all(*found);
      }
    }
    walk(value);
  }

 private:
  void all(Json& value) {
    if (value.is_structured()) {
      for (Json& item : value) all(item);
    } else if (!value.is_null()) {
      on_secret_(value);
    }
  }

  void walk(Json& value) {
    if (!value.is_structured()) return;
    const std::string name = kubernetes::text_at(value, {"name"});
    for (auto& [key, item] : value.items()) {
      // kubectl keeps the whole object there.
      const bool is_copy = key == "kubectl.kubernetes.io/last-applied-configuration";
      const bool is_variable = key == "value" && holds_secret(name);
      if (item.is_structured())
        walk(item);
      else if (value.is_object() && item.is_string() &&
               (is_copy || is_variable || holds_secret(key)))
        on_secret_(item);
    }
  }

  const OnSecret on_secret_;
};

// Of texts and words that aren't secret as a whole.
void hide_in_texts(Json& value) {
  if (value.is_array() &&
      std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); })) {
    value = without_secrets_of_words(value.get<std::vector<std::string>>());
  } else if (value.is_structured()) {
    for (Json& item : value) hide_in_texts(item);
  } else if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    // A whole file, as ConfigMaps have them, or a script.
    value = text.find('\n') == std::string::npos ? without_user_info(text)
                                                 : without_secrets_of_text(text);
  }
}

}  // namespace

std::string Manifest::where() const {
  return fmt::format("{}:{}", file, line);
}

std::vector<Manifest> parse_manifests(std::string_view text, const std::string& file,
                                      std::vector<YamlFault>& faults) {
  const auto documents = wire::parse_yaml_documents(text, kLevels);
  if (!documents) {
    if (has_braces(text))
      faults.push_back({place_of_braces(text), "it is a template ('{{'), and no YAML", kRender});
    else
      faults.push_back(documents.error());
    return {};
  }
  ManifestReader reader(file, faults);
  for (const YamlNode& document : *documents) reader.read(document);
  return reader.take();
}

std::string manifest_without_secrets(const std::string& json) {
  Json object = Json::parse(json, nullptr, false);
  if (object.is_discarded()) return "{}";
  SecretWalk([](Json& value) { value = kHidden; }).object(object);
  hide_in_texts(object);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string without_secrets_of(const std::string& json, std::string text) {
  Json object = Json::parse(json, nullptr, false);
  const auto hide = [&](const Json& value) {
    const std::string secret = value.is_string() ? value.get<std::string>() : value.dump();
    if (secret.size() < 3) return;  // it would be everywhere
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + std::string_view(kHidden).size()))
      text.replace(at, secret.size(), kHidden);
  };
  SecretWalk([&](Json& value) { hide(value); }).object(object);
  return text;
}

}  // namespace galileo::plan
