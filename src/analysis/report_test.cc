#include "analysis/report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "analysis/report_size.h"

namespace galileo::analysis {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPlain = 100000;  // room enough for no thinning

std::string document_in(const std::string& html) {
  constexpr std::string_view kOpen = "id=\"result\">";
  const std::size_t begin = html.find(kOpen);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = html.find("</script>", begin);
  return html.substr(begin + kOpen.size(), end - begin - kOpen.size());
}

Json document(std::size_t series, std::size_t points) {
  Json json;
  json["provenance"] = {{"plan", {{"name", "hello"}}}, {"file_text", "name: hello\n"}};
  json["notes"] = Json::array();
  json["telemetry"] = Json::array();
  for (std::size_t n = 0; n < series; ++n) {
    Json t = Json::array(), mean = Json::array(), max = Json::array();
    for (std::size_t i = 0; i < points; ++i) {
      t.push_back(static_cast<double>(i) * 0.1);
      mean.push_back(100.0 / 3 + static_cast<double>(i % 7));
      max.push_back(200.0 / 3 + static_cast<double>(i % 7));
    }
    json["telemetry"].push_back({{"metric", "cpu"}, {"t_s", t}, {"mean", mean}, {"max", max}});
  }
  return json;
}

TEST_CASE("nothing in a document can end the element that holds it") {
  const Json json = {{"name", "</script><b> <!-- \xe2\x80\xa8 \xe2\x80\xa9 \xe2\x80\xa6"}};
  const std::string inside = document_in(report_html(json.dump()));
  CHECK(inside.find('<') == std::string::npos);
  CHECK(inside.find("\xe2\x80\xa8") == std::string::npos);
  CHECK(inside.find("\xe2\x80\xa9") == std::string::npos);
  CHECK(Json::parse(inside) == json);
}

TEST_CASE("a document that has room stays as it is, digit by digit") {
  const std::string text = document(2, 50).dump();
  CHECK(within_size(text, kPlain) == text);
  CHECK(document_in(report_html(text)) == text);
}

TEST_CASE("the longest document that a run can make becomes a report of at most 2 MiB") {
  const std::string text = document(400, 600).dump();
  REQUIRE(text.size() > 2 * kReportMax);
  const std::string html = report_html(text);
  CHECK(html.size() <= kReportMax);
  CHECK(html.size() > kReportMax / 3);
  const Json left = Json::parse(document_in(html));
  CHECK(left["telemetry"].size() == 400);
  CHECK(left["notes"].size() == 1);
}

TEST_CASE("a text full of escapes still gives a report of at most 2 MiB") {
  Json json = document(100, 600);
  json["provenance"]["file_text"] = std::string(60 * 1024, '<');
  CHECK(report_html(json.dump()).size() <= kReportMax);
}

TEST_CASE("two points become one, with their mean and their largest value") {
  Json json = document(1, 40);
  for (std::size_t i = 0; i < 40; ++i) {
    json["telemetry"][0]["mean"][i] = static_cast<double>(i);
    json["telemetry"][0]["max"][i] = i == 1 ? 99.0 : static_cast<double>(i);
  }
  json["telemetry"][0]["mean"][2] = nullptr;
  const std::size_t less = json.dump().size() * 2 / 3;
  const Json row = Json::parse(within_size(json.dump(), less))["telemetry"][0];
  REQUIRE(row["t_s"].size() == 20);
  CHECK(row["t_s"][1] == 0.2);
  CHECK(row["mean"][0] == 0.5);
  CHECK(row["mean"][1] == 3.0);  // a gap takes nothing from its neighbour
  CHECK(row["max"][0] == 99.0);
  CHECK(row["mean"].size() == 20);
  CHECK(row["max"].size() == 20);
}

TEST_CASE("counters keep every digit before the point, for their differences are drawn") {
  Json json = document(1, 39);
  json["telemetry"][0]["mean"][0] = 178256298.0;
  json["telemetry"][0]["mean"][1] = 178258424.0;
  const std::size_t less = json.dump().size() - 100;
  const Json row = Json::parse(within_size(json.dump(), less))["telemetry"][0];
  CHECK(row["mean"][0] == 178256298.0);
  CHECK(row["mean"][1] == 178258424.0);
  CHECK(row["mean"][2] == 35.333);
}

TEST_CASE("what is given up is said in the notes") {
  Json json = document(8, 30);
  json["provenance"]["plan"] = std::string(70000, 'p');
  json["provenance"]["file_text"] = std::string(70000, 'f');
  const Json left = Json::parse(within_size(json.dump(), 3000));
  CHECK(left["provenance"]["plan"] == nullptr);
  CHECK(left["provenance"]["file_text"] == "");
  CHECK(left["telemetry"].size() < 8);
  REQUIRE(left["notes"].size() == 3);
  CHECK(left["notes"][2].get<std::string>().find("series of telemetry are left out") !=
        std::string::npos);
}

TEST_CASE("text that is no result document is left alone") {
  const std::string none = "[" + std::string(500, ' ') + "]";
  CHECK(within_size(none, 100) == none);
  CHECK(within_size("{\"telemetry\": [1]", 1) == "{\"telemetry\": [1]");
}

}  // namespace
}  // namespace galileo::analysis
