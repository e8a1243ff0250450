// A file to append to and read from at an offset: the real one, and in tests one that fails on
// purpose. One writer; readers have a File of their own. Blocking: used at desks only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo {

class File {
 public:
  virtual ~File() = default;
  // Writes all of `bytes` at `offset`.
  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  // So many of its bytes the last write_at() has written, all of them or as many as it could.
  virtual std::uint64_t written() const = 0;
  // Reads up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, char* buffer, std::size_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  // Reserves disk for the bytes from `begin` to `end`. The file's size stays, so that a reader
  // comes to an end where the writer is. Fine where the file system can't reserve.
  virtual Result<void> allocate(std::uint64_t begin, std::uint64_t end) = 0;
  // Gives the disk of the bytes from `begin` to `end` back; they read as zeros then. An Error where
  // the file system can't do that.
  virtual Result<void> punch(std::uint64_t begin, std::uint64_t end) = 0;
  // What the file takes of its disk, in bytes.
  virtual Result<std::uint64_t> disk_use() = 0;
  // Where, from `from` on, there may be bytes that aren't zero; the end of the file: nowhere.
  virtual std::uint64_t next_data(std::uint64_t from) = 0;
  // Gives back what was reserved beyond the new end too.
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<void> sync() = 0;
  // Takes the file's only lock, which goes with this File or its process. Where another File has
  // it: false, or with `wait` once that one is gone.
  virtual bool lock(bool wait = false) = 0;
  // Whether its path still leads to it: another process may have deleted it.
  virtual bool is_there() = 0;
  virtual const std::string& path() const = 0;
};

enum class FileMode { kCreate, kRead, kWrite };  // kCreate: must not be there yet

Result<std::unique_ptr<File>> open_file(const std::string& path, FileMode mode);

// The whole of a small file, or of what a pipe gives until its end. Errors: missing, a folder,
// larger than `size_max`.
Result<std::string> read_whole_file(const std::string& path, std::size_t size_max);

// Calls `take` with what the file or pipe holds, piece after piece, each valid during the call;
// ends at once where that fails. Errors besides: missing, a folder.
Result<void> read_in_pieces(const std::string& path,
                            const std::function<Result<void>(std::string_view)>& take);

// Writes a file as a whole: first beside it, then in its place, so that no reader sees half of it.
// Links are followed, and what is there keeps its owner and mode; a device, a pipe, a file in a
// folder that can't be written to isn't replaced, but written to.
Result<void> write_whole_file(const std::string& path, std::string_view bytes);

// Writes behind what the file holds, or into a new one; into a device or a pipe as it is.
Result<void> append_to_file(const std::string& path, std::string_view bytes);

// Whether write_whole_file() could write there, as far as that can be seen before.
Result<void> check_writable(const std::string& path);

// Makes the folder and those above it.
Result<void> make_folders(const std::string& path);

}  // namespace galileo
