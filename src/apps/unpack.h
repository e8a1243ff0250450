// An archive onto a disk, as a folder that is there whole or not at all: written beside its place
// under a name that begins with a dot, then given its own. Whatever links may stand in the way,
// nothing is written through one: each part of a path is opened in the one before. Blocking; desks
// and commands. Any number of processes at once: the first one's folder stays.
#pragma once

#include <string>
#include <string_view>

#include "apps/archive.h"
#include "base/result.h"

namespace galileo::apps {

// Unpacks `archive`, which `bytes` was read as, to the new folder `folder`/`name`; `folder` is
// made where it isn't there. False: somebody else has put one there meanwhile, which is left as it
// is. Of an Error nothing stays. What killed processes have left half-written goes, too.
Result<bool> unpack(const Archive& archive, std::string_view bytes, const std::string& folder,
                    const std::string& name);

// The files below a folder, by their paths, for make_zip(). An Error (kUsage) for what no archive
// of ours may have: links, devices, more than the bounds. __pycache__ is left out.
Result<std::vector<ZipFile>> files_below(const std::string& folder,
                                         const ArchiveBounds& bounds = {});

// The folder with all that is in it; where it is a link, the link. False: there was none.
Result<bool> remove_folder(const std::string& path);

}  // namespace galileo::apps
