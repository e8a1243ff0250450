#include "bus/fenced.h"

#include <algorithm>

namespace galileo::bus {
namespace {

class Fenced final : public Bus {
 public:
  Fenced(Bus& bus, Holds fence, std::string lost)
      : bus_(bus), fence_(std::move(fence)), lost_(std::move(lost)) {}

  Result<std::uint64_t> publish(std::string_view channel, std::string_view message) override {
    const auto counts = TRY(change({publish_in(std::string(channel), std::string(message))}));
    return static_cast<std::uint64_t>(counts.front());
  }

  Result<std::vector<std::uint64_t>> publish_all(
      std::string_view channel, const std::vector<std::string_view>& messages) override {
    std::vector<std::uint64_t> counts;
    for (std::size_t from = 0; from < messages.size(); from += kMessagesAtOnce) {
      std::vector<Change> some;
      for (std::size_t i = from; i < std::min(messages.size(), from + kMessagesAtOnce); ++i)
        some.push_back(publish_in(std::string(channel), std::string(messages[i])));
      for (const std::int64_t count : TRY(change(some)))
        counts.push_back(static_cast<std::uint64_t>(count));
    }
    return counts;
  }

  Result<std::vector<std::int64_t>> change(const std::vector<Change>& changes) override {
    auto made = TRY(change_if({}, changes));
    if (made) return *std::move(made);
    return lost();
  }

  Result<std::optional<std::vector<std::int64_t>>> change_if(
      const std::vector<Holds>& conditions, const std::vector<Change>& changes) override {
    std::vector<Holds> all = conditions;
    all.push_back(fence_);
    auto made = TRY(bus_.change_if(all, changes));
    if (!made && !conditions.empty() && TRY(bus_.text(fence_.key)) != fence_.text) return lost();
    return made;
  }

  Result<std::optional<std::string>> text(const std::string& key) override {
    return bus_.text(key);
  }
  Result<std::vector<std::string>> set_members(const std::string& key) override {
    return bus_.set_members(key);
  }
  Result<std::map<std::string, std::string>> hash(const std::string& key) override {
    return bus_.hash(key);
  }
  Result<std::vector<std::map<std::string, std::string>>> hashes(
      const std::vector<std::string>& keys) override {
    return bus_.hashes(keys);
  }
  Result<std::vector<std::string>> list(const std::string& key, std::int64_t first,
                                        std::int64_t last) override {
    return bus_.list(key, first, last);
  }
  Result<std::vector<std::vector<std::string>>> lists(
      const std::vector<std::string>& keys) override {
    return bus_.lists(keys);
  }
  Result<std::uint64_t> list_size(const std::string& key) override { return bus_.list_size(key); }
  // Answers to calls of one's own, and what nobody else wants.
  Result<std::optional<std::string>> pop_right(const std::string& key, Duration wait) override {
    return bus_.pop_right(key, wait);
  }
  Result<std::vector<std::string>> pop_right_many(const std::string& key,
                                                  std::size_t count) override {
    return bus_.pop_right_many(key, count);
  }
  Result<std::vector<std::string>> keys(const std::string& pattern) override {
    return bus_.keys(pattern);
  }
  Result<std::vector<std::string>> channels(const std::string& pattern) override {
    return bus_.channels(pattern);
  }
  Result<std::unique_ptr<Subscription>> subscribe(const std::vector<std::string>& channels,
                                                  const std::vector<std::string>& patterns,
                                                  OnMessage on_message) override {
    return bus_.subscribe(channels, patterns, std::move(on_message));
  }
  void on_connected(std::function<void(bool connected)> callback) override {
    bus_.on_connected(std::move(callback));
  }
  bool connected() const override { return bus_.connected(); }
  const std::string& where() const override { return bus_.where(); }
  std::vector<std::pair<std::string, std::string>> variables() const override {
    return bus_.variables();
  }

 private:
  static constexpr std::size_t kMessagesAtOnce = 1000;

  Error lost() const {
    return Error{ErrorCode::kInterrupted, "nothing is commanded any more", bus_.where(), lost_, {}};
  }

  Bus& bus_;
  const Holds fence_;
  const std::string lost_;
};

}  // namespace

std::unique_ptr<Bus> make_fenced(Bus& bus, Holds fence, std::string lost) {
  return std::make_unique<Fenced>(bus, std::move(fence), std::move(lost));
}

}  // namespace galileo::bus
