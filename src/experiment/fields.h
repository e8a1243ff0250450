// What reading a checked document needs: a list of problems with their places, and access to a
// map's values by type that adds to it. Used by file.cc and its parts only. Lives on one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "experiment/yaml.h"

namespace galileo::experiment {

class Problems {
 public:
  explicit Problems(std::string path) : path_(std::move(path)) {}
  void add(const YamlNode& node, std::string text, std::string hint = {});
  void add(int line, int column, std::string text, std::string hint = {});
  // From an Error of a function that knows no lines.
  void add(const YamlNode& node, const std::string& subject, const Error& error);
  bool empty() const { return count_ == 0; }
  // All of them, one a line.
  Error to_error() const;

 private:
  static constexpr std::size_t kShown = 20;
  const std::string path_;
  std::string text_;
  std::size_t count_ = 0;
};

// Is the value of that kind, in words: "a number", "a list"...
std::string kind_text(const YamlNode& node);

// The values of a map. A value of the wrong type is a problem and counts as absent.
class Fields {
 public:
  // `where`: the path of the map ("clients[0].arrival"). Keys that aren't in `known` are problems.
  Fields(Problems& problems, const YamlNode& node, std::string where,
         const std::vector<std::string>& known);

  const YamlNode* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const YamlNode& node() const { return node_; }
  std::string where(std::string_view key) const;
  Problems& problems() const { return problems_; }

  std::optional<std::string> text(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::uint64_t> count(std::string_view key) const;  // "10k" is one too
  std::optional<Duration> duration(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;
  // A list of words; one word stands for a list of one.
  std::optional<std::vector<std::string>> words(std::string_view key) const;
  // Text that must be there.
  std::string required(std::string_view key) const;

  void wrong_type(const YamlNode& node, std::string_view key, std::string_view wanted) const;

 private:
  template <class T>
  std::optional<T> parsed(std::string_view key, std::string_view wanted,
                          const std::function<Result<T>(std::string_view)>& parse) const;

  Problems& problems_;
  const YamlNode& node_;
  const std::string where_;
};

}  // namespace galileo::experiment
