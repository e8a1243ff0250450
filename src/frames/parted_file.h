// One file in which several parts grow at once. Each part has a stretch of addresses of its own, of
// which only what was written takes room, so that it is in one piece however large it gets: for
// files in memory (memfd_create) and on file systems that have holes. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::frames {

// Bytes of a file.
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

class PartedFile {
 public:
  // How far one part's beginning is from the next one's, and so the most that fits into one.
  static constexpr std::uint64_t kPartMax = std::uint64_t{1} << 38;

  // Gathers what is put until a write is worth it.
  class Part {
   public:
    void put(std::string_view bytes) {
      if (gathered_.size() + bytes.size() > kGather) write();
      gathered_.append(bytes);
    }
    template <class T>
    void put_value(const T& value) {
      put({reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    std::uint64_t size() const { return place_.size + gathered_.size(); }

   private:
    friend PartedFile;
    static constexpr std::size_t kGather = 256 << 10;
    Part(PartedFile& file, std::uint64_t offset) : file_(file), place_{offset, 0} {}
    void write();

    PartedFile& file_;
    Stretch place_;
    std::string gathered_;
  };

  // `descriptor` stays the caller's. The file is empty.
  explicit PartedFile(int descriptor) : descriptor_(descriptor) {}
  PartedFile(const PartedFile&) = delete;
  PartedFile& operator=(const PartedFile&) = delete;

  // Lives as long as the file.
  Part& add_part();
  // Writes what is left of the part, which has all it gets, and says where it is.
  Stretch finish(Part& part);
  // What went wrong with any part so far; nothing is written after it.
  Result<void> state() const;

 private:
  const int descriptor_;
  std::vector<std::unique_ptr<Part>> parts_;
  int error_ = 0;  // errno of the first write that failed
};

}  // namespace galileo::frames
