#include "frames/parted_file.h"

#include <unistd.h>

#include <cerrno>

namespace galileo::frames {

PartedFile::Part& PartedFile::add_part() {
  parts_.push_back(std::unique_ptr<Part>(new Part(*this, parts_.size() * kPartMax)));
  return *parts_.back();
}

void PartedFile::Part::write() {
  std::string_view rest = gathered_;
  if (file_.error_ == 0 && place_.size + rest.size() > kPartMax) file_.error_ = EFBIG;
  while (!rest.empty() && file_.error_ == 0) {
    const ssize_t written = pwrite(file_.descriptor_, rest.data(), rest.size(),
                                   static_cast<off_t>(place_.offset + place_.size));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      file_.error_ = written < 0 ? errno : ENOSPC;
      break;
    }
    place_.size += static_cast<std::uint64_t>(written);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  gathered_.clear();
}

Stretch PartedFile::finish(Part& part) {
  part.write();
  part.gathered_.shrink_to_fit();
  return part.place_;
}

Result<void> PartedFile::state() const {
  if (error_ == 0) return {};
  Error error = system_error("can't keep the columns", "memory for them", error_);
  error.hint = "ask for fewer columns, or for less of the time";
  return error;
}

}  // namespace galileo::frames
