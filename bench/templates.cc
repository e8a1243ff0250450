// What a request made of templates costs more than a fixed one, for docs/performance.md:
// `bench_templates [REQUESTS]` makes and renders that many (2 million where no number is given) and
// prints one JSON object. CPU is user and system time of the whole process.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "load/request_template.h"
#include "wire/http1.h"

using namespace galileo;

namespace {

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

std::string marked(load::TemplateMarks& marks, const char* text, load::Fit fit) {
  auto taken = marks.take(text, fit);
  ENSURE(taken.ok(), taken.error().to_text());
  return std::move(*taken);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
  auto rows =
      load::DataRows::parse("user,city\nann,Graz\nbob,\"New York, NY\"\nzoe,Linz\n", "r.csv");
  ENSURE(rows.ok(), rows.error().to_text());
  load::TemplateMarks marks{load::TemplateMarks::Outside{}};
  load::Request request;
  request.method = "POST";
  request.path = marked(marks, "/orders/{{seq}}?user={{row.user}}", load::Fit::kUrl);
  request.headers = {{"X-Request", marked(marks, "{{uuid}}", load::Fit::kHeader)},
                     {"Content-Type", "application/json"}};
  request.has_body = true;
  request.body =
      marked(marks, R"({"n": "{{raw rand_int 1 100}}", "city": "{{row.city}}"})", load::Fit::kJson);
  const auto made = load::RequestTemplate::compile(request, marks.marks(), &*rows, {});
  ENSURE(made.ok(), made.error().to_text());
  const load::ClientPlace place;
  load::MadeRequest into;
  std::string bytes;
  std::uint64_t sent = 0;
  const double before = cpu_s();
  for (std::uint64_t i = 0; i < requests; ++i) {
    load::Turn turn;
    turn.of_all = i;
    load::RequestTemplate::Moment moment{place,   turn,        &*rows, i % rows->size(),
                                         nullptr, Random(7, i)};
    into.has_body = false;
    ENSURE(made->make(moment, into) == load::Made::kMade, into.why);
    wire::http1::serialize_request_into(bytes, into.method, into.path, "127.0.0.1:8080",
                                        into.headers, into.sent_body(), false);
    sent += bytes.size();
  }
  const double took = cpu_s() - before;
  std::printf("{\"requests\": %llu, \"bytes\": %llu, \"cpu_us_per_request\": %.4f}\n",
              static_cast<unsigned long long>(requests), static_cast<unsigned long long>(sent),
              1e6 * took / static_cast<double>(requests));
  return 0;
}
