#include "store/influxdb_server.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "net/clock.h"
#include "net/loop.h"
#include "wire/csv.h"
#include "wire/gzip.h"
#include "wire/unix_time.h"
#include "wire/uri.h"

namespace galileo::store {
namespace {

using Json = nlohmann::json;

// The second question of each: its answer comes after the first one's last row, so that an answer
// that was broken off isn't taken for a whole one. CSV has no other place for that.
constexpr std::string_view kEnd = "; SHOW RETENTION POLICIES";

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The array of that name in the answer; empty where there is none.
Json array_of(const HttpAnswer& answer, const char* key) {
  Json json = Json::parse(answer.body, nullptr, false);
  if (!json.is_object() || !json.contains(key) || !json[key].is_array()) return Json::array();
  return std::move(json[key]);
}

InfluxBucket bucket_of(const Json& json) {
  InfluxBucket bucket{text_of(json, "name"),
                      wire::parse_rfc3339(text_of(json, "createdAt")).value_or(kNoWall)};
  for (const Json& rule : json.value("retentionRules", Json::array())) {
    if (text_of(rule, "type") == "expire")
      bucket.retention_seconds = rule.value("everySeconds", std::int64_t{0});
  }
  return bucket;
}

// "30d", "2w", whatever else is a duration; 0: for ever.
Result<std::int64_t> retention_of(const DatabaseUrl& url) {
  const std::string text = url.option("retention").value_or("0");
  const auto wrong = [&](std::string why) {
    return Error{ErrorCode::kUsage, "wrong option 'retention' in the database's URL", url.text(),
                 std::move(why), "write it as retention=30d, or 0 to keep all of it"};
  };
  const char unit = text.empty() ? ' ' : text.back();
  if (unit == 'd' || unit == 'w') {
    const auto count = parse_integer(std::string_view(text).substr(0, text.size() - 1));
    if (!count || *count <= 0 || *count > 36'500)
      return wrong(fmt::format("'{}' isn't a time", text));
    return *count * (unit == 'd' ? 86'400 : 7 * 86'400);
  }
  const auto duration = parse_duration(text);
  if (!duration.ok()) return wrong(duration.error().why);
  return *duration / std::chrono::seconds{1};
}

}  // namespace

Result<std::unique_ptr<InfluxServer>> InfluxServer::open(const DatabaseUrl& url) {
  std::unique_ptr<InfluxServer> server(new InfluxServer);
  server->connection_ = TRY(InfluxConnection::open(url));
  server->organisation_ = url.path;
  server->organisation_id_ = url.option("org_id").value_or("");
  server->retention_seconds_ = TRY(retention_of(url));
  const std::string buckets = url.option("buckets").value_or("yes");
  if (buckets != "yes" && buckets != "no")
    return Error{ErrorCode::kUsage, "wrong option 'buckets' in the database's URL", url.text(),
                 fmt::format("'{}' is neither yes nor no", buckets), "write buckets=no"};
  server->has_buckets_ = buckets == "yes";
  return server;
}

Time InfluxServer::now() {
  return net::RealClock().now();
}
void InfluxServer::wait(Duration duration) {
  net::pause_thread(duration);
}

std::string InfluxServer::packed(std::string_view lines) {
  return wire::gzip(lines);
}
void InfluxServer::begin_write(const std::string& bucket, std::string packed_lines) {
  InfluxCall call{"POST",
                  "/api/v2/write" +
                      url_query({{"org", organisation_}, {"bucket", bucket}, {"precision", "ns"}})};
  call.body = std::move(packed_lines);
  call.compressed = true;
  call.content_type = "text/plain; charset=utf-8";
  connection_->begin(call);
}
bool InfluxServer::advance_write() {
  return connection_->advance();
}
Result<HttpAnswer> InfluxServer::end_write() {
  return connection_->end();
}
void InfluxServer::abandon_write() {
  connection_->abandon();
}

Result<HttpAnswer> InfluxServer::find_bucket(const std::string& bucket) {
  return connection_->call(
      {"GET", "/api/v2/buckets" + url_query({{"org", organisation_}, {"name", bucket}})});
}

Result<std::optional<InfluxBucket>> InfluxServer::bucket(const std::string& name) {
  const HttpAnswer answer = TRY(find_bucket(name));
  if (answer.status == 404 && error_message(answer).find("bucket") != std::string::npos)
    return std::optional<InfluxBucket>();
  if (answer.status != 200) return refusal(answer, "can't use InfluxDB", where());
  const Json found = array_of(answer, "buckets");
  return found.empty() ? std::optional<InfluxBucket>() : bucket_of(found.front());
}

Result<std::vector<InfluxBucket>> InfluxServer::buckets() {
  std::vector<InfluxBucket> all;
  std::string after;
  constexpr std::size_t kAtOnce = 100;
  while (true) {
    std::string path = "/api/v2/buckets" + url_query({{"org", organisation_}, {"limit", "100"}});
    if (!after.empty()) path += "&after=" + wire::encode_percent(after);
    const HttpAnswer answer = TRY(connection_->call({"GET", path}));
    if (answer.status != 200) return refusal(answer, "can't list the buckets of InfluxDB", where());
    const Json listed = array_of(answer, "buckets");
    for (const Json& bucket : listed) all.push_back(bucket_of(bucket));
    if (listed.size() < kAtOnce) return all;
    after = text_of(listed.back(), "id");
  }
}

// A token of few rights may not look at organisations, but at a bucket of one.
Result<std::string> InfluxServer::organisation_id() {
  if (!organisation_id_.empty()) return organisation_id_;
  const HttpAnswer answer =
      TRY(connection_->call({"GET", "/api/v2/orgs" + url_query({{"org", organisation_}})}));
  const Json found = answer.status == 200 ? array_of(answer, "orgs") : Json::array();
  if (!found.empty()) organisation_id_ = text_of(found.front(), "id");
  if (!organisation_id_.empty()) return organisation_id_;
  const HttpAnswer buckets =
      TRY(connection_->call({"GET", "/api/v2/buckets" + url_query({{"org", organisation_}})}));
  if (buckets.status != 200) return refusal(buckets, "can't find the organisation", where());
  for (const Json& bucket : array_of(buckets, "buckets")) {
    if (text_of(bucket, "type") != "system") organisation_id_ = text_of(bucket, "orgID");
  }
  return organisation_id_;
}

Result<void> InfluxServer::make_bucket(const std::string& bucket) {
  const std::int64_t seconds = bucket == kOurBucket ? 0 : retention_seconds_;
  const std::string retention = seconds > 0 ? fmt::format(" --retention {}s", seconds) : "";
  const std::string by_hand =
      fmt::format("make it by hand: influx bucket create --name '{}' --org '{}'{}", bucket,
                  organisation_, retention);
  const std::string what = fmt::format("can't make the bucket '{}' of InfluxDB", bucket);
  if (!has_buckets_)
    return Error{ErrorCode::kNotFound, what, where(), "it isn't there, and buckets=no was said",
                 by_hand};
  const std::string id = TRY(organisation_id());
  if (id.empty())
    return Error{ErrorCode::kUsage, what, where(),
                 "the token has no right to look at the organisation", by_hand};
  Json rules = Json::array();
  if (seconds > 0) rules.push_back({{"type", "expire"}, {"everySeconds", seconds}});
  InfluxCall call{"POST", "/api/v2/buckets"};
  call.body = Json{{"name", bucket}, {"orgID", id}, {"retentionRules", rules}}.dump();
  call.content_type = "application/json";
  const HttpAnswer answer = TRY(connection_->call(call));
  if (answer.status == 201) return {};
  // Another one was quicker.
  if (answer.status == 422 && TRY(this->bucket(bucket))) return {};
  Error error = refusal(answer, what, where());
  if (answer.status == 401 || answer.status == 403) {
    error.why = "the token has no right to make buckets (" + error.why + ")";
    error.hint = by_hand;
  }
  return error;
}

Result<void> InfluxServer::remove_bucket(const std::string& bucket) {
  const HttpAnswer found = TRY(find_bucket(bucket));
  if (found.status == 404) return {};
  const std::string what = fmt::format("can't delete the bucket '{}' of InfluxDB", bucket);
  if (found.status != 200) return refusal(found, what, where());
  for (const Json& one : array_of(found, "buckets")) {
    if (text_of(one, "name") != bucket) continue;
    const HttpAnswer answer = TRY(connection_->call(
        {"DELETE", "/api/v2/buckets/" + wire::encode_percent(text_of(one, "id"))}));
    if (answer.status != 204 && answer.status != 404) return refusal(answer, what, where());
  }
  return {};
}

Result<void> InfluxServer::remove_points(const std::string& bucket, const std::string& predicate,
                                         std::int64_t first, std::int64_t last) {
  InfluxCall call{"POST",
                  "/api/v2/delete" + url_query({{"org", organisation_}, {"bucket", bucket}})};
  call.body = Json{
      {"start", wire::rfc3339(Wall{Duration{first}}, 9)},
      {"stop", wire::rfc3339(Wall{Duration{last}}, 9)},
      {"predicate",
       predicate}}.dump();
  call.content_type = "application/json";
  const HttpAnswer answer = TRY(connection_->call(call));
  if (answer.status == 204) return {};
  if (answer.status == 404 && error_message(answer).find("bucket") != std::string::npos) return {};
  return refusal(answer, fmt::format("can't delete points of the bucket '{}' of InfluxDB", bucket),
                 where());
}

Result<void> InfluxServer::ask(const std::string& bucket, const std::string& question,
                               const AnswerVisitor& visitor) {
  constexpr std::size_t kLineMax = std::size_t{256} << 20;
  wire::CsvReader reader;
  std::vector<std::string_view> header;
  enum class Part { kHeader, kRows, kEnd } part = Part::kHeader;
  bool is_enough = false;
  const auto take_rows = [&] {
    while (reader.next()) {
      const auto& fields = reader.fields();
      if (part == Part::kEnd) continue;
      if (fields.size() == 1 && fields[0].empty()) {
        part = Part::kHeader;
      } else if (part == Part::kRows) {
        is_enough = !visitor.row(fields);
        if (is_enough) return false;
      } else if (fields.size() > 3 && fields[2] == "name" && fields[3] == "duration") {
        part = Part::kEnd;
      } else {
        // The first two are of each answer: the measurement's name, and the tags of a group.
        header = fields;
        for (std::size_t i = 0; i < std::min<std::size_t>(2, header.size()); ++i) header[i] = "";
        visitor.columns(header);
        part = Part::kRows;
      }
    }
    return reader.waiting() < kLineMax;
  };
  InfluxCall call{"POST", "/query" + url_query({{"db", bucket},
                                                {"epoch", "ns"},
                                                {"chunked", "true"},
                                                {"chunk_size", "10000"}})};
  call.body = "q=" + wire::encode_percent(question + std::string(kEnd));
  call.content_type = "application/x-www-form-urlencoded";
  call.accept = "application/csv";
  call.stream = [&](std::string_view bytes) {
    reader.take(bytes);
    return take_rows();
  };
  const auto called = connection_->call(call);
  if (is_enough) return {};
  const HttpAnswer answer = TRY(called);
  if (answer.status != 200)
    return refusal(answer, fmt::format("can't read the bucket '{}' of InfluxDB", bucket), where());
  reader.finish();
  take_rows();
  if (part == Part::kEnd || is_enough) return {};
  if (!TRY(this->bucket(bucket))) return {};
  return why_not_whole(bucket, question);
}

// CSV doesn't tell; JSON does.
Error InfluxServer::why_not_whole(const std::string& bucket, const std::string& question) {
  Error error{ErrorCode::kIo, fmt::format("can't read the bucket '{}' of InfluxDB whole", bucket),
              where(), "its answer broke off", "look into the server's log"};
  InfluxCall call{"POST", "/query" + url_query({{"db", bucket}})};
  call.body = "q=" + wire::encode_percent(question + " LIMIT 1");
  call.content_type = "application/x-www-form-urlencoded";
  const auto answer = connection_->call(call);
  if (!answer.ok()) return answer.error();
  for (const Json& result : array_of(*answer, "results")) {
    const std::string said = text_of(result, "error");
    if (said.empty()) continue;
    error.why = said;
    if (said.starts_with("database not found"))
      error.hint = fmt::format(
          "use a token of the organisation '{}' itself that may read the bucket; an operator's "
          "token reads those of its own organisation only",
          organisation_);
  }
  return error;
}

std::string influxql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else
      quoted += c;
  }
  return quoted + "'";
}

}  // namespace galileo::store
