// What reading a checked document needs: a list of problems with their places, and access to a
// map's values by type that adds to it. Used by file.cc and its parts only. Lives on one thread;
// the nodes outlive the Fields over them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "wire/yaml.h"

namespace galileo::plan {

// The maps of an experiment file.
enum class MapKind : unsigned char {
#define KEYS(map, ...) map,
#include "plan/file_keys.def"
#undef KEYS
};
const std::vector<std::string>& keys_of(MapKind map);

// Everything that is wrong with a file. Each problem becomes one line, whatever is in the file.
class Problems {
 public:
  // `settings`: what places that aren't in the file are called: "--set seed=x", or a flag. Without
  // a path there are flags only.
  Problems(std::string path, std::vector<std::string> settings)
      : path_(std::move(path)), settings_(std::move(settings)) {}

  void add(const wire::YamlPlace& place, std::string_view text, std::string_view hint = {});
  // From the Error of a function that knows no places; `subject` is what it is about.
  void add(const wire::YamlPlace& place, std::string_view subject, const Error& error);
  std::size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // All of them (40 at most, then how many more), in the order of the file.
  Error to_error() const;

 private:
  struct Problem {
    wire::YamlPlace place;
    std::size_t number = 0;  // keeps those of one place in the order they were found
    std::string line;
  };
  const std::string path_;
  const std::vector<std::string> settings_;
  std::vector<Problem> kept_;
  std::size_t count_ = 0;
};

// The values of one map. A value that is wrong is a problem, and counts as absent from then on; so
// does `key:` with nothing after it.
class Fields {
 public:
  // `where`: the path of the map, as in "clients[0].arrival". Keys that aren't its own are
  // problems.
  Fields(Problems& problems, const wire::YamlNode& node, std::string where, MapKind map);

  const wire::YamlNode* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const wire::YamlNode& node() const { return node_; }
  const wire::YamlPlace& place() const { return node_.place; }
  // The place of the key's value, or of the map where the key isn't.
  const wire::YamlPlace& place(std::string_view key) const;
  std::string where(std::string_view key) const;
  Problems& problems() const { return problems_; }

  std::optional<std::string> text(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  // A whole number; "10k" is one too. Beyond the bounds it is a problem.
  std::optional<std::uint64_t> count(std::string_view key, std::uint64_t fewest,
                                     std::uint64_t most) const;
  // The same in bytes: "64KiB", "1MB", "4096".
  std::optional<std::uint64_t> size(std::string_view key, std::uint64_t most) const;
  std::optional<Duration> duration(std::string_view key) const;
  std::optional<Duration> positive_duration(std::string_view key) const;
  // Requests a second.
  std::optional<double> rate(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;
  // A list of words; one word stands for a list of one.
  std::optional<std::vector<std::string>> words(std::string_view key) const;
  // A text that must be there and can't be empty.
  std::string required(std::string_view key) const;
  // The name of something: a text that can stand in a trace's line and in a threshold.
  std::optional<std::string> name(std::string_view key) const;
  std::string required_name(std::string_view key) const;
  // One of these words.
  std::optional<std::string> choice(std::string_view key,
                                    const std::vector<std::string>& known) const;
  // The items of a list, each with its path.
  void each(
      std::string_view key,
      const std::function<void(const wire::YamlNode& item, const std::string& where)>& read) const;

  void wrong_type(const wire::YamlNode& node, std::string_view key, std::string_view wanted) const;
  // Does an unknown key look like this one?
  bool misspelt(std::string_view key) const;
  // The key must be there and isn't. No problem of its own where the map isn't one, or where the
  // key is there misspelt: that was said already.
  void missing(std::string_view key, std::string_view hint = {}) const;

 private:
  template <class T>
  std::optional<T> parsed(std::string_view key, std::string_view wanted,
                          const std::function<Result<T>(std::string_view)>& parse) const;

  Problems& problems_;
  const wire::YamlNode& node_;
  const std::string where_;
  const MapKind map_;
  std::vector<std::string> misspelt_;  // what unknown keys were likely meant to be
};

// Why a text can't be a name; nothing where it can.
std::optional<std::string> unfit_name(std::string_view name);

}  // namespace galileo::plan
