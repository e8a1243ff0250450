// Requests as a client app's generator makes them (docs/how-to/apps.md). Its processes are the
// group's, in an AppHost; what they make is read and turned into requests at the host's desk, and
// goes to the client's loop by the batch, ahead of the schedule.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "apps/app_host.h"
#include "apps/settings.h"
#include "base/log.h"
#include "load/app_request.h"
#include "load/request_parameters.h"
#include "load/request_source.h"

namespace galileo::load {
namespace {

// How many requests are made ahead. A client begins with few, where clients are many, and has twice
// as many each time that there were none; what they hold is bounded, too.
constexpr std::uint32_t kAheadLeast = 2;
constexpr std::uint32_t kAheadMost = 2048;
constexpr std::uint32_t kAheadOfAll = 16 * 1024;
constexpr std::uint32_t kAheadFirstMost = 256, kAheadFirstLeast = 8;
constexpr std::uint64_t kAheadBytes = std::uint64_t{8} << 20;  // of a client

// A loop keeps something for each time-out and for each way of TLS, and a generator may make up new
// ones without end: of time-outs three digits count, of ways of TLS there may be so many.
constexpr std::int64_t kTimeoutDigits = 1000;
constexpr std::size_t kTlsWaysMost = 16;

struct AppMade {
  MadeRequest request;
  std::string trouble;  // why it can't be sent; empty: it can
  std::uint64_t bytes = 0;
};

struct AppBatch {
  std::vector<AppMade> requests;
  bool is_over = false;
  bool has_failed = false;  // for `why`; else it is over by itself
  std::string why;
};

// From the frame to the request.
Result<Request> request_of(const apps::AppRequest& app, std::string_view mark) {
  RequestReading reading = read_request_parameters(app.json);
  if (!reading.faults.empty()) {
    RequestFault& fault = reading.faults.front();
    return Error{ErrorCode::kUsage, "the request can't be sent", std::move(fault.subject),
                 std::move(fault.why), std::move(fault.hint)};
  }
  TRY(apps::put_blobs(reading.request.body, mark, app));
  return std::move(reading.request);
}

Duration rounded_up(Duration timeout) {
  std::int64_t step = 1;
  while (timeout.count() / step >= kTimeoutDigits) step *= 10;
  return Duration{(timeout.count() + step - 1) / step * step};
}

// What the request says goes before what its client says of all.
RequestTerms terms_of(const RequestTerms& said, const RequestTerms& of_all) {
  RequestTerms terms = said;
  terms.timeout = said.timeout ? std::optional(rounded_up(*said.timeout)) : of_all.timeout;
  if (!terms.redirects_max) terms.redirects_max = of_all.redirects_max;
  if (terms.tls == TlsSettings{}) terms.tls = of_all.tls;
  if (!terms.ok) terms.ok = of_all.ok;
  return terms;
}

// What is of all requests in a group can't be of one alone.
Result<MadeRequest> made_of(const apps::AppRequest& app, std::string_view mark,
                            const Request& group) {
  Request read = TRY(request_of(app, mark));
  if (read.http != HttpSettings{} && read.http != group.http)
    return Error{ErrorCode::kUsage, "the request can't be sent", "kwargs.http",
                 "how HTTP is spoken is a client's to say, not one request's",
                 "say it beside the app, in the client's request"};
  MadeRequest made;
  made.terms = terms_of(read, group);
  made.method = std::move(read.method);
  made.path = std::move(read.path);
  made.headers = std::move(read.headers);
  made.body = std::move(read.body);
  made.has_body = read.has_body;
  return made;
}

class AppSource;

// Where the desk's batches find their source. Owned by AppSources; `source` is the loop's.
struct AppSlot {
  AppSource* source = nullptr;
  std::function<void(std::function<void()>)> post;
  std::uint32_t client = 0;
};

class AppSources;

class AppSource final : public RequestSource {
 public:
  AppSource(AppSources& sources, const ClientPlace& place);
  ~AppSource() override;
  Made make(Turn& turn, MadeRequest& into) override;
  void take(AppBatch&& batch);

 private:
  void ask_for_more();

  AppSources& sources_;
  const ClientPlace& place_;
  AppSlot* slot_ = nullptr;
  std::deque<AppMade> queue_;
  std::uint32_t owed_ = 0;  // asked for, and not here yet
  std::uint32_t ahead_;
  std::uint64_t bytes_ = 0;  // of the queue
  bool waiting_ = false;
  bool over_ = false;
  bool failed_ = false;  // that hasn't cost a request yet
  std::string why_;
};

class AppSources final : public RequestSources {
 public:
  AppSources(std::string app, Request request, std::unique_ptr<apps::AppHost> host)
      : app_(std::move(app)),
        request_(std::move(request)),
        held_by_(host->held_by()),
        host_(std::move(host)) {}

  std::string name() const override { return fmt::format("client app '{}'", app_); }
  std::vector<std::string> notes() const override {
    return {fmt::format("{} is held by {}", name(), held_by_)};
  }
  bool whole_clients() const override { return true; }
  Result<void> expect(std::size_t clients) override { return host_->prepare(clients); }
  std::unique_ptr<RequestSource> of_client(const ClientPlace& place) override {
    return std::make_unique<AppSource>(*this, place);
  }
  void end() override { host_.reset(); }

  AppSlot& begin(AppSource& source, const ClientPlace& place) {
    AppSlot* slot = nullptr;
    host_->at_desk([&] {
      slots_.push_back(std::make_unique<AppSlot>());
      slot = slots_.back().get();
      slot->source = &source;
      slot->post = place.post;
    });
    slot->client =
        host_->begin([this, slot](apps::AppNews&& news) { send_on(*slot, std::move(news)); });
    return *slot;
  }
  apps::AppHost& host() { return *host_; }
  void end_client(std::uint32_t client) {
    if (host_) host_->end(client);
  }

 private:
  // At the desk.
  Result<MadeRequest> make(const apps::AppRequest& request, std::string_view mark) {
    MadeRequest made = TRY(made_of(request, mark, request_));
    const TlsSettings& tls = made.terms->tls;
    if (tls == request_.tls || tls_ways_.contains(tls)) return made;
    if (tls_ways_.size() >= kTlsWaysMost)
      return Error{
          ErrorCode::kUsage, "the request can't be sent", "kwargs",
          fmt::format("verify, cert and tls have said more than {} different things", kTlsWaysMost),
          "each is a set of connections of its own: say few"};
    tls_ways_.insert(tls);
    return made;
  }

  // At the desk. The slot is there as long as anything of it may be on its way.
  void send_on(const AppSlot& slot, apps::AppNews&& news) {
    AppBatch batch;
    batch.requests.reserve(news.requests.size());
    for (const apps::AppRequest& request : news.requests) {
      AppMade& made = batch.requests.emplace_back();
      auto read = make(request, news.mark);
      if (read.ok())
        made.request = std::move(*read);
      else
        made.trouble = read.error().to_text();
      made.bytes = made.request.body.size() + made.request.path.size() + sizeof made;
    }
    batch.is_over = news.is_over;
    batch.has_failed = news.trouble.has_value();
    if (news.is_over)
      batch.why = news.trouble ? news.trouble->to_text() : "its generator has no more requests";
    slot.post([to = &slot, batch = std::move(batch)]() mutable {
      if (to->source) to->source->take(std::move(batch));
    });
  }

  const std::string app_;
  const Request request_;
  const std::string held_by_;
  std::vector<std::unique_ptr<AppSlot>> slots_;  // the desk's
  std::set<TlsSettings> tls_ways_;               // the desk's
  std::unique_ptr<apps::AppHost> host_;
};

AppSource::AppSource(AppSources& sources, const ClientPlace& place)
    : sources_(sources),
      place_(place),
      ahead_(std::clamp(kAheadOfAll / std::max(place.of, 1u), kAheadFirstLeast, kAheadFirstMost)) {
  slot_ = &sources_.begin(*this, place);
  ask_for_more();
}

AppSource::~AppSource() {
  slot_->source = nullptr;
  sources_.end_client(slot_->client);
}

Made AppSource::make(Turn& /*turn*/, MadeRequest& into) {
  if (queue_.empty()) {
    if (over_) {
      // The request that was to be made is one that failed, and the last one.
      into.why = why_;
      return std::exchange(failed_, false) ? Made::kFailed : Made::kOver;
    }
    if (!std::exchange(waiting_, true)) ahead_ = std::min(ahead_ * 2, kAheadMost);
    ask_for_more();
    return Made::kNotYet;
  }
  AppMade made = std::move(queue_.front());
  queue_.pop_front();
  bytes_ -= made.bytes;
  ask_for_more();
  if (!made.trouble.empty()) {
    into.why = std::move(made.trouble);
    return Made::kFailed;
  }
  into = std::move(made.request);
  return Made::kMade;
}

void AppSource::take(AppBatch&& batch) {
  owed_ -= std::min<std::uint32_t>(owed_, static_cast<std::uint32_t>(batch.requests.size()));
  for (AppMade& made : batch.requests) {
    bytes_ += made.bytes;
    queue_.push_back(std::move(made));
  }
  over_ = over_ || batch.is_over;
  if (batch.is_over && why_.empty()) {
    failed_ = batch.has_failed;
    why_ = std::move(batch.why);
  }
  ask_for_more();
  if (std::exchange(waiting_, false)) place_.ready();
}

// Half of what is to be ahead is asked for at once, so that few messages go there.
void AppSource::ask_for_more() {
  if (over_) return;
  std::uint32_t ahead = ahead_;
  if (bytes_ > 0) {
    const std::uint64_t each = bytes_ / queue_.size() + 1;
    ahead = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(kAheadBytes / each, kAheadLeast, ahead));
  }
  const auto there = static_cast<std::uint32_t>(queue_.size()) + owed_;
  if (there > ahead / 2) return;
  sources_.host().want(slot_->client, ahead - there);
  owed_ += ahead - there;
}

}  // namespace

namespace {

Result<std::unique_ptr<apps::AppHost>> start_app(const Request& request) {
  const auto& parameters = request.source.parameters;
  const auto value = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  const apps::AppSettings settings = TRY(apps::read_settings(parameters));
  apps::AppSetup setup;
  setup.app = TRY(apps::find_app_or_folder(settings.places, value(kAppName)));
  setup.parameters = value(kAppParameters);
  setup.python = settings.python;
  setup.limits = settings.limits;
  return apps::AppHost::start(std::move(setup));
}

}  // namespace

Result<std::unique_ptr<RequestSources>> make_app_sources(const Request& request) {
  auto host = TRY(start_app(request));
  log(LogLevel::kInfo, "a client app has started",
      {{"app", host->app().name}, {"held by", host->held_by()}});
  const std::string name = host->app().name;
  return std::unique_ptr<RequestSources>(
      std::make_unique<AppSources>(name, request, std::move(host)));
}

Result<Request> first_of_app(const Request& app) {
  const auto host = TRY(start_app(app));
  std::optional<Result<Request>> first;
  const std::uint32_t client = host->begin([&first](apps::AppNews&& news) {
    if (first) return;
    if (!news.requests.empty())
      first = request_of(news.requests.front(), news.mark);
    else if (news.trouble)
      first = *news.trouble;
    else
      first = Error{
          ErrorCode::kUsage, "the client app makes no request", {}, "its generator has ended", {}};
  });
  host->want(client, 1);
  // The host's own deadline ends the wait.
  for (bool done = false; !done;) {
    host->at_desk([&] { done = first.has_value(); });
    if (!done) net::pause_thread(std::chrono::milliseconds{2});
  }
  TRY(*first);
  Request request = std::move(**first);
  if (!request.timeout) request.timeout = app.timeout;
  return request;
}

}  // namespace galileo::load
