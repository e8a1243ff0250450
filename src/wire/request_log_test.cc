// Logs as the programs write them, line by line, and what is in logs that isn't a request.
#include "wire/request_log.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "wire/gor.h"
#include "wire/request_targets.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

class Taken final : public RecordSink {
 public:
  void request(RecordedRequest& one) override { requests.push_back(one); }
  void skipped(RecordFault fault, std::uint64_t number, std::string_view) override {
    faults.push_back(fault);
    numbers.push_back(number);
  }
  std::vector<RecordedRequest> requests;
  std::vector<RecordFault> faults;
  std::vector<std::uint64_t> numbers;
};

Taken read(LogFormat format, std::string_view text, const LogOptions& options = {},
           std::size_t piece = std::string_view::npos) {
  Taken taken;
  RequestLogReader reader(format, options, taken);
  while (!text.empty()) {
    reader.take(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  reader.finish();
  return taken;
}

// "GET /a at 2000-10-10T20:55:36.000Z end, took 123 ms | Name: value"
std::string said(const RecordedRequest& request) {
  std::string text = fmt::format("{} {} {}{}", request.method, request.target,
                                 rfc3339(request.at, 3), request.whole_second ? " whole" : "");
  text += request.mark == TimeMark::kEnd ? " end" : "";
  if (request.took != kNoDuration)
    text += fmt::format(" took {}ms", request.took / std::chrono::milliseconds{1});
  for (const auto& [name, value] : request.headers) text += fmt::format(" | {}: {}", name, value);
  if (request.has_body) text += " << " + request.body;
  return text;
}

std::string said(LogFormat format, std::string_view text, const LogOptions& options = {}) {
  const Taken taken = read(format, text, options);
  std::string all;
  for (const RecordedRequest& request : taken.requests) all += said(request) + "\n";
  for (const RecordFault fault : taken.faults)
    all += fmt::format("- {}\n", record_fault_text(fault));
  if (!all.empty()) all.pop_back();
  return all;
}

constexpr const char* kCommon = R"(1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] )";

std::string common(const std::string& request, const std::string& behind = " 200 5") {
  return said(LogFormat::access, kCommon + ("\"" + request + "\"") + behind);
}

}  // namespace

TEST_CASE("an access log's line is a request at the end that it took") {
  const std::string begin = "GET /a?b=c%20d 2000-10-10T20:55:36.000Z whole end";
  CHECK(common("GET /a?b=c%20d HTTP/1.1") == begin);
  CHECK(common("GET /a?b=c%20d HTTP/1.1", "") == begin);
  CHECK(common("GET /a?b=c%20d HTTP/1.1", R"( 200 5 "http://x/y" "curl/8 \x22a\x22")") ==
        begin + R"( | Referer: http://x/y | User-Agent: curl/8 "a")");
  CHECK(common("GET /a?b=c%20d HTTP/1.1", R"( 200 5 "-" "-" 0.123 0.120 .)") ==
        begin + " took 123ms");
  CHECK(common("GET /a?b=c%20d HTTP/1.1", R"( 200 5 "-" "-" "9.9.9.9" 0.123 "0.120")") ==
        begin + " took 123ms");
  CHECK(common("GET /a?b=c%20d HTTP/1.1", R"( 200 5 "-" "-" uct="0.1" rt=1.5 more="x y")") ==
        begin + " took 1500ms");
  CHECK(common("GET /a?b=c%20d HTTP/1.1", R"( 200 5 "-" "-" 0.1, 17 -)") == begin);
}

TEST_CASE("fields that the format doesn't name are found where the user says") {
  LogOptions options;
  options.fields.took = "+2";
  options.fields.took_unit_s = 1e-6;
  const std::string line = kCommon + std::string(R"("GET / HTTP/1.1" 200 5 "-" "-" 7 2500 8)");
  CHECK(said(LogFormat::access, line, options) ==
        "GET / 2000-10-10T20:55:36.000Z whole end took 2ms");
  options.fields.took = "D";
  const std::string named = kCommon + std::string(R"("GET / HTTP/1.1" 200 5 D=5000 rt=1.000)");
  CHECK(said(LogFormat::access, named, options) ==
        "GET / 2000-10-10T20:55:36.000Z whole end took 5ms");
  options.mark = TimeMark::kStart;
  CHECK(said(LogFormat::access, named, options) == "GET / 2000-10-10T20:55:36.000Z whole took 5ms");
}

TEST_CASE("what a log has instead of a request is skipped for its reason") {
  struct Row {
    const char* request;
    const char* said;
  };
  const std::string at = " 2000-10-10T20:55:36.000Z whole end";
  for (const Row& row : {
           Row{"-", "- without a request"},
           Row{"", "- without a request"},
           Row{R"(\x16\x03\x01\x02\x00\x01\x00)", "- bytes that aren't HTTP"},
           Row{R"(\x16\x03\x01 \x02 HTTP/1.1)", "- bytes that aren't HTTP"},
           Row{"GET /", "- a request line without an HTTP version"},
           Row{"GET", "- a request line without an HTTP version"},
           Row{"GET / HTTP/", "- a request line without an HTTP version"},
           Row{"GET HTTP/1.1", "- a target without a path"},
           Row{"CONNECT a:443 HTTP/1.1", "- a target without a path"},
           Row{"OPTIONS * HTTP/1.0", "- a target without a path"},
           Row{"GET ftp://a/b HTTP/1.1", "- bytes that aren't HTTP"},
       }) {
    CAPTURE(row.request);
    CHECK(common(row.request) == row.said);
  }
  CHECK(common("GET /a b  c HTTP/1.1") == "GET /a%20b%20%20c" + at);
  CHECK(common("GET /a#b\\x22 HTTP/2.0") == "GET /a#b\"" + at);
  CHECK(common("GET http://u:p@h:8080/a?b#c HTTP/1.1") == "GET /a?b" + at);
  CHECK(common("GET http://h?b HTTP/1.1") == "GET /?b" + at);
  CHECK(common("PROPFIND /%7Ea/../%zz HTTP/1.1") == "PROPFIND /%7Ea/../%zz" + at);
}

TEST_CASE("lines that aren't of the format, and what is between them") {
  const std::string good = kCommon + std::string(R"("GET /a HTTP/1.1" 200 5)");
  const Taken taken = read(LogFormat::access, "\xEF\xBB\xBF" + good + "\r\n\n# a word\n[x] \"\n" +
                                                  "1.2.3.4 - - [yesterday] \"GET / HTTP/1.1\"\n" +
                                                  good.substr(0, good.size() - 20) + "\n" + good);
  CHECK(taken.requests.size() == 2);
  CHECK(taken.faults == std::vector<RecordFault>{RecordFault::not_the_form, RecordFault::no_time,
                                                 RecordFault::no_time, RecordFault::cut});
  CHECK(taken.numbers == std::vector<std::uint64_t>{3, 4, 5, 6});
}

TEST_CASE("a line without end is passed over, and reading goes on behind it") {
  const std::string good = kCommon + std::string(R"("GET /a HTTP/1.1" 200 5)") + "\n";
  const std::string text = good + std::string(kLogLineMax * 3, 'x') + "\n" + good + good;
  for (const std::size_t piece : {std::size_t{1} << 16, text.size()}) {
    const Taken taken = read(LogFormat::access, text, {}, piece);
    CHECK(taken.requests.size() == 3);
    // Where all of it came at once it is no burden any more, and just no line of a log.
    CHECK(taken.faults.size() == 1);
    CHECK(is_unread(taken.faults.front()));
  }
}

TEST_CASE("HAProxy's line is a request when it came") {
  const std::string head =
      "Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] "
      "http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 ";
  const std::string at = " 2009-02-06T12:14:14.655Z took 109ms";
  CHECK(said(LogFormat::haproxy, head + R"({1wt.eu|"x} {} "GET /index.html HTTP/1.1")") ==
        "GET /index.html" + at);
  CHECK(said(LogFormat::haproxy, head + R"("GET /a#22 b HTTP/1.1" x.y/TLSv1.3)") ==
        "GET /a\"%20b" + at);
  CHECK(said(LogFormat::haproxy, head + R"("GET https://h/x HTTP/2.0")") == "GET /x" + at);
  CHECK(said(LogFormat::haproxy, head + R"("<BADREQ>")") == "- without a request");
  CHECK(said(LogFormat::haproxy, head + R"("GET /cut)") == "- cut off by the log");
  CHECK(said(LogFormat::haproxy, "haproxy[1]: Proxy web started.") == "- not of the format");
}

TEST_CASE("Envoy's line is a request when it came") {
  const std::string line =
      R"([2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 )"
      R"("10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80")";
  CHECK(said(LogFormat::envoy, line) ==
        "POST /api/v1/locations 2016-04-15T20:17:00.310Z took 226ms | User-Agent: nsq2http");
  CHECK(read(LogFormat::envoy, line).requests[0].host == "locations");
  CHECK(said(LogFormat::envoy, R"([2016-04-15T20:17:00.310Z] "- - -" 0 NR 0 0 0 - "-" "-")") ==
        "- without a request");
  // As Istio has it, with fields between.
  CHECK(said(LogFormat::envoy, R"([2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - )"
                               R"(via_upstream - "-" 0 135 4 4 "-" "curl/7.73.0-DEV" "84961386" )"
                               R"("httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854)")
            .starts_with("GET /status/418 2020-11-25T21:26:18.409Z"));
}

TEST_CASE("JSON logs are read by the names that their programs use") {
  struct Row {
    const char* line;
    const char* said;
  };
  for (const Row& row : {
           // nginx, by its variables; numbers are written as texts.
           Row{R"({"time_iso8601":"2026-11-30T10:00:00+01:00","request":"GET /a HTTP/1.1",)"
               R"("request_time":"0.250","http_user_agent":"x","http_referer":"-","status":"200"})",
               "GET /a 2026-11-30T09:00:00.000Z whole end took 250ms | User-Agent: x"},
           Row{R"({"msec":"1796032800.125","request_method":"POST","request_uri":"/b?c",)"
               R"("request_body":"x=1"})",
               "POST /b?c 2026-11-30T10:00:00.125Z end << x=1"},
           Row{R"({"msec":1796032800.125,"request_method":"GET","uri":"/b","args":"c=1"})",
               "GET /b?c=1 2026-11-30T10:00:00.125Z end"},
           // Envoy's default.
           Row{R"({"start_time":"2026-11-30T10:00:00.500Z","method":"GET","path":"/p?q=1",)"
               R"("protocol":"HTTP/1.1","duration":12,"user_agent":null,"authority":"h"})",
               "GET /p?q=1 2026-11-30T10:00:00.500Z"},
           // Caddy.
           Row{R"({"level":"info","ts":1796032800.5,"request":{"method":"GET","uri":"/c",)"
               R"("host":"h","headers":{"Accept":["a","b"],"Content-Length":["3"]}},)"
               R"("duration":0.002,"status":200})",
               "GET /c 2026-11-30T10:00:00.500Z end took 2ms | Accept: a | Accept: b"},
           // Traefik.
           Row{R"({"StartUTC":"2026-11-30T10:00:00.123456789Z","RequestMethod":"GET",)"
               R"("RequestPath":"/t","Duration":2000000})",
               "GET /t 2026-11-30T10:00:00.123Z took 2ms"},
           // Google's load balancer.
           Row{R"({"timestamp":"2026-11-30T10:00:00.5Z","httpRequest":{"requestMethod":"GET",)"
               R"("requestUrl":"https://h/g?x","latency":"0.012s"}})",
               "GET /g?x 2026-11-30T10:00:00.500Z end took 12ms"},
           Row{R"({"time":1796032800123,"method":"GET","path":"/ms"})",
               "GET /ms 2026-11-30T10:00:00.123Z end"},
           Row{R"({"time":"2026-11-30 10:00:00,123","method":"GET","path":"/x"})",
               "GET /x 2026-11-30T10:00:00.123Z end"},
           Row{R"({"time":"2026-11-30T10:00:00Z","request":""})", "- without a request"},
           Row{R"({"time":"2026-11-30T10:00:00Z","request":"-"})", "- without a request"},
           Row{R"({"time":"soon","method":"GET","path":"/x"})", "- no time that can be read"},
           Row{R"({"method":"GET","path":"/x"})", "- no time that can be read"},
           Row{R"({"time":1796032800,"method":"G T","path":"/x"})", "- bytes that aren't HTTP"},
           Row{R"({"time":1796032800,"method":"GET","path":"x"})", "- a target without a path"},
           Row{R"({"time":1796032800,"method":"GET","path":"/x")", "- not of the format"},
           Row{"[1]", "- not of the format"},
       }) {
    CAPTURE(row.line);
    CHECK(said(LogFormat::json, row.line) == row.said);
  }
  LogOptions options;
  options.fields = {"when", "what.verb", "what.where", "what.ms", 1e-3};
  CHECK(said(LogFormat::json, R"({"when":1796032800,"what":{"verb":"PUT","where":"/x","ms":"40"}})",
             options) == "PUT /x 2026-11-30T10:00:00.000Z whole end took 40ms");
}

TEST_CASE("a HAR's entries are requests of the page's host") {
  const auto entry = [](const std::string& request) {
    return R"({"startedDateTime":"2026-11-30T11:00:00.250+01:00","time":12.5,"request":{)" +
           request + R"(},"response":{"content":{"text":"{\"entries\":[{]}"}}})";
  };
  const std::string at = " 2026-11-30T10:00:00.250Z took 12ms";
  const std::string text =
      R"({"log":{"version":"1.2","creator":{"entries":[{}]},"entries":[)" +
      entry(R"("method":"GET","url":"https://a/x?y=%7E#z","headers":[{"name":":method",)"
            R"("value":"GET"},{"name":"Connection","value":"close"},{"name":"Accept",)"
            R"("value":"*/*"},{"name":"Host","value":"other"}])") +
      ",\n" + entry(R"("method":"GET","url":"https://b/tracker","headers":[])") + "," +
      entry(R"("method":"POST","url":"https://a/p","headers":[{"name":"content-length",)"
            R"("value":"999"},{"name":"Content-Type","value":"text/plain"}],)"
            R"("postData":{"mimeType":"text/plain","text":"hello"})") +
      "," +
      entry(R"("method":"POST","url":"https://a/f","headers":[],"postData":{"mimeType":)"
            R"("application/x-www-form-urlencoded","params":[{"name":"a b","value":"ž&"},)"
            R"({"name":"c","value":"%20"}]})") +
      "," + entry(R"("method":"GET","url":"data:image/png;base64,xx")") + "," +
      entry(R"("method":"","url":"https://a/")") + ", {\"request\": 1}, {]}, " +
      R"({"startedDateTime":"2026")";
  const std::string all = "GET /x?y=%7E" + at + " | Accept: */*\n" + "POST /p" + at +
                          " | Content-Type: text/plain << hello\n" + "POST /f" + at +
                          " | Content-Type: application/x-www-form-urlencoded << "
                          "a+b=%C5%BE%26&c=%20\n";
  const std::string faults =
      "- of another host\n- bytes that aren't HTTP\n- without a request\n- not of the format";
  const std::string found = said(LogFormat::har, text);
  CHECK(found.starts_with(all + faults));
  // Cut where it may be, it is read up to there.
  CHECK(said(LogFormat::har, text.substr(0, text.find("application/x-www"))).ends_with("log"));
  for (const std::size_t piece : {1u, 7u, 64u})
    CHECK(read(LogFormat::har, text, {}, piece).requests.size() == 3);
  LogOptions options;
  options.host = "*";
  CHECK(read(LogFormat::har, text, options).requests.size() == 4);
  CHECK(said(LogFormat::har, R"({"log":{"pages":[]}})") == "- not of the format");
  CHECK(said(LogFormat::har, R"({"log":{"entries":[]}})").empty());
}

TEST_CASE("a HAR's form with files is built with a boundary of ours") {
  const Taken taken = read(
      LogFormat::har,
      R"({"log":{"entries":[{"startedDateTime":"2026-11-30T10:00:00Z","request":{"method":"POST",)"
      R"("url":"http://a/","headers":[{"name":"content-type","value":"multipart/form-data; boundary=old"}],)"
      R"("postData":{"mimeType":"multipart/form-data; boundary=old","params":[{"name":"f","fileName":)"
      R"("a\"b.txt","contentType":"text/plain","value":"x"}]}}}]}})");
  REQUIRE(taken.requests.size() == 1);
  const RecordedRequest& request = taken.requests[0];
  const std::string& type = request.headers.at(0).second;
  const std::string boundary = type.substr(type.find('=') + 1);
  CHECK(boundary != "old");
  CHECK(request.body == "--" + boundary +
                            "\r\nContent-Disposition: form-data; name=\"f\"; "
                            "filename=\"a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\nx\r\n--" +
                            boundary + "--\r\n");
}

TEST_CASE("GoReplay's records are requests with their bodies") {
  const auto record = [](const std::string& head, const std::string& rest) {
    return head + "\n" + rest + std::string(kGorSeparator);
  };
  const std::string text =
      record("1 932079936fa4306fc308d67588178d17d823647c 1439818823587396305",
             "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: y\r\n\r\nabc") +
      record("2 932079936fa4306fc308d67588178d17d823647c 1439818823587396305 200",
             "HTTP/1.1 200 OK\r\n\r\n") +
      record("1 8e091765ae902fef8a2b7d9dd960e9d52222bd8c 1439818823587396305",
             "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n") +
      record("1 aa 1439818823587396305", "GET /cut HTTP/1.1\r\nHos") +
      record("1 aa 1439818823587396305", "\x16\x03\x01\r\n\r\n") +
      record("1 aa 1439818823587396305", "G\xBCT / HTTP/1.1\r\n\r\n") + record("what", "ever") +
      "1 ab 1439818823587396305\nGET /last HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string at = " 2015-08-17T13:40:23.587Z";
  CHECK(said(LogFormat::gor, text) == "POST /a?b" + at + " | X: y << abc\nPUT /" + at +
                                          " << abc\nGET /last" + at +
                                          "\n- an answer\n- cut off by the log\n- bytes that "
                                          "aren't HTTP\n- bytes that aren't HTTP\n- not of the "
                                          "format");
  for (const std::size_t piece : {1u, 5u, 100u})
    CHECK(read(LogFormat::gor, text, {}, piece).requests.size() == 3);
}

TEST_CASE("spans of servers are requests, by the old names and the new ones") {
  const auto span = [](const std::string& kind, const std::string& attributes) {
    return R"({"kind":)" + kind +
           R"(,"startTimeUnixNano":"1796032800250000000","endTimeUnixNano":"1796032800350000000",)" +
           R"("attributes":[)" + attributes + "]}";
  };
  const auto text = [](const std::string& name, const std::string& value) {
    return R"({"key":")" + name + R"(","value":{"stringValue":")" + value + "\"}}";
  };
  const std::string line =
      R"({"resourceSpans":[{"scopeSpans":[{"spans":[)" +
      span("2", text("http.request.method", "GET") + "," + text("url.path", "/n") + "," +
                    text("url.query", "q=1") + "," + text("user_agent.original", "ua") +
                    R"(,{"key":"http.request.header.x-a","value":{"arrayValue":{"values":[)" +
                    R"({"stringValue":"1"},{"stringValue":"2"}]}}})") +
      "," +
      span("\"SPAN_KIND_SERVER\"",
           text("http.method", "POST") + "," + text("http.target", "/o?p")) +
      "," + span("3", text("http.method", "GET") + "," + text("http.url", "http://h/c")) + "," +
      span("2", text("rpc.system", "grpc")) + "," + span("2", text("http.method", "GET")) +
      R"(]}]},{"instrumentationLibrarySpans":[{"spans":[)" +
      span("2", text("http.method", "GET") + "," + text("http.target", "/l")) + "]}]}]}";
  const std::string at = " 2026-11-30T10:00:00.250Z took 100ms";
  CHECK(said(LogFormat::otlp, line + "\n{}\n") ==
        "GET /n?q=1" + at + " | x-a: 1 | x-a: 2 | User-Agent: ua\nPOST /o?p" + at + "\nGET /l" +
            at +
            "\n- a span that isn't a server's\n- a span without an HTTP request\n- a target "
            "without a path\n- not of the format");
  LogOptions options;
  options.client_spans = true;
  CHECK(read(LogFormat::otlp, line, options).requests.size() == 4);
  CHECK(guess_log_format(line) == LogFormat::otlp);
}

TEST_CASE("the format of a file is seen from its beginning") {
  const std::string combined = kCommon + std::string(R"("GET /a HTTP/1.1" 200 5 "-" "-")") + "\n";
  const std::string refused = kCommon + std::string(R"("-" 408 0 "-" "-")") + "\n";
  CHECK(guess_log_format(combined) == LogFormat::access);
  CHECK(guess_log_format("garbage\n\n" + refused + combined + refused) == LogFormat::access);
  CHECK(guess_log_format("h haproxy[1]: 1.1.1.1:1 [06/Feb/2009:12:14:14.655] f b/s 1/0/3/6/10 200 "
                         "5 - - ---- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"\n") == LogFormat::haproxy);
  CHECK(guess_log_format("[2016-04-15T20:17:00.310Z] \"GET / HTTP/2\" 204 - 1 0 2 1\n") ==
        LogFormat::envoy);
  CHECK(guess_log_format(R"({"time":1796032800,"method":"GET","path":"/"})") == LogFormat::json);
  CHECK(guess_log_format(R"({"at":0,"method":"GET","url":"/"})") == LogFormat::lines);
  CHECK(guess_log_format(" {\n \"log\": {\n") == LogFormat::har);
  CHECK(guess_log_format("1 8e09 1439818823587396305 0\nGET / HTTP/1.1\r\n") == LogFormat::gor);
  for (const char* none : {"", "\n\n", "hello\nworld\n", "GET http://h/\n", "{}\n"})
    CHECK_FALSE(guess_log_format(none).has_value());
}

TEST_CASE("our own lines are written and read the same") {
  RecordedRequest request;
  request.method = "POST";
  request.target = "/a?b=%7E\"";
  request.headers = {{"A", "1"}, {"B", "\xFC"}, {"A", "2"}};
  request.body = std::string("\0\xFF", 2);
  request.has_body = true;
  const std::string line = target_line(request, std::chrono::milliseconds{1500});
  CHECK(line ==
        "{\"at\": 1.5, \"method\": \"POST\", \"url\": \"/a?b=%7E\\\"\", \"header\": "
        "{\"A\": [\"1\", \"2\"], \"B\": [\"\\u00fc\"]}, \"body\": \"AP8=\"}");
  CHECK(said(LogFormat::lines, line) ==
        "POST /a?b=%7E\" 1970-01-01T00:00:01.500Z | A: 1 | A: 2 | B: \xC3\xBC << " + request.body);
  CHECK(said(LogFormat::lines, R"({"method":"GET","url":"/"})") == "- no time that can be read");
}

}  // namespace galileo::wire
