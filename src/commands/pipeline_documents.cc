#include "commands/pipeline_documents.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "analysis/junit.h"
#include "analysis/markdown.h"
#include "base/file.h"
#include "base/output.h"
#include "base/text.h"

namespace galileo::commands {
namespace {

// Less than this holds no page that says anything.
constexpr std::size_t kPageBytesMin = 4096;

// What is in the file already counts: a pipeline drops the whole of a summary that is too long.
std::size_t room_in(const std::string& path) {
  std::error_code error;
  const bool is_file = !is_stdout(path) && std::filesystem::is_regular_file(path, error);
  const auto size = is_file ? std::filesystem::file_size(path, error) : 0;
  return error ? analysis::kPipelineBytesMax
               : analysis::kPipelineBytesMax - static_cast<std::size_t>(std::min<std::uintmax_t>(
                                                   size, analysis::kPipelineBytesMax));
}

Result<void> append(const std::string& path, const std::string& page) {
  return is_stdout(path) ? write_document(path, page) : append_to_file(path, page);
}

Result<void> append_page(const std::string& path, const analysis::RunResult& result,
                         const analysis::Summary& summary) {
  const std::size_t room = room_in(path);
  if (room < kPageBytesMin)
    return Error{ErrorCode::kUsage, "can't append", path,
                 fmt::format("it holds {} already, and pipelines drop longer ones as a whole",
                             format_bytes(static_cast<double>(analysis::kPipelineBytesMax - room))),
                 "name another file"};
  return append(path, analysis::markdown_page(result, summary, room));
}

}  // namespace

void add_pipeline_options(CLI::App& app, PipelineFlags& flags) {
  app.add_option("--junit", flags.junit,
                 "write a JUnit document to this file: a test case for each threshold, the verdict "
                 "and the books; -: to stdout");
  app.add_option(
      "--markdown", flags.markdown,
      "append a page of Markdown to this file, as to $GITHUB_STEP_SUMMARY; -: to stdout");
}

std::optional<Error> write_pipeline_documents(const PipelineFlags& flags,
                                              const analysis::RunResult& result,
                                              const analysis::Summary& summary) {
  std::optional<Error> problem;
  const auto keep = [&](const Result<void>& done) {
    if (!done.ok() && !problem) problem = done.error();
  };
  if (!flags.junit.empty()) keep(write_document(flags.junit, junit_xml(result, summary)));
  if (!flags.markdown.empty()) keep(append_page(flags.markdown, result, summary));
  return problem;
}

void write_pipeline_error(const PipelineFlags& flags, const std::string& name, const Error& error) {
  if (!flags.junit.empty())
    static_cast<void>(write_document(flags.junit, analysis::junit_xml(name, error)).ok());
  if (!flags.markdown.empty())
    static_cast<void>(
        append(flags.markdown,
               fmt::format("## ❌ galileo: {} couldn't begin\n\n{}\n\n",
                           analysis::markdown_code(name), analysis::markdown_code(error.to_text())))
            .ok());
}

}  // namespace galileo::commands
