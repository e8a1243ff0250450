#include "apps/repository.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/archive.h"
#include "base/text.h"
#include "base/utf8.h"
#include "net/signals.h"
#include "wire/http1.h"
#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::apps {
namespace {

constexpr Duration kConnectWithin = std::chrono::seconds{5};
constexpr Duration kAnswerWithin = std::chrono::seconds{30};
constexpr Duration kPause = std::chrono::milliseconds{2};  // between looks for its answer
constexpr int kFound = 200, kMade = 201, kNoneThere = 404;

std::string path_of(const std::string& name, std::string_view then = {}) {
  return fmt::format("/api/apps/{}{}", wire::encode_percent(name), then);
}

// The name in an answer about an app: a manifest, or a description with it.
std::string name_in(const wire::Json& json) {
  const wire::Json* name = wire::find(json, "name");
  if (!name) {
    const wire::Json* const manifest = wire::find(json, "manifest");
    if (manifest) name = wire::find(*manifest, "name");
  }
  return name && name->kind == wire::Json::Kind::kText ? name->text : std::string();
}

}  // namespace

Result<Repository> Repository::open(const std::string& url) {
  auto uri = wire::parse_uri(url);
  if (!uri.ok()) {
    uri.error().what = "wrong address of the app repository";
    return uri.error();
  }
  Repository repository;
  std::string path = uri->path;
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with("/api")) path.resize(path.size() - 4);
  repository.prefix_ = path;
  repository.where_ = fmt::format("{}://{}{}", uri->scheme, uri->host_port(), path);
  repository.host_ = wire::host_header(uri->route_host());
  if (!uri->user_info.empty()) repository.authorization_ = "Basic " + wire::base64(uri->user_info);
  net::HttpPeer::Options peer{uri->host_port()};
  peer.connect_timeout = kConnectWithin;
  if (uri->scheme == "https") peer.tls.emplace().server_name = uri->host;
  repository.http_ = TRY(net::BlockingHttp::make(peer));
  return repository;
}

Result<net::BlockingHttp::Answer> Repository::ask(std::string_view method, const std::string& path,
                                                  const std::string* body) {
  wire::http1::Headers headers;
  if (!authorization_.empty()) headers.emplace_back("Authorization", authorization_);
  if (body) headers.emplace_back("Content-Type", "application/zip");
  net::BlockingHttp::Request request;
  request.bytes =
      wire::http1::serialize_request(method, prefix_ + path, host_, headers, body, false);
  request.within = kAnswerWithin;
  request.body_max = static_cast<std::size_t>(ArchiveBounds{}.archive_bytes_max) + 1;
  net::BlockingHttp::Asking asking(*http_, std::move(request));
  while (asking.advance()) {
    if (net::signal_waits()) return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    net::pause_thread(kPause);
  }
  auto answer = asking.end();
  if (!answer.ok())
    return Error{ErrorCode::kUnavailable, "can't reach the app repository", where_,
                 answer.error().why, "check that it runs there, and galileo_apps_repository"};
  return answer;
}

Error Repository::unexpected(std::string_view what, const net::BlockingHttp::Answer& answer) const {
  const std::string said = shortened(one_line(trim(answer.body)), 200);
  return Error{ErrorCode::kUnavailable,
               fmt::format("the app repository {}", what),
               where_,
               said.empty() ? fmt::format("it answers {}", answer.status)
                            : fmt::format("it answers {}: {}", answer.status, said),
               {}};
}

Result<bool> Repository::has(const std::string& name) {
  const auto answer = TRY(ask("GET", path_of(name)));
  if (answer.status == kNoneThere) return false;
  const auto json = wire::parse_json(answer.body);
  if (answer.status != kFound || !json.ok())
    return unexpected(fmt::format("doesn't say whether there is an app '{}'", name), answer);
  const std::string said = name_in(*json);
  if (said != name)
    return Error{
        ErrorCode::kCorrupt, fmt::format("the app repository was asked for '{}'", name), where_,
        said.empty() ? std::string("its answer names no app")
                     : fmt::format("its answer is about '{}'", shortened(one_line(said), 60)),
        "the manifest's name must be the one that is asked for"};
  return true;
}

Result<std::string> Repository::download(const std::string& name) {
  auto answer = TRY(ask("GET", path_of(name, "/download")));
  if (answer.status != kFound)
    return unexpected(fmt::format("doesn't give the app '{}'", name), answer);
  return std::move(answer.body);
}

Result<std::vector<std::string>> Repository::names() {
  const auto answer = TRY(ask("GET", "/api/apps"));
  const auto json = wire::parse_json(answer.body);
  if (answer.status != kFound || !json.ok() || json->kind != wire::Json::Kind::kArray)
    return unexpected("gives no list of its apps", answer);
  std::vector<std::string> names;
  for (const wire::Json& item : json->items)
    names.push_back(item.kind == wire::Json::Kind::kText ? item.text : name_in(item));
  std::erase(names, "");
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> Repository::upload(std::string_view zip) {
  const std::string body(zip);
  const auto answer = TRY(ask("POST", "/api/apps", &body));
  if (answer.status == kMade || answer.status == kFound) return {};
  return unexpected("didn't take the app", answer);
}

Result<bool> Repository::remove(const std::string& name) {
  const auto answer = TRY(ask("DELETE", path_of(name)));
  if (answer.status == kNoneThere) return false;
  if (answer.status != kFound) return unexpected(fmt::format("didn't remove '{}'", name), answer);
  return trim(answer.body) != "false";
}

}  // namespace galileo::apps
