// Bytes for a run's workers: what their clients' requests are made of. A controller puts each
// content on the bus once, in pieces, under the run's name and its SHA-256; workers take it from
// there, and look whether it is what it is called. On the bus it stays for a quarter of an hour at
// most, so that a controller that is killed leaves nothing.
//
// Blocking; any thread but the bus's desk.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bus/bus.h"
#include "wire/fleet_requests.h"

namespace galileo::fleet {

// An Error that names the file and the bound where that is too much: of the file, or with the
// others of its run.
Result<void> check_content_size(std::uint64_t bytes, std::uint64_t of_others,
                                const std::string& called);

class ContentShelf {
 public:
  // `bus` outlives it.
  ContentShelf(bus::Bus& bus, std::string run) : bus_(bus), run_(std::move(run)) {}
  ~ContentShelf() { clear(); }
  ContentShelf(const ContentShelf&) = delete;
  ContentShelf& operator=(const ContentShelf&) = delete;

  // Puts them there, unless they are; their name.
  Result<wire::ContentName> put(std::string_view bytes, const std::string& called);
  // All have what they need: nothing stays on the bus.
  void clear();

 private:
  bus::Bus& bus_;
  const std::string run_;
  std::set<std::string> there_;  // hashes
  std::uint64_t bytes_ = 0;
};

// A file without a name, in memory, that others of this process open by path().
class UnnamedFile {
 public:
  static Result<std::unique_ptr<UnnamedFile>> make(std::string_view bytes);
  ~UnnamedFile();
  UnnamedFile(const UnnamedFile&) = delete;
  UnnamedFile& operator=(const UnnamedFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit UnnamedFile(int fd);
  const int fd_;
  const std::string path_;
};

// Takes a content off the bus. An Error names it as people know it: it isn't there any more, or
// isn't what its hash says. Ends early, with an Error, once `stopped` says so.
Result<std::string> take_content(bus::Bus& bus, const std::string& run,
                                 const wire::ContentName& name,
                                 const std::function<bool()>& stopped);

}  // namespace galileo::fleet
