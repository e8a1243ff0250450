// Files of somebody's own, each with a number as its first word.
#include "base/log.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "wire/csv.h"

namespace galileo::telemetry {
namespace {

constexpr std::size_t kBeginningMax = 4096;

class File final : public Instrument {
 public:
  explicit File(const Machine& machine) {
    for (const WatchedFile& watched : machine.files) files_.push_back({watched, {}});
  }

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    bool any = false;
    bool failed = false;
    for (One& one : files_) {
      readings.stamp();
      const OwnFile file = begin_of_file(one.watched.path, kBeginningMax);
      const std::string text = file.text.value_or("");
      std::string_view rest = wire::after_byte_order_mark(text);
      const std::string_view word = take_word(rest);
      const auto value = to_number(word);
      if (value) {
        readings.put("file", one_word(one.watched.name), *value);
        one.tell({});
        any = true;
        continue;
      }
      readings.leave_out();
      if (file.missing) continue;  // not there at present
      failed = true;
      one.tell(!file.why.empty() ? file.why
               : word.empty()    ? "it is empty"
                                 : "it doesn't begin with a number");
    }
    if (failed) return ReadOutcome::kFailed;
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  struct One {
    // The first time, and when it is over. Empty: nothing is wrong.
    void tell(std::string why) {
      if (why.empty() != trouble.empty())
        log(why.empty() ? LogLevel::kInfo : LogLevel::kWarning,
            why.empty() ? "a file gives values again" : "a file gives no value",
            {{"file", watched.name}, {"path", watched.path}, {"why", why}});
      trouble = std::move(why);
    }
    WatchedFile watched;
    std::string trouble;
  };
  std::vector<One> files_;
};

}  // namespace

std::unique_ptr<Instrument> make_file(const Machine& machine) {
  return std::make_unique<File>(machine);
}

}  // namespace galileo::telemetry
