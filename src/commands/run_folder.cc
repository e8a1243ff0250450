#include "commands/run_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "commands/options.h"

namespace galileo::commands {
namespace {

// A socket's whole path has 107 letters; an id and its ending need 32.
constexpr std::size_t kFolderMax = 70;

}  // namespace

Result<std::string> run_folder() {
  const std::string runtime = environment("XDG_RUNTIME_DIR").value_or("");
  const bool fits = runtime.starts_with('/') && runtime.size() <= kFolderMax;
  std::string folder = fits ? runtime + "/galileo" : fmt::format("/tmp/galileo-{}", getuid());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error("can't make the folder of this user's runs", folder, errno);
  struct stat found{};
  // Not what a link leads to: in /tmp anybody may have put it there.
  if (lstat(folder.c_str(), &found) != 0)
    return system_error("can't look at the folder of this user's runs", folder, errno);
  if (S_ISDIR(found.st_mode) && found.st_uid == getuid() && (found.st_mode & 077) == 0)
    return folder;
  return Error{ErrorCode::kIo, "can't use the folder of this user's runs", folder,
               "it isn't this user's own, or others may enter it",
               "remove it, or set XDG_RUNTIME_DIR to a folder of your own"};
}

}  // namespace galileo::commands
