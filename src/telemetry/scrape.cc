// Pages of metrics that others serve, in Prometheus' text format. One that has moved is followed to
// where it is, each time anew, as the load engine follows its redirects; the time-out is for all
// hops together.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/secrets.h"
#include "net/addresses.h"
#include "net/http_pool.h"
#include "net/loop.h"
#include "net/timers.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "wire/prometheus.h"
#include "wire/redirect.h"
#include "wire/uri.h"

namespace galileo::telemetry {
namespace {

constexpr std::size_t kPageMax = std::size_t{16} << 20;  // a cluster's state is some MiB
constexpr std::size_t kValuesMax = 5000;  // of a page: one that lists users must not flood the bus
constexpr Duration kTimeout = std::chrono::seconds{5};
constexpr std::uint32_t kRedirectsMax = 10;  // as Prometheus has it
// That pages may lead to while we run: who makes up a new host each time can't fill our memory.
constexpr std::size_t kRedirectHostsMax = 100;

class Scrape final : public Instrument {
 public:
  explicit Scrape(const Machine& machine) : patterns_(machine.page_metrics) {
    if (!machine.loop || machine.pages.empty()) return;
    link_ = std::make_unique<Link>(
        *machine.loop, [this](const std::string& host) { found(host); },
        [this](const std::string& host) { go_on(host); });
    for (const WatchedPage& watched : machine.pages) {
      const auto uri = wire::parse_plain_uri(watched.url);
      if (!uri.ok()) continue;  // who made the machine has looked
      pages_.push_back(std::make_unique<Page>(*this, watched, *uri));
      hosts_.push_back(uri->host_port());
    }
    watched_hosts_ = hosts_.size();
    link_->addresses.want(hosts_);
    for (const std::string& host : hosts_) found(host);
  }
  ~Scrape() override {
    for (const auto& page : pages_) {
      if (page->under_way && !page->waits_for_name) link_->pool.abandon(*page);
    }
  }

  ReadOutcome read(Readings& readings) override {
    if (pages_.empty()) return ReadOutcome::kNoData;
    readings_ = &readings;
    bool failed = false;
    for (const auto& page : pages_) {
      // One that takes longer than its period is asked again when it has answered.
      if (page->under_way) {
        readings.miss();
      } else {
        begin(*page);
      }
      failed = failed || !page->trouble.empty();
    }
    return failed ? ReadOutcome::kFailed : ReadOutcome::kRead;
  }

 private:
  // One page, and the GET that is under way for it.
  struct Page final : net::HttpExchange {
    Page(Scrape& scrape_of, const WatchedPage& watched, const wire::Uri& uri)
        : scrape(scrape_of),
          name(one_word(watched.name)),
          first(uri),
          headers(headers_for(uri)),
          first_bytes(wire::http1::serialize_request(
              kMethod, uri.path, wire::host_header(uri.host_port()), headers, nullptr, false)),
          whole([this](Time) { scrape.timed_out(*this); }) {
      repeatable = true;
      want_redirect = true;
      timeout = kTimeout;
      capture = &answer;
    }
    static wire::http1::Headers headers_for(const wire::Uri& uri) {
      wire::http1::Headers headers{{"Accept", "text/plain;version=0.0.4"}};
      if (!uri.user_info.empty())
        headers.emplace_back("Authorization", "Basic " + wire::base64(uri.user_info));
      return headers;
    }
    const wire::Uri& at() const { return redirect.count() == 0 ? first : redirect.to(); }
    void on_done() override { scrape.answered(*this); }

    Scrape& scrape;
    const std::string name;
    const wire::Uri first;  // where it is said to be
    const wire::http1::Headers headers;
    const std::string first_bytes;
    wire::Redirect redirect;
    wire::http1::Capture answer;
    net::Timer whole;  // set while under way
    bool under_way = false;
    bool waits_for_name = false;  // at() isn't known yet: the exchange isn't in the pool
    std::string trouble;          // why the last answer wasn't one; empty: it was
  };

  struct Link {
    using OnHost = std::function<void(const std::string& host)>;
    Link(net::Loop& on_loop, OnHost on_found, OnHost on_unknown)
        : loop(on_loop),
          connector(loop),
          pool(loop.clock(), loop.timers(), connector, options()),
          addresses(loop, 0,
                    [on_found = std::move(on_found)](const std::string& host, const auto&) {
                      on_found(host);
                    }) {
      addresses.on_unknown(std::move(on_unknown));
    }
    static net::HttpPool::Options options() {
      net::HttpPool::Options options;
      options.bounds.connect_timeout = kTimeout;
      options.bounds.answer.body_max = kPageMax;
      return options;
    }
    net::Loop& loop;
    net::TcpConnector connector;
    net::HttpPool pool;
    net::Addresses addresses;
  };

  void found(const std::string& host) {
    link_->pool.set_addresses(link_->pool.target(host), link_->addresses.of(host));
    go_on(host);
  }

  // It is known where the host is, or that nobody knows: the pool says so of those who ask there.
  void go_on(const std::string& host) {
    for (const auto& page : pages_) {
      if (!page->waits_for_name || page->at().host_port() != host) continue;
      page->waits_for_name = false;
      link_->pool.send(*page, link_->pool.target(host));
    }
  }

  void begin(Page& page) {
    page.under_way = true;
    page.redirect.clear();
    page.bytes = page.first_bytes;
    link_->loop.timers().set(page.whole, link_->loop.clock().now() + kTimeout);
    ask(page);
  }

  void ask(Page& page) {
    page.answer = {};
    page.answer.want_body = kPageMax;
    link_->pool.send(page, link_->pool.target(page.at().host_port()));
  }

  void timed_out(Page& page) {
    if (!page.waits_for_name) return link_->pool.time_out(page);
    page.waits_for_name = false;
    page.failure = wire::Failure::no_address;
    answered(page);
  }

  // Why the answer can't be followed; empty: the next request is under way.
  std::string follow(Page& page) {
    if (page.redirect.count() >= kRedirectsMax)
      return fmt::format("it redirects more than {} times", kRedirectsMax);
    const auto followed =
        page.redirect.follow({kMethod, page.headers, nullptr}, page.first, page.status,
                             page.location, page.set_cookies, net::RealClock::wall_now());
    if (!followed.ok())
      return fmt::format("it redirects to {}: {}", without_secrets_of_url(page.location),
                         followed.error().why);
    page.bytes = page.redirect.bytes();
    const std::string host = page.at().host_port();
    if (std::find(hosts_.begin(), hosts_.end(), host) == hosts_.end()) {
      if (hosts_.size() - watched_hosts_ >= kRedirectHostsMax)
        return fmt::format("it redirects to {}, after {} other hosts", host, kRedirectHostsMax);
      hosts_.push_back(host);
      link_->addresses.want(hosts_);
      link_->pool.set_addresses(link_->pool.target(host), link_->addresses.of(host));
    }
    const auto unasked = link_->addresses.unasked();
    page.waits_for_name = std::find(unasked.begin(), unasked.end(), host) != unasked.end();
    if (!page.waits_for_name) ask(page);
    return {};
  }

  void answered(Page& page) {
    std::string trouble;
    if (page.failure != wire::Failure::none) {
      trouble = wire::failure_text(page.failure);
    } else if (wire::is_redirect(page.status, page.location)) {
      trouble = follow(page);
      if (trouble.empty()) return;
    } else if (page.status != 200) {
      trouble = fmt::format("it answers {}", page.status);
    } else {
      trouble = take(page);
    }
    page.under_way = false;
    link_->loop.timers().cancel(page.whole);
    tell(page, trouble);
    page.trouble = std::move(trouble);
  }

  // Once, when it changes; without a password.
  static void tell(const Page& page, const std::string& trouble) {
    if (trouble.empty() == page.trouble.empty()) return;
    const auto url = [](const wire::Uri& uri) {
      return without_secrets_of_url(uri.host_port() + uri.path);
    };
    const std::string why = page.redirect.count() == 0 || trouble.empty()
                                ? trouble
                                : fmt::format("redirected to {}: {}", url(page.at()), trouble);
    log(trouble.empty() ? LogLevel::kInfo : LogLevel::kWarning,
        trouble.empty() ? "a page of metrics can be read again" : "a page of metrics can't be read",
        {{"page", page.name}, {"url", url(page.first)}, {"why", why}});
  }

  // Why not; empty: it could be read.
  std::string take(const Page& page) {
    std::size_t values = 0;
    std::string topic;
    readings_->stamp();
    const auto read = wire::read_metrics(page.answer.body, [&](const wire::Metric& metric) {
      if (!std::isfinite(metric.value) || !is_wanted(metric.name) || ++values > kValuesMax) return;
      topic = fmt::format("{}/{}", page.name, metric.name);
      char before = '/';
      for (const auto& [name, value] : metric.labels) {
        topic += fmt::format("{}{}={}", before, name, value);
        before = ',';
      }
      // A topic is one word of one line.
      std::replace_if(topic.begin(), topic.end(), [](char c) { return c >= 0 && c <= ' '; }, '_');
      readings_->put("scrape", topic, metric.value);
    });
    if (!read.ok()) return fmt::format("{}: {}", read.error().where, read.error().why);
    return values > kValuesMax ? fmt::format(
                                     "it has {} values, {} are taken; say which by "
                                     "telemd_scrape_metrics",
                                     values, kValuesMax)
                               : std::string();
  }

  bool is_wanted(const std::string& metric) const {
    return patterns_.empty() ||
           std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
             return fnmatch(pattern.c_str(), metric.c_str(), 0) == 0;
           });
  }

  inline static const std::string kMethod = "GET";
  const std::vector<std::string> patterns_;
  std::vector<std::string> hosts_;  // "host:port", first those of the pages as they are said
  std::size_t watched_hosts_ = 0;   // so many
  std::unique_ptr<Link> link_;
  std::vector<std::unique_ptr<Page>> pages_;  // gone before the link
  Readings* readings_ = nullptr;
};

}  // namespace

std::unique_ptr<Instrument> make_scrape(const Machine& machine) {
  return std::make_unique<Scrape>(machine);
}

}  // namespace galileo::telemetry
