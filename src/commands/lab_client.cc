#include "commands/lab_client.h"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "commands/options.h"
#include "net/http_peer.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kLabUsual = "http://localhost:5001/api";
constexpr std::size_t kLabAnswerMax = std::size_t{64} << 20;

// What the command line of the original keeps: {"api": URL}.
std::string lab_url_of_file() {
  const auto home = environment("HOME");
  if (!home) return {};
  const auto text = read_whole_file(*home + "/.galileo-cli", 1 << 16);
  if (!text.ok()) return {};
  const Json json = Json::parse(*text, nullptr, false);
  const auto api = json.is_object() ? json.find("api") : json.end();
  return json.is_object() && api != json.end() && api->is_string() ? api->get<std::string>()
                                                                   : std::string();
}

std::string problem_text(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (!json.is_object() || found == json.end() || !found->is_string()) return {};
  return found->get<std::string>();
}

ErrorCode problem_code(int status) {
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 429 || status >= 500) return ErrorCode::kUnavailable;
  return ErrorCode::kUsage;
}

// A problem as the API says it; each fault of a file on a line of its own.
Error problem_error(int status, const std::string& body, const std::string& where) {
  const Json json = Json::parse(body, nullptr, false);
  Error error{problem_code(status), problem_text(json, "title"), where,
              problem_text(json, "detail"), problem_text(json, "hint")};
  if (error.what.empty()) {
    error.what = fmt::format("the API answers {}", status);
    error.why = shortened(one_line(body), 200);
  }
  if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array()) return error;
  for (const Json& fault : json["errors"])
    error.why +=
        fmt::format("\n  {}: {}", problem_text(fault, "where"), problem_text(fault, "what"));
  return error;
}

}  // namespace

Result<LabClient> LabClient::open(const std::string& url) {
  const std::string of_file = lab_url_of_file();
  const Said address =
      said(url, "--api", "galileo_api_url", of_file.empty() ? std::string(kLabUsual) : of_file);
  auto uri = wire::parse_uri(address.value);
  if (!uri.ok()) {
    uri.error().what = "wrong address of the API";
    return uri.error();
  }
  LabClient client;
  std::string path = uri->path;
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with("/api")) path.resize(path.size() - 4);
  client.prefix_ = path + "/api/v1";
  client.where_ = fmt::format("{}://{}{}", uri->scheme, uri->host_port(), path);
  client.host_ = wire::host_header(uri->route_host());
  if (const auto token = environment("galileo_api_token"); token && !token->empty())
    client.authorization_ = "Bearer " + *token;
  net::HttpPeer::Options peer{uri->host_port()};
  peer.connect_timeout = std::chrono::seconds{5};
  if (uri->scheme == "https") peer.tls.emplace().server_name = uri->host;
  client.http_ = TRY(net::BlockingHttp::make(peer));
  return client;
}

Result<LabClient::Answer> LabClient::ask(std::string_view method, const std::string& path,
                                         const std::string& body,
                                         const std::string& idempotency_key, Duration within) {
  wire::http1::Headers headers;
  if (!authorization_.empty()) headers.emplace_back("Authorization", authorization_);
  if (!idempotency_key.empty()) headers.emplace_back("Idempotency-Key", idempotency_key);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  net::BlockingHttp::Request request;
  request.bytes = wire::http1::serialize_request(method, prefix_ + path, host_, headers,
                                                 body.empty() ? nullptr : &body, false);
  request.within = within;
  request.body_max = kLabAnswerMax;
  auto answer = http_->call(std::move(request));
  if (!answer.ok())
    return Error{ErrorCode::kUnavailable, "can't reach the API", where_, answer.error().why,
                 "check that galileo api runs there, and galileo_api_url"};
  if (answer->status >= 400) return problem_error(answer->status, answer->body, where_);
  return Answer{answer->status, std::move(answer->body)};
}

}  // namespace galileo::commands
