// Any text with templates in it: taken out, made ready and rendered. What is shown of it says what
// was written, and one that is taken is made into a request, however often.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "load/request_template.h"
#include "load/template_text.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr load::Fit kFits[] = {load::Fit::kUrl, load::Fit::kQuery, load::Fit::kHeader,
                                 load::Fit::kJson, load::Fit::kPlain};
  load::TemplateMarks::Outside outside;
  outside.environment = [](std::string_view) { return std::optional<std::string>("it's"); };
  // No file of this machine is read.
  outside.path_of = [](const std::string&) -> Result<std::string> {
    return Error{ErrorCode::kNotFound, "no files here", {}, {}, {}};
  };
  load::TemplateMarks marks(outside);
  const auto taken = marks.take(text, kFits[data[0] % 5]);
  static_cast<void>(load::HiddenTemplates(text).restore(text));
  if (!taken.ok() || text.find("://") != std::string_view::npos) return 0;
  static const auto rows = load::DataRows::parse("a,b\n\"x,\"\"\n\",2\n", "r.csv");
  load::Request request;
  request.has_body = true;
  request.body = *taken;
  request.headers = {{"X", *taken}};
  const auto made = load::RequestTemplate::compile(request, marks.marks(), &*rows, {"v"});
  if (!made.ok()) return 0;
  const load::ClientPlace place;
  const load::Turn turn;
  const std::vector<std::string> values{"value"};
  std::string first;
  for (int i = 0; i < 2; ++i) {
    load::RequestTemplate::Moment moment{place, turn, &*rows, 0, &values, Random(1, 2)};
    load::MadeRequest into;
    if (made->make(moment, into) != load::Made::kMade) return 0;
    if (i == 0) first = *into.sent_body();
    ENSURE(*into.sent_body() == first, "another request of the same number");
  }
  return 0;
}
