// What came of experiments, by the versioned API: results, tables, reports, comparisons.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/comparable.h"
#include "analysis/compare.h"
#include "analysis/junit.h"
#include "analysis/markdown.h"
#include "analysis/report.h"
#include "analysis/stored_result.h"
#include "base/check.h"
#include "base/utf8.h"
#include "service/problem_json.h"
#include "service/v1_answers.h"
#include "service/v1_api.h"
#include "tables/export.h"
#include "wire/uri.h"

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;

// A report is a page that may have been made of strangers' texts: it runs its own script, and
// reaches nothing of this server.
constexpr const char* kReportPolicy =
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'";

std::string result_text(const analysis::StoredResult& stored) {
  return analysis::result_json(stored.result, stored.summary, stored.telemetry, stored.joined);
}

// The forms of a result, by what `format` says.
struct ResultForm {
  std::string_view name;
  std::string_view content_type;
  std::string (*text)(const analysis::StoredResult&);
};
std::string junit_text(const analysis::StoredResult& stored) {
  return analysis::junit_xml(stored.result, stored.summary);
}

std::string markdown_text(const analysis::StoredResult& stored) {
  return analysis::markdown_page(stored.result, stored.summary, analysis::kPipelineBytesMax);
}

constexpr ResultForm kResultForms[] = {
    {"json", "application/json", &result_text},
    {"junit", "application/xml", &junit_text},
    {"markdown", "text/markdown; charset=utf-8", &markdown_text}};

const ResultForm* form_of(std::string_view name) {
  for (const ResultForm& form : kResultForms) {
    if (form.name == (name.empty() ? "json" : name)) return &form;
  }
  return nullptr;
}

struct Run {
  std::unique_ptr<analysis::StoredResult> stored;
  analysis::ComparedRun compared;
};

Result<std::unique_ptr<Run>> read_run(store::Store& store, const wire::Experiment& row) {
  auto run = std::make_unique<Run>();
  run->stored = TRY(analysis::load_stored_result(
      store, row, [&](const wire::NamedTrace& trace) { run->compared.batches.add(trace); }));
  run->compared.result = run->stored->result;
  return run;
}

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json side_json(const Run& run) {
  return {{"id", run.compared.result.experiment.id},
          {"name", run.compared.result.experiment.name},
          {"verdict", verdict_name(run.compared.result.verdict.value)}};
}

// Why they can't be held against each other, as `galileo exp compare` has it.
std::vector<std::string> refusals_of(const Run& base, const Run& other) {
  std::vector<std::string> reasons = analysis::differences(base.compared, other.compared);
  for (std::string& reason :
       analysis::other_circumstances(base.compared.result, other.compared.result))
    reasons.push_back(std::move(reason));
  for (const Run* const run : {&base, &other}) {
    if (run->compared.result.verdict.value == analysis::VerdictValue::kInvalid)
      reasons.push_back(run->compared.result.experiment.id + " is INVALID");
  }
  return reasons;
}

std::string comparison_json(const Run& base, const Run& other) {
  Json json{{"base", side_json(base)},
            {"other", side_json(other)},
            {"differences", refusals_of(base, other)},
            {"regressed", false},
            {"figures", Json::array()}};
  for (const analysis::Compared& row :
       analysis::compare({&base.compared.batches}, {&other.compared.batches}, {})) {
    if (row.regressed) json["regressed"] = true;
    json["figures"].push_back({{"name", row.name},
                               {"unit", row.unit},
                               {"base", number_or_null(row.base)},
                               {"other", number_or_null(row.other)},
                               {"chance", number_or_null(row.chance)},
                               {"regressed", row.regressed}});
  }
  json["is_comparable"] = json["differences"].empty();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct TableForm {
  std::string_view name;
  tables::ExportFormat format;
  std::string_view content_type;
};
constexpr TableForm kTableForms[] = {
    {"csv", tables::ExportFormat::kCsv, "text/csv; charset=utf-8"},
    {"jsonl", tables::ExportFormat::kJsonLines, "application/jsonl"},
    {"parquet", tables::ExportFormat::kParquet, "application/vnd.apache.parquet"}};

// A folder of its own, which goes with the answer.
Result<std::string> scratch_folder() {
  std::string folder = (std::filesystem::temp_directory_path() / "galileo-api-XXXXXX").string();
  if (!mkdtemp(folder.data())) return system_error("can't make a folder", folder, errno);
  return folder;
}

std::string attachment(const std::string& name) {
  return "attachment; filename*=UTF-8''" + wire::encode_percent(name);
}

}  // namespace

RestAnswer V1Api::result(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const ResultForm* const form = form_of(request.parameter("format"));
  const auto view = view_of(id);
  OR_PROBLEM(view);
  if (!*view) return not_there(id);
  if (!(*view)->is_over())
    return in_the_way("it isn't over", fmt::format("it is {}", (*view)->state),
                      "…/live says what it does now");
  ENSURE(form != nullptr);  // the table of routes names them
  const auto stored = analysis::load_stored_result(store_, (*view)->row);
  OR_PROBLEM(stored);
  RestAnswer answer = json_answer(form->text(**stored));
  answer.content_type = form->content_type;
  return answer;
}

RestAnswer V1Api::report(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const auto row = store_.experiment(id);
  OR_PROBLEM(row);
  if (!*row) return not_there(id);
  const auto stored = analysis::load_stored_result(store_, **row);
  OR_PROBLEM(stored);
  RestAnswer answer;
  answer.body = analysis::report_html(result_text(**stored));
  answer.content_type = "text/html; charset=utf-8";
  answer.headers.emplace_back("Content-Security-Policy", kReportPolicy);
  return answer;
}

RestAnswer V1Api::comparison(const RestRequest& request) {
  std::unique_ptr<Run> runs[2];
  const std::string ids[2] = {request.arguments.at(0), std::string(request.parameter("with"))};
  for (int i = 0; i < 2; ++i) {
    const auto row = store_.experiment(ids[i]);
    OR_PROBLEM(row);
    if (!*row) return not_there(ids[i]);
    auto run = read_run(store_, **row);
    OR_PROBLEM(run);
    runs[i] = std::move(*run);
  }
  return json_answer(comparison_json(*runs[0], *runs[1]));
}

RestAnswer V1Api::table(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const std::string& name = request.arguments.at(1);
  if (name != "traces" && name != "telemetry" && name != "events" && name != "nodeinfo")
    return problem_answer(ProblemDetail{404, "there is no such table", make_utf8(name),
                                        "traces, telemetry, events or nodeinfo"});
  const auto row = store_.experiment(id);
  OR_PROBLEM(row);
  if (!*row) return not_there(id);
  const std::string_view wanted = request.parameter("format");
  const TableForm* form = &kTableForms[0];
  for (const TableForm& one : kTableForms) {
    if (one.name == wanted) form = &one;
  }
  const auto folder = scratch_folder();
  OR_PROBLEM(folder);
  tables::ExportOptions options;
  options.folder = *folder;
  options.format = form->format;
  options.python = options_.python;
  const auto written = tables::export_experiment(store_, **row, options);
  if (!written.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(*folder, ignored);
    // Of the server's set-up; what is wrong isn't the request.
    RestAnswer answer =
        problem_answer(ProblemDetail{503, "the table can't be written", written.error().to_text()});
    answer.headers.emplace_back("Retry-After", "10");
    return answer;
  }
  RestAnswer answer;
  answer.file = fmt::format("{}/{}.{}", *folder, name, form->name);
  answer.content_type = form->content_type;
  answer.headers.emplace_back("Content-Disposition",
                              attachment(fmt::format("{}-{}.{}", id, name, form->name)));
  return answer;
}

}  // namespace galileo::service
