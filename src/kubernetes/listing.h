// All objects of a collection: pages of 500, each object handed over as it comes and dropped, so
// that a list of any length takes the memory of one object. A list that takes longer than the
// server's history is kept (410) goes on with what is there then, and says that it isn't of one
// moment. Lives on its Api's loop, for one list; who made it destroys it, which ends it without a
// word.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "kubernetes/api.h"
#include "kubernetes/list_items.h"

namespace galileo::kubernetes {

class Listing {
 public:
  struct End {
    // Of the whole, from which a watch may go on; empty where the list isn't of one moment, since
    // it took longer than the server's history is kept.
    std::string version;
    std::uint64_t skipped = 0;  // objects that were too large
  };
  struct Handlers {
    std::function<void(nlohmann::json&& object)> on_object;
    // Once, at the end. Errors: as Api::ask(), refusal() for what the server answers else, and
    // (kUnavailable) a list that breaks off or can't be read; what was told before holds. The
    // listing may be destroyed from here.
    std::function<void(Result<End> end)> on_end;
  };

  // `api` outlives it.
  Listing(Api& api, std::string path, std::string label_selector, std::string field_selector,
          Handlers handlers);
  ~Listing();
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  // Once. Nothing is handed over before it returns.
  void start() { ask({}); }

 private:
  void ask(const std::string& from);
  void page_ends(Result<ApiAnswer> answer);
  void end(Result<End> end);

  Api& api_;
  const std::string path_;
  const std::string label_selector_;
  const std::string field_selector_;
  const Handlers handlers_;
  ApiRequest request_;              // of the page, for what is told of a refusal
  std::optional<ListItems> items_;  // of the page
  bool is_broken_ = false;
  bool is_of_one_moment_ = true;
  std::uint64_t skipped_ = 0;
  std::uint64_t call_ = 0;  // under way
};

}  // namespace galileo::kubernetes
