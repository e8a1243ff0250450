// Any bytes as a list: no crash, the same items and rest wherever it is cut; of what is JSON with
// items, those are them.
#include "kubernetes/list_items.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

using namespace galileo;
using Json = nlohmann::json;

namespace {

struct Read {
  Read(std::string_view text, std::size_t piece)
      : list([this](std::string_view item) { items.emplace_back(item); }) {
    while (!text.empty() && list.feed(text.substr(0, piece)))
      text.remove_prefix(std::min(piece, text.size()));
  }
  std::vector<std::string> items;
  kubernetes::ListItems list;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Read whole(text, std::string_view::npos);
  const Read pieces(text, 3);
  ENSURE(whole.items == pieces.items && whole.list.done() == pieces.list.done());
  ENSURE(whole.list.rest() == pieces.list.rest());
  // A zero byte is an end to the parser.
  const bool has_zero = text.find('\0') != std::string_view::npos;
  const Json json = has_zero ? Json() : Json::parse(text, nullptr, false);
  if (!json.is_object()) return 0;
  ENSURE(whole.list.done());
  const auto items = json.find("items");
  // A key that is written in another way, or is there twice, isn't one that a server gives.
  std::size_t keys = 0;
  for (std::size_t at = text.find("\"items\""); at != std::string_view::npos;
       at = text.find("\"items\"", at + 1))
    ++keys;
  if (items == json.end() || !items->is_array() || keys != 1 ||
      text.find('\\') != std::string_view::npos)
    return 0;
  std::size_t at = 0;
  for (const Json& item : *items) {
    if (!item.is_structured()) continue;
    ENSURE(at < whole.items.size() && Json::parse(whole.items[at], nullptr, false) == item);
    ++at;
  }
  ENSURE(at == whole.items.size());
  ENSURE(Json::parse(whole.list.rest(), nullptr, false).is_object(), whole.list.rest());
  return 0;
}
