#include "wire/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kNodesMax = 200'000;
constexpr std::size_t kTextMax = std::size_t{16} << 20;

YamlPlace place_of(const YAML::Mark& mark) {
  return mark.line < 0 ? YamlPlace{} : YamlPlace{mark.line + 1, mark.column + 1, -1};
}

// A tree of the parser's events. They can't be stopped but by an exception, so after the first
// fault the rest of them is let pass.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::size_t documents_max, std::size_t levels)
      : documents_max_(documents_max), levels_(levels) {}
  std::optional<YamlFault>& fault() { return fault_; }
  std::vector<YamlNode> take_roots() { return std::move(roots_); }

 private:
  // A list or map whose end hasn't come yet.
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::size_t height = 1;   // levels from here down
    bool has_key = false;     // the last key waits for its value
    bool is_merging = false;  // and it is `<<`
    std::unordered_set<std::string> keys;
    std::vector<YamlNode> merged;  // values of `<<`
  };
  struct Anchored {
    YamlNode node;
    std::size_t height = 0;
  };

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > documents_max_)
      fail(mark, "the file holds a second document", "leave out the '---'");
    anchored_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(YamlNode::Kind::kNull, mark), anchor, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    YamlNode node = make(YamlNode::Kind::kScalar, mark);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    node.scalar = value;
    add(std::move(node), anchor, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (fault_) return;
    if (anchor >= anchored_.size() || !anchored_[anchor])
      return fail(mark, "an alias stands in what it stands for", {});
    const Anchored& from = *anchored_[anchor];
    if (open_.size() + from.height > levels_) return fail_for_depth(mark);
    // Counted before it is copied: aliases of aliases grow by the power.
    if (!count(from.node, mark)) return;
    YamlNode copy = from.node;
    add(std::move(copy), 0, from.height);
  }

  static YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.place = place_of(mark);
    return node;
  }

  void fail(const YAML::Mark& mark, std::string why, std::string hint) {
    fail(place_of(mark), std::move(why), std::move(hint));
  }
  void fail(const YamlPlace& place, std::string why, std::string hint) {
    if (!fault_) fault_ = YamlFault{place, std::move(why), std::move(hint)};
  }

  void fail_for_depth(const YAML::Mark& mark) {
    fail(mark, fmt::format("it is nested more than {} levels deep", levels_), {});
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    const bool known = tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,");
    if (!known)
      fail(mark, fmt::format("unknown tag '{}'", tag), "quote a text that begins with '!'");
  }

  bool count(const YamlNode& node, const YAML::Mark& mark) {
    text_ += node.scalar.size();
    if (++nodes_ > kNodesMax || text_ > kTextMax) {
      fail(mark, "it grows too large where its aliases are resolved", {});
      return false;
    }
    for (const YamlKey& key : node.keys) text_ += key.text.size();
    for (const YamlNode& item : node.items) {
      if (!count(item, mark)) return false;
    }
    return true;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (open_.size() >= levels_) fail_for_depth(mark);
    if (fault_) return;
    open_.emplace_back();
    open_.back().node = make(kind, mark);
    open_.back().anchor = anchor;
  }

  void close() {
    if (fault_) return;
    Open done = std::move(open_.back());
    open_.pop_back();
    for (YamlNode& from : done.merged) merge(from, done);
    add(std::move(done.node), done.anchor, done.height);
  }

  // The keys of `from` that the map hasn't got.
  static void merge(YamlNode& from, Open& into) {
    for (std::size_t i = 0; i < from.keys.size(); ++i) {
      if (!into.keys.insert(from.keys[i].text).second) continue;
      into.node.keys.push_back(std::move(from.keys[i]));
      into.node.items.push_back(std::move(from.items[i]));
    }
  }

  void add(YamlNode node, YAML::anchor_t anchor, std::size_t height) {
    text_ += node.scalar.size();
    if (++nodes_ > kNodesMax || text_ > kTextMax)
      fail(node.place, fmt::format("it holds more than {} values", kNodesMax), {});
    if (fault_) return;
    if (anchor != 0) {
      anchored_.resize(std::max(anchored_.size(), anchor + 1));
      anchored_[anchor] = Anchored{node, height};
    }
    if (open_.empty()) {
      roots_.push_back(std::move(node));
      return;
    }
    Open& parent = open_.back();
    parent.height = std::max(parent.height, height + 1);
    if (parent.node.kind == YamlNode::Kind::kList)
      parent.node.items.push_back(std::move(node));
    else if (parent.has_key)
      add_value(parent, std::move(node));
    else
      add_key(parent, node);
  }

  void add_key(Open& map, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kScalar)
      return fail(node.place, fmt::format("a key must be a text, not {}", kind_text(node)), {});
    map.has_key = true;
    map.is_merging = node.scalar == "<<" && !node.quoted;
    if (map.is_merging) return;
    if (!map.keys.insert(node.scalar).second)
      fail(node.place, fmt::format("the key '{}' is there twice", node.scalar), {});
    map.node.keys.push_back({node.scalar, node.place});
  }

  void add_value(Open& map, YamlNode node) {
    map.has_key = false;
    if (!map.is_merging) {
      map.node.items.push_back(std::move(node));
    } else if (node.kind == YamlNode::Kind::kList) {
      for (YamlNode& item : node.items) add_merged(map, std::move(item));
    } else {
      add_merged(map, std::move(node));
    }
  }

  void add_merged(Open& map, YamlNode node) {
    if (node.kind != YamlNode::Kind::kMap)
      return fail(node.place, fmt::format("'<<' merges a map, not {}", kind_text(node)), {});
    map.merged.push_back(std::move(node));
  }

  const std::size_t documents_max_;
  const std::size_t levels_;
  std::vector<YamlNode> roots_;  // of the documents
  std::vector<Open> open_;
  std::vector<std::optional<Anchored>> anchored_;  // by the parser's number
  std::optional<YamlFault> fault_;
  std::size_t documents_ = 0;
  std::size_t nodes_ = 0;
  std::size_t text_ = 0;
};

// A place behind the text's end is its end.
YamlPlace within(const YamlPlace& place, std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const int lines = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  if (place.line <= lines) return place;
  return {lines, static_cast<int>(text.size() - (text.rfind('\n') + 1)) + 1, -1};
}

// What to do about the parser's commoner complaints.
std::string hint_for(std::string_view message) {
  struct Row {
    std::string_view message;
    std::string_view hint;
  };
  static constexpr std::array kRows{
      Row{"illegal map value", "quote a text that holds ': '"},
      Row{"illegal block entry", "'- ' begins a list item on a line of its own"},
      Row{"end of map not found", "check the indentation, and that each '{' has its '}'"},
      Row{"end of sequence not found", "check the indentation, and that each '[' has its ']'"},
      Row{"end of map flow not found", "check that each '{' has its '}'"},
      Row{"end of sequence flow not found", "check that each '[' has its ']'"},
      Row{"the referenced anchor is not defined", "quote a text that begins with '*'"},
      Row{"illegal EOF in scalar", "check that each quote is closed"},
      Row{"illegal tab", "indent with blanks"},
      Row{"unknown token", "indent with blanks, not with tabs, and quote texts with % @ `"},
  };
  for (const Row& row : kRows) {
    if (message.find(row.message) != std::string_view::npos) return std::string(row.hint);
  }
  return {};
}

tl::expected<std::vector<YamlNode>, YamlFault> parse(std::string_view text,
                                                     std::size_t documents_max,
                                                     std::size_t levels) {
  if (text.find('\0') != std::string_view::npos)
    return tl::unexpected(YamlFault{{}, "it holds a zero byte and is no YAML text", {}});
  TreeBuilder builder(documents_max, levels);
  try {
    // The comment ends a quote that the file leaves open: yaml-cpp 0.7 would take a line's end for
    // it.
    std::istringstream stream(std::string(text) + "\n#");
    YAML::Parser parser(stream);
    while (!builder.fault() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (!builder.fault())
      return tl::unexpected(
          YamlFault{within(place_of(error.mark), text), error.msg, hint_for(error.msg)});
  }
  if (builder.fault()) return tl::unexpected(std::move(*builder.fault()));
  return builder.take_roots();
}

bool is_capitals(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// "0x1f", "0o17", "017", "0b1", "1_000", as Go's strconv reads them with base 0.
std::optional<std::string> integer_json(std::string text) {
  std::erase(text, '_');
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.erase(0, 1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.erase(0, kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || read != end) return std::nullopt;
  if (negative && value > std::uint64_t{1} << 63) return std::nullopt;
  return (negative && value != 0 ? "-" : "") + std::to_string(value);
}

// A whole one without its decimals, which a field for integers wouldn't take.
std::string number_json(double value) {
  if (std::trunc(value) == value && std::abs(value) < 1e15)
    return std::to_string(static_cast<std::int64_t>(value));
  return json_real(value);
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  if (kind != Kind::kMap) return nullptr;
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const YamlKey& one) { return one.text == key; });
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

std::string kind_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  return node.scalar.size() > 60 ? "a text" : fmt::format("'{}'", node.scalar);
}

tl::expected<YamlNode, YamlFault> parse_yaml(std::string_view text) {
  auto roots = parse(text, 1, kYamlLevels);
  if (!roots) return tl::unexpected(std::move(roots.error()));
  return roots->empty() ? YamlNode{} : std::move(roots->front());
}

tl::expected<std::vector<YamlNode>, YamlFault> parse_yaml_documents(std::string_view text,
                                                                    std::size_t levels) {
  auto roots = parse(text, kNodesMax, levels);
  if (roots)
    std::erase_if(*roots, [](const YamlNode& root) { return root.kind == YamlNode::Kind::kNull; });
  return roots;
}

std::string yaml_to_json(const YamlNode& node, std::string (*scalar)(const YamlNode& node)) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return scalar(node);
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items)
        text += (text.empty() ? "" : ", ") + yaml_to_json(item, scalar);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (std::size_t i = 0; i < node.keys.size(); ++i)
        text += (text.empty() ? "" : ", ") + json_text(node.keys[i].text) + ": " +
                yaml_to_json(node.items[i], scalar);
      return "{" + text + "}";
  }
  return text;
}

std::string kubernetes_scalar(const YamlNode& node) {
  const std::string& text = node.scalar;
  if (node.quoted || text.empty()) return json_text(text);
  // As they are, as names are, and in capitals; nothing between.
  const std::string lower = to_lower(text);
  const std::string rest = text.substr(1);
  if (rest == lower.substr(1) || is_capitals(text)) {
    for (const std::string_view word : {"y", "yes", "true", "on"})
      if (lower == word) return "true";
    for (const std::string_view word : {"n", "no", "false", "off"})
      if (lower == word) return "false";
  }
  if (auto integer = integer_json(text)) return *integer;
  if (text.find_first_not_of("0123456789.eE+-") == std::string::npos) {
    if (const auto number = parse_number(text.starts_with('+') ? text.substr(1) : text))
      return number_json(*number);
  }
  return json_text(text);
}

}  // namespace galileo::wire
