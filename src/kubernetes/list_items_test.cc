#include "kubernetes/list_items.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace galileo::kubernetes {
namespace {

struct Read {
  explicit Read(std::string_view text, std::size_t piece = std::string_view::npos)
      : list([this](std::string_view item) { items.emplace_back(item); }) {
    while (!text.empty() && fed) {
      fed = list.feed(text.substr(0, piece));
      text.remove_prefix(std::min(piece, text.size()));
    }
  }
  std::vector<std::string> items;
  ListItems list;
  bool fed = true;
};

constexpr std::string_view kList =
    R"({"kind":"PodList","metadata":{"resourceVersion":"5","items":[{"no":1}]},"items":[{"a":"]}\""},)"
    "\n"
    R"( {"items":[{"b":{}}]}],"x":{"items":[1]}} )";

TEST_CASE("a list's items come one by one wherever it is cut, and the rest stays") {
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1000}}) {
    const Read read(kList, piece);
    CHECK(read.fed);
    CHECK(read.list.done());
    CHECK(read.items == std::vector<std::string>{R"({"a":"]}\""})", R"({"items":[{"b":{}}]})"});
    CHECK(
        nlohmann::json::parse(read.list.rest()) ==
        nlohmann::json::parse(
            R"({"kind":"PodList","metadata":{"resourceVersion":"5","items":[{"no":1}]},"items":[],"x":{"items":[1]}})"));
  }
}

TEST_CASE("an empty list, and one of null, have no items; what is cut off isn't done") {
  CHECK(Read(R"({"items":[]})").list.done());
  CHECK(Read(R"({"items":null,"metadata":{}})").items.empty());
  CHECK_FALSE(Read(kList.substr(0, kList.size() - 3)).list.done());
  CHECK_FALSE(Read("[]").fed);
  CHECK_FALSE(Read("{} x").fed);
  CHECK_FALSE(Read("<html>").fed);
}

TEST_CASE("an item of more than 4 MiB is counted and left out, and the next ones are told") {
  const std::string large = R"({"a":")" + std::string(kItemMax, 'x') + R"("})";
  const Read read(R"({"items":[{"b":1},)" + large + R"(,{"c":2}]})", 65536);
  CHECK(read.list.done());
  CHECK(read.items == std::vector<std::string>{R"({"b":1})", R"({"c":2})"});
  CHECK(read.list.skipped() == 1);
}

}  // namespace
}  // namespace galileo::kubernetes
