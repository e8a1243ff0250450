// Pages of metrics that others serve, in Prometheus' text format.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/secrets.h"
#include "net/addresses.h"
#include "net/http_pool.h"
#include "net/loop.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "wire/prometheus.h"
#include "wire/uri.h"

namespace galileo::telemetry {
namespace {

constexpr std::size_t kPageMax = std::size_t{16} << 20;  // a cluster's state is some MiB
constexpr std::size_t kValuesMax = 5000;  // of a page: one that lists users must not flood the bus
constexpr Duration kTimeout = std::chrono::seconds{5};

class Scrape final : public Instrument {
 public:
  explicit Scrape(const Machine& machine) : patterns_(machine.page_metrics) {
    if (!machine.loop || machine.pages.empty()) return;
    link_ = std::make_unique<Link>(*machine.loop, [this](const std::string& host) { found(host); });
    std::vector<std::string> hosts;
    for (const WatchedPage& watched : machine.pages) {
      const auto uri = wire::parse_uri(watched.url);
      if (!uri.ok()) continue;  // who made the machine has looked
      pages_.push_back(std::make_unique<Page>(*this, watched, *uri));
      pages_.back()->target = &link_->pool.target(uri->host_port());
      hosts.push_back(uri->host_port());
    }
    link_->addresses.want(hosts);
    for (const std::string& host : hosts) found(host);
  }
  ~Scrape() override {
    for (const auto& page : pages_) {
      if (page->under_way) link_->pool.abandon(*page);
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
        page->under_way = true;
        page->answer = {};
        page->answer.want_body = kPageMax;
        link_->pool.send(*page, *page->target);
      }
      failed = failed || !page->trouble.empty();
    }
    return failed ? ReadOutcome::kFailed : ReadOutcome::kRead;
  }

 private:
  // One GET and what it is for.
  struct Page final : net::HttpExchange {
    Page(Scrape& scrape_of, const WatchedPage& watched, const wire::Uri& uri)
        : scrape(scrape_of),
          name(one_word(watched.name)),
          url(uri.host_port() + wire::encode_path(uri.path)) {
      request = fmt::format(
          "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/plain;version=0.0.4\r\n"
          "User-Agent: galileo\r\n{}\r\n",
          uri.path, wire::host_header(uri.host_port()),
          uri.user_info.empty()
              ? std::string()
              : fmt::format("Authorization: Basic {}\r\n", wire::base64(uri.user_info)));
      bytes = request;
      repeatable = true;
      timeout = kTimeout;
      capture = &answer;
    }
    void on_done() override {
      under_way = false;
      scrape.answered(*this);
    }

    Scrape& scrape;
    const std::string name;
    const std::string url;  // as it may be told: without a password
    std::string request;
    wire::http1::Capture answer;
    net::HttpTarget* target = nullptr;
    bool under_way = false;
    std::string trouble;  // why the last answer wasn't one; empty: it was
  };

  struct Link {
    Link(net::Loop& loop, std::function<void(const std::string& host)> on_found)
        : connector(loop),
          pool(loop.clock(), loop.timers(), connector, options()),
          addresses(loop, 0,
                    [on_found = std::move(on_found)](const std::string& host, const auto&) {
                      on_found(host);
                    }) {}
    static net::HttpPool::Options options() {
      net::HttpPool::Options options;
      options.connect_timeout = kTimeout;
      options.limits.body_max = kPageMax;
      return options;
    }
    net::TcpConnector connector;
    net::HttpPool pool;
    net::Addresses addresses;
  };

  void found(const std::string& host) {
    link_->pool.set_addresses(link_->pool.target(host), link_->addresses.of(host));
  }

  void answered(Page& page) {
    std::string trouble;
    if (page.failure != wire::Failure::none)
      trouble = wire::failure_text(page.failure);
    else if (page.status != 200)
      trouble = fmt::format("it answers {}", page.status);
    else
      trouble = take(page);
    if (trouble.empty() != page.trouble.empty())
      log(trouble.empty() ? LogLevel::kInfo : LogLevel::kWarning,
          trouble.empty() ? "a page of metrics can be read again"
                          : "a page of metrics can't be read",
          {{"page", page.name}, {"url", without_secrets_of_url(page.url)}, {"why", trouble}});
    page.trouble = std::move(trouble);
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

  const std::vector<std::string> patterns_;
  std::unique_ptr<Link> link_;
  std::vector<std::unique_ptr<Page>> pages_;  // gone before the link
  Readings* readings_ = nullptr;
};

}  // namespace

std::unique_ptr<Instrument> make_scrape(const Machine& machine) {
  return std::make_unique<Scrape>(machine);
}

}  // namespace galileo::telemetry
