// Files of somebody's own, each with a number as its first word.
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

class File final : public Instrument {
 public:
  explicit File(const Machine& machine) {
    for (const WatchedFile& watched : machine.files)
      files_.push_back({watched.name, KeptFile(watched.path)});
  }

  ReadOutcome read(Readings& readings) override {
    bool any = false;
    bool failed = false;
    for (auto& [name, file] : files_) {
      readings.stamp();
      const auto text = file.read();
      if (!text) continue;  // not there at present
      std::string_view rest = *text;
      if (const auto value = to_number(take_word(rest))) {
        readings.put("file", name, *value);
        any = true;
      } else {
        failed = true;
      }
    }
    if (failed) return ReadOutcome::kFailed;
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  std::vector<std::pair<std::string, KeptFile>> files_;
};

}  // namespace

std::unique_ptr<Instrument> make_file(const Machine& machine) {
  return std::make_unique<File>(machine);
}

}  // namespace galileo::telemetry
