// Requests whose path, headers and body have templates in them. Each is made of its number over all
// clients alone, with draws of its own: the same for any number of loops.
#include <fmt/format.h>

#include <optional>

#include "base/text.h"
#include "load/data_use.h"
#include "load/request_source.h"
#include "load/request_template.h"

namespace galileo::load {
namespace {

class TemplateSource final : public RequestSource {
 public:
  TemplateSource(const RequestTemplate& made_of, const DataUse& data, const ClientPlace& place)
      : template_(made_of), data_(data), place_(place) {}

  Made make(Turn& turn, MadeRequest& into) override {
    RequestTemplate::Moment moment{place_, turn,    data_.rows(),
                                   0,      nullptr, Random(place_.seed ^ kDraws, turn.of_all)};
    if (!data_.pick(turn.of_all, moment.draws, moment.row)) {
      into.why = data_.used_up();
      return Made::kOver;
    }
    return template_.make(moment, into);
  }

 private:
  static constexpr std::uint64_t kDraws = 0x74656d706c617465u;  // apart from schedules' draws
  const RequestTemplate& template_;
  const DataUse& data_;
  const ClientPlace& place_;
};

class TemplateSources final : public RequestSources {
 public:
  TemplateSources(RequestTemplate made_of, DataUse data)
      : template_(std::move(made_of)), data_(std::move(data)) {}
  std::string name() const override { return data_.name(); }
  std::unique_ptr<RequestSource> of_client(const ClientPlace& place) override {
    return std::make_unique<TemplateSource>(template_, data_, place);
  }

 private:
  const RequestTemplate template_;
  const DataUse data_;
};

}  // namespace

Result<std::unique_ptr<RequestSources>> make_templates_sources(const Request& request) {
  DataUse data = TRY(DataUse::make(request.source.parameters));
  RequestTemplate made =
      TRY(RequestTemplate::compile(request, request.source.parameters, data.rows(), {}));
  return std::unique_ptr<RequestSources>(
      std::make_unique<TemplateSources>(std::move(made), std::move(data)));
}

}  // namespace galileo::load
