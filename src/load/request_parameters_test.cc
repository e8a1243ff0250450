#include "load/request_parameters.h"

#include <doctest/doctest.h>

#include "load/json_value.h"
#include "load/multipart.h"
#include "wire/http1.h"

namespace galileo::load {
namespace {

Request read(std::string_view json) {
  const auto request = parse_request_parameters(json);
  REQUIRE_MESSAGE(request.ok(), request.error().to_text());
  return *request;
}

Request with(const std::string& kwargs) {
  return read(R"({"method": "post", "kwargs": )" + kwargs + "}");
}

// Every fault, "subject why", "/" for its path.
std::string faults(std::string_view json, Writer writer = Writer::kOldClient) {
  std::string text;
  for (const RequestFault& fault : read_request_parameters(json, writer).faults) {
    if (!text.empty()) text += "\n";
    for (const std::string& step : fault.path) text += "/" + step;
    text += (fault.of_key ? ": " : ": " + fault.subject + " ") + fault.why;
  }
  return text;
}

std::string header(const Request& request, std::string_view name) {
  std::string values;
  for (const auto& [key, value] : request.headers) {
    if (wire::http1::equals_ignoring_case(key, name)) values += value;
  }
  return values;
}

// Parameters of old clients, and what an application got from them, as recorded. No content
// length: there was none.
struct Recorded {
  const char* name;
  const char* parameters;
  const char* method;
  const char* target;
  const char* body;
  const char* content_type;
  const char* cookie;
  const char* content_length;
};
constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kJson = "application/json";
// clang-format off
const Recorded kRecorded[] = {
    {"default", "null", "GET", "/", "", "", "", ""},
    {"empty", "{}", "GET", "/", "", "", "", ""},
    {"method-upper", R"({"method": "GET"})", "GET", "/", "", "", "", ""},
    {"post-empty", R"({"method": "post"})", "POST", "/", "", "", "", "0"},
    {"delete", R"({"method": "delete", "path": "/x/1"})", "DELETE", "/x/1", "", "", "", "0"},
    {"head", R"({"method": "head"})", "HEAD", "/", "", "", "", ""},
    {"path-query", R"({"path": "/a/b?x=1&y=%20z"})", "GET", "/a/b?x=1&y=%20z", "", "", "", ""},
    {"path-unicode-space", R"({"path": "/ü b"})", "GET", "/%C3%BC%20b", "", "", "", ""},
    {"path-fragment", R"({"path": "/a#b"})", "GET", "/a", "", "", "", ""},
    {"data-text", R"({"method": "post", "kwargs": {"data": "my post data"}})", "POST", "/", "my post data", "", "", "12"},
    {"data-text-unicode", R"({"method": "post", "kwargs": {"data": "Grüße"}})", "POST", "/", "Grüße", "", "", "7"},
    {"data-form", R"({"method": "post", "kwargs": {"data": {"a": "1 2", "b": ["x", "y&"], "n": 5}}})", "POST", "/", "a=1+2&b=x&b=y%26&n=5", kForm, "", "20"},
    {"data-pairs", R"({"method": "post", "kwargs": {"data": [["a", "1"], ["a", "2"]]}})", "POST", "/", "a=1&a=2", kForm, "", "7"},
    {"json-object", R"({"method": "post", "kwargs": {"json": {"k": "ü", "l": [1, 2.5, null, true]}}})", "POST", "/", R"({"k": "\u00fc", "l": [1, 2.5, null, true]})", kJson, "", "42"},
    {"json-empty-object", R"({"method": "post", "kwargs": {"json": {}}})", "POST", "/", "{}", kJson, "", "2"},
    {"json-and-data", R"({"method": "post", "kwargs": {"json": {"a": 1}, "data": "wins"}})", "POST", "/", "wins", "", "", "4"},
    {"headers", R"({"kwargs": {"headers": {"X-A": "1, 2|3", "User-Agent": "me"}}})", "GET", "/", "", "", "", ""},
    {"header-content-type", R"({"method": "put", "kwargs": {"data": "<a/>", "headers": {"Content-Type": "text/xml"}}})", "PUT", "/", "<a/>", "text/xml", "", "4"},
    {"params", R"({"path": "/q?a=1", "kwargs": {"params": {"b": "ä c", "l": [1, 2], "none": null}}})", "GET", "/q?a=1&b=%C3%A4+c&l=1&l=2", "", "", "", ""},
    {"params-text", R"({"kwargs": {"params": "raw=1&x"}})", "GET", "/?raw=1&x", "", "", "", ""},
    {"cookies", R"({"kwargs": {"cookies": {"k": "v", "l": "w"}}})", "GET", "/", "", "", "k=v; l=w", ""},
    {"path-double-slash", R"({"path": "//a//b"})", "GET", "//a//b", "", "", "", ""},
};
// clang-format on

TEST_CASE("the parameters of an old client make the request that it made") {
  for (const Recorded& recorded : kRecorded) {
    CAPTURE(recorded.name);
    const Request request = read(recorded.parameters);
    CHECK(request.method == recorded.method);
    CHECK(request.path == recorded.target);
    CHECK(request.body == recorded.body);
    CHECK(header(request, "content-type") == recorded.content_type);
    CHECK(header(request, "cookie") == recorded.cookie);
    const std::string length = request.has_body ? std::to_string(request.body.size()) : "";
    CHECK(length == recorded.content_length);
  }
}

TEST_CASE("what failed in the old client works: auth as a list, values that are no texts") {
  CHECK(header(with(R"({"auth": ["u", "p"]})"), "authorization") == "Basic dTpw");
  CHECK(read(R"({"path": "x"})").path == "/x");
  CHECK(with(R"({"headers": {"A": 5, "B": 1.50, "C": true}})").headers ==
        wire::http1::Headers{
            {"A", "5"}, {"B", "1.5"}, {"C", "True"}, {"Accept-Encoding", "gzip, deflate"}});
  CHECK(header(with(R"({"cookies": {"n": 5}})"), "cookie") == "n=5");
  CHECK(with(R"({"data": 5})").body == "5");
}

TEST_CASE("user and password go as Latin-1 where they can, as in the old client") {
  CHECK(header(with(R"({"auth": ["ü", "p"]})"), "authorization") == "Basic /Dpw");
  CHECK(header(with(R"({"auth": ["€", "p"]})"), "authorization") == "Basic 4oKsOnA=");
}

TEST_CASE("values in forms are what Python's str() makes of them") {
  CHECK(with(R"({"data": {"a": true, "b": 2.0, "c": 1e16, "d": 1e15, "e": 0.00001, "f": -1.5}})")
            .body == "a=True&b=2.0&c=1e%2B16&d=1000000000000000.0&e=1e-05&f=-1.5");
  CHECK(with(R"({"data": [["a", [1, null, 2]], [3, "x"]]})").body == "a=1&a=2&3=x");
}

TEST_CASE("a JSON body is written as Python's json writes it, keys in their order") {
  CHECK(with(R"({"json": {"z":1,"a":[1e3,-0.5,"\u20ac\ud83d\ude00\n"],"b":{}}})").body ==
        R"({"z": 1, "a": [1000.0, -0.5, "\u20ac\ud83d\ude00\n"], "b": {}})");
  CHECK(with(R"({"json": 123456789012345678901234567890})").body ==
        "123456789012345678901234567890");
  CHECK(with(R"({"json": {"a": 1, "b": 2, "a": 3, "c": 4, "a": 5}})").body ==
        R"({"a": 5, "b": 2, "c": 4})");
  CHECK(with(R"({"json": [], "data": {}})").body == "[]");
}

TEST_CASE("data that is empty is none, and of a GET nothing is sent for it") {
  const Request request = read(R"({"kwargs": {"data": {}}})");
  CHECK_FALSE(request.has_body);
  CHECK(request.headers == wire::http1::Headers{{"Accept-Encoding", "gzip, deflate"}});
  CHECK(header(with(R"({"data": ""})"), "content-type").empty());
}

TEST_CASE("auth is instead of a header of that name, and cookies give way to theirs") {
  CHECK(header(with(R"({"auth": ["u", "p"], "headers": {"authorization": "mine"}})"),
               "Authorization") == "Basic dTpw");
  CHECK(header(with(R"({"cookies": {"a": "b"}, "headers": {"cookie": "mine"}})"), "Cookie") ==
        "mine");
}

TEST_CASE("the rest of the arguments says how the request is sent") {
  const Request request = with(R"({"timeout": 1.5, "allow_redirects": true})");
  CHECK(*request.timeout == seconds(1.5));
  CHECK(*request.redirects_max == 30);
  CHECK(*with(R"({"allow_redirects": false})").redirects_max == 0);
  CHECK(*with(R"({"timeout": "1m"})").timeout == seconds(60));
  CHECK_FALSE(with(R"({"timeout": null})").timeout);
  CHECK_FALSE(with("{}").redirects_max);
}

TEST_CASE("an argument that is null is not given, and other keys are a client app's") {
  CHECK(read(R"({"method": null, "path": null, "kwargs": null, "model": {"x": 1}})") == read("{}"));
  CHECK(with(R"({"data": null, "json": null, "headers": null, "params": null, "auth": null,
                 "cookies": null, "verify": null, "allow_redirects": null})") == with("{}"));
  CHECK(with(R"({"headers": {"A": null, "B": ""}})").headers.size() == 2);
  CHECK(read(" \n ") == read("{}"));
}

TEST_CASE("arguments of old clients that don't change the request are taken and ignored") {
  for (const char* kwargs : {R"({"stream": true})",
                             R"({"stream": false})",
                             R"({"stream": null})",
                             R"({"hooks": {"response": null}})",
                             R"({"hooks": "x"})",
                             R"({"hooks": []})",
                             R"({"proxies": null})",
                             R"({"proxies": false})",
                             R"({"proxies": {}})",
                             R"({"proxies": {"http": null, "https": ""}})",
                             R"({"cert": null})",
                             R"({"cert": false})",
                             R"({"cert": ""})",
                             R"({"files": null})",
                             R"({"files": false})",
                             R"({"files": {}})",
                             R"({"files": []})",
                             R"({"headers": false})",
                             R"({"params": false})",
                             R"({"data": false})",
                             R"({"auth": false})",
                             R"({"cookies": false})",
                             R"({"timeout": false})",
                             R"({"verify": null})",
                             R"({"headers": 0})",
                             R"({"headers": ""})",
                             R"({"proxies": {"ftp": "http://p"}})"}) {
    CAPTURE(kwargs);
    CHECK(with(kwargs) == with("{}"));
  }
  CHECK(with(R"({"json": false})").body == "false");  // as requests sends it
  CHECK(*with(R"({"allow_redirects": false})").redirects_max == 0);
}

TEST_CASE("how TLS is spoken is what requests makes of verify and cert, and what is ours of it") {
  CHECK(with(R"({"verify": true})").tls == TlsSettings{});
  for (const char* off :
       {R"({"verify": false})", R"({"verify": 0})", R"({"verify": ""})", R"({"verify": "no"})"}) {
    CAPTURE(off);
    CHECK_FALSE(with(off).tls.verify);
  }
  CHECK(with(R"({"verify": "/ca.pem"})").tls.ca_file == "/ca.pem");
  CHECK(with(R"({"verify": "/ca.pem"})").tls.verify);
  CHECK(with(R"({"cert": "/both.pem"})").tls.certificate_file == "/both.pem");
  const TlsSettings pair = with(R"({"cert": ["/cert", "/key"]})").tls;
  CHECK(pair.certificate_file == "/cert");
  CHECK(pair.key_file == "/key");
  CHECK(with(R"({"cert": ["/cert", null]})").tls.key_file.empty());
  const TlsSettings ours = with(R"({"tls": {"min_version": "1.3", "resume": false}})").tls;
  CHECK(ours.version_min == 3);
  CHECK_FALSE(ours.resume);
  CHECK(with(R"({"tls": {"min_version": 1.2, "resume": "yes"}})").tls == TlsSettings{});
  CHECK(with(R"({"tls": {"min_version": null}})") == with("{}"));
  CHECK(faults(R"({"kwargs": {"tls": {"min_version": "1.1", "resume": "maybe", "alpn": 1}}})") ==
        "/kwargs/tls/min_version: kwargs.tls.min_version must be 1.2 or 1.3, not '1.1'\n"
        "/kwargs/tls/resume: kwargs.tls.resume must be true or false, not 'maybe'\n"
        "/kwargs/tls/alpn: unknown key 'alpn'");
  CHECK(faults(R"({"kwargs": {"tls": 1.3}})") ==
        "/kwargs/tls: kwargs.tls must be a map, not '1.3'");
}

TEST_CASE("a proxy and what isn't a certificate are refused with the reason") {
  CHECK(faults(R"({"kwargs": {"proxies": {"http": "http://p:3128"}}})") ==
        "/kwargs/proxies: kwargs.proxies can't be used: requests go to the service's hosts, not "
        "through a proxy");
  CHECK(faults(R"({"kwargs": {"proxies": "http://p:3128"}})") != "");
  CHECK(faults(R"({"kwargs": {"cert": {"a": 1}}})") ==
        "/kwargs/cert: kwargs.cert must be a path, or a pair [path, key], not a map");
}

// The body with its boundary as "B".
std::string multipart(const std::string& kwargs) {
  const Request request = with(kwargs);
  const std::string type = header(request, "content-type");
  constexpr std::string_view kBegin = "multipart/form-data; boundary=";
  REQUIRE(type.starts_with(kBegin));
  const std::string boundary = type.substr(kBegin.size());
  std::string body = request.body;
  for (std::size_t at = 0; (at = body.find("--" + boundary, at)) != std::string::npos; ++at)
    body.replace(at + 2, boundary.size(), "B");
  return body;
}

// What requests 2.34 made of the same arguments, but for the boundary.
TEST_CASE("files are sent as a form sends them") {
  const std::string a = "--B\r\nContent-Disposition: form-data; name=\"a\"";
  const std::string end = "--B--\r\n";
  struct Case {
    const char* kwargs;
    std::string body;
  };
  const std::vector<Case> cases{
      {R"({"files": {"a": "text"}})", a + "; filename=\"a\"\r\n\r\ntext\r\n" + end},
      {R"({"files": {"a": ["f.txt", "text"]}})", a + "; filename=\"f.txt\"\r\n\r\ntext\r\n" + end},
      {R"({"files": {"a": ["f.txt", "text", "text/plain"]}})",
       a + "; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\ntext\r\n" + end},
      {R"({"files": {"a": ["f", "t", "text/plain", {"X-A": "b"}]}})",
       a + "; filename=\"f\"\r\nContent-Type: text/plain\r\nX-A: b\r\n\r\nt\r\n" + end},
      {R"({"files": {"a": [null, "t", null]}})", a + "\r\n\r\nt\r\n" + end},
      {R"({"files": {"a": 5}})", a + "; filename=\"a\"\r\n\r\n5\r\n" + end},
      {R"({"files": {"a": ""}})", a + "; filename=\"a\"\r\n\r\n\r\n" + end},
      {R"({"files": {"a": null, "b": ["f", null]}})", end},
      {R"({"files": [["a", "t"], ["a", ["f", "u"]]]})",
       a + "; filename=\"a\"\r\n\r\nt\r\n" + a + "; filename=\"f\"\r\n\r\nu\r\n" + end},
      {R"({"files": {"a": "t"}, "json": {"x": 1}})", a + "; filename=\"a\"\r\n\r\nt\r\n" + end},
      {R"({"files": {"a": "t"}, "data": {"k": ["v", true], "n": null}})",
       "--B\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv\r\n"
       "--B\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nTrue\r\n" +
           a + "; filename=\"a\"\r\n\r\nt\r\n" + end},
      {R"({"files": {"a": "t"}, "data": [["k", 2.0]]})",
       "--B\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n2.0\r\n" + a +
           "; filename=\"a\"\r\n\r\nt\r\n" + end},
      {R"({"files": {"\u00fc\"\r\n": ["q\"", "t"]}})",
       "--B\r\nContent-Disposition: form-data; name=\"\xc3\xbc%22%0D%0A\"; filename=\"q%22\""
       "\r\n\r\nt\r\n" +
           end},
  };
  for (const Case& wanted : cases) {
    CAPTURE(wanted.kwargs);
    CHECK(multipart(wanted.kwargs) == wanted.body);
  }
  CHECK(header(with(R"({"files": {"a": "t"}, "headers": {"content-type": "mine"}})"),
               "Content-Type") == "mine");
}

TEST_CASE("no file holds the boundary, and the same files have the same one") {
  const std::string type = header(with(R"({"files": {"a": "t"}})"), "content-type");
  CHECK(header(with(R"({"files": {"a": "t"}})"), "content-type") == type);
  const Multipart first = make_multipart({{"a", "a", "t", {}}});
  const std::string boundary = first.content_type.substr(first.content_type.find('=') + 1);
  const Multipart nested = make_multipart({{"a", "a", first.body, {}}});
  CHECK(nested.content_type.find(boundary) == std::string::npos);
  CHECK(nested.body.find(first.body) != std::string::npos);
}

TEST_CASE("files that can't be sent are told") {
  CHECK(faults(R"({"kwargs": {"files": "a"}})") ==
        "/kwargs/files: kwargs.files must be a map of names and files, not 'a'");
  CHECK(faults(R"({"kwargs": {"files": {"a": ["f"], "b": {"c": 1}, "d": [1, [2]]}}})") ==
        "/kwargs/files/a: kwargs.files.a must be a text or [file name, text, content type]\n"
        "/kwargs/files/b: kwargs.files.b must be a text or [file name, text, content type]\n"
        "/kwargs/files/d: kwargs.files.d must be a text or [file name, text, content type]");
  CHECK(faults(R"({"kwargs": {"files": ["a", ["b", "c", "d"]]}})") ==
        "/kwargs/files/0: kwargs.files must be a map, or a list of pairs [name, file]\n"
        "/kwargs/files/1: kwargs.files must be a map, or a list of pairs [name, file]");
  CHECK(faults(R"({"kwargs": {"files": {"a": ["f", "t", "text/x\r\nX: y", {"B c": "d"}]}}})") ==
        "/kwargs/files/a: kwargs.files.a has a content type that is none\n"
        "/kwargs/files/a: kwargs.files.a has a header 'B c' that is none");
  CHECK(faults(R"({"kwargs": {"files": {"a": "t"}, "data": "raw"}})") ==
        "/kwargs/data: kwargs.data must be a map beside files, not a text");
  CHECK(faults(R"({"kwargs": {"files": {"a": "t"}, "data": {"k": {"x": 1}}}})") ==
        "/kwargs/data: kwargs.data has no text at 'k', but a map");
}

TEST_CASE("every fault is told with its path") {
  CHECK(faults(R"({"method": "get /", "path": "/a\nb", "kwargs": {"headers": {"X": "a\r\nE: 1",
                   "Y\n": "a", "Z": []}, "params": {"a": {"b": 1}}, "data": ["a", ["b", [{}]]],
                   "auth": ["u"], "cookies": {"a\r": "b", "c": "f;g"}, "timeout": 0,
                   "verify": {"a": 1}, "time_out": 3}})") ==
        "/kwargs/time_out: unknown argument 'time_out'\n"
        "/method: method can't be 'GET /'\n"
        "/kwargs/params/a: kwargs.params.a must be a text or a list of texts, not a map\n"
        "/kwargs/headers/X: kwargs.headers.X has a control character\n"
        "/kwargs/headers/Y\n: 'Y\n' can't name a header\n"
        "/kwargs/headers/Z: kwargs.headers.Z must be a text, not a list\n"
        "/kwargs/data/0: kwargs.data must be a map, or a list of pairs [name, value], not 'a'\n"
        "/kwargs/data/1/1/0: kwargs.data.b must be a text or a list of texts, not a map\n"
        "/kwargs/auth: kwargs.auth must be a pair: [user, password]\n"
        "/kwargs/cookies/a\r: kwargs.cookies.a\r is no cookie\n"
        "/kwargs/timeout: kwargs.timeout must be a duration above 0, not '0'\n"
        "/kwargs/verify: kwargs.verify must be true, false, or a file of authorities, not a "
        "map");
  CHECK(faults(R"({"path": "/a\u0001b", "kwargs": {"cookies": {"c": "f;g"}}})", Writer::kOurs) ==
        "/path: path has a control character\n/kwargs/cookies/c: kwargs.cookies.c is no cookie");
  CHECK(faults("[1]") == ": parameters must be a map, not a list");
  CHECK(faults(R"({"kwargs": [1]})") == "/kwargs: kwargs must be a map, not a list");
  CHECK(faults("{\"a\": 1") == ": it isn't JSON from character 8 on");
  CHECK(faults(std::string(101, '[') + std::string(101, ']')) ==
        ": it is nested more than 100 levels deep");
}

TEST_CASE("the first fault is the Error, with what to do about it") {
  const auto wrong = parse_request_parameters(R"({"kwargs": {"header": {}}})");
  REQUIRE_FALSE(wrong.ok());
  CHECK(
      wrong.error().to_text() ==
      "the client's parameters can't be used: unknown argument 'header'; did you mean 'headers'?");
}

Request ours(std::string_view json) {
  const RequestReading reading = read_request_parameters(json, Writer::kOurs);
  REQUIRE(reading.faults.empty());
  return reading.request;
}

TEST_CASE("an old client's URL is changed as requests does it, ours goes as it is written") {
  struct Row {
    const char* path;
    const char* old_target;
    const char* our_target;
  };
  for (const Row& row :
       {Row{"/%7Ea/./b/../c", "/~a/c", "/%7Ea/./b/../c"}, Row{"/%7E%", "/%257E%25", "/%7E%"},
        Row{"/a?b[]=c&d={}", "/a?b%5B%5D=c&d=%7B%7D", "/a?b[]=c&d={}"},
        Row{"/a b?\u00fc#f", "/a%20b?%C3%BC", "/a%20b?%C3%BC"}, Row{"/a?", "/a", "/a?"},
        Row{"x", "/x", "/x"}}) {
    CAPTURE(row.path);
    const std::string json = std::string(R"({"path": ")") + row.path + "\"}";
    CHECK(read(json).path == row.old_target);
    CHECK(ours(json).path == row.our_target);
    CHECK(read(json.substr(0, json.size() - 1) + R"(, "galileo": {"as_written": true}})").path ==
          row.our_target);
  }
  CHECK(ours(R"({"path": "/a?b=%7E", "kwargs": {"params": "c=%zz d"}})").path ==
        "/a?b=%7E&c=%zz%20d");
}

TEST_CASE("an old client takes compressed answers, ours where it says so") {
  CHECK(header(read("{}"), "accept-encoding") == "gzip, deflate");
  CHECK(header(with(R"({"headers": {"accept-encoding": null}})"), "accept-encoding") == "identity");
  CHECK(header(with(R"({"headers": {"accept-encoding": "br"}})"), "accept-encoding") == "br");
  CHECK(ours("{}").headers.empty());
  CHECK(header(ours(R"({"kwargs": {"compressed": true}})"), "accept-encoding") ==
        "gzip, deflate, br, zstd");
  CHECK(header(ours(R"({"kwargs": {"compressed": "yes", "headers": {"Accept-Encoding": "x"}}})"),
               "accept-encoding") == "x");
}

TEST_CASE("texts of an old client's head are ISO-8859-1 where they can be, ours are UTF-8") {
  constexpr const char* kOne =
      R"({"kwargs": {"headers": {"X": "\u00fc"}, "cookies": {"k": "\u00fc"}}})";
  CHECK(header(read(kOne), "x") == "\xfc");
  CHECK(header(read(kOne), "cookie") == "k=\xfc");
  CHECK(header(ours(kOne), "x") == "\xc3\xbc");
  CHECK(header(ours(kOne), "cookie") == "k=\xc3\xbc");
  CHECK(header(with(R"({"headers": {"X": "\u0159"}})"), "x") == "\xc5\x99");
}

TEST_CASE("of two spellings of a header an old client has the last, and pairs are kept") {
  CHECK(header(with(R"({"headers": {"X-A": "1", "x-a": "2"}})"), "x-a") == "2");
  CHECK(header(with(R"({"headers": [["X-A", "1"], ["x-a", "2"]]})"), "x-a") == "12");
  CHECK(header(ours(R"({"kwargs": {"headers": {"X-A": "1", "x-a": "2"}}})"), "x-a") == "12");
}

TEST_CASE("framing is ours: a given length gives way, chunks are refused") {
  CHECK(header(with(R"({"data": "abc", "headers": {"Content-Length": "7"}})"), "content-length")
            .empty());
  CHECK(header(read(R"({"kwargs": {"headers": {"Content-Length": "7"}}})"), "content-length")
            .empty());
  CHECK(header(read(R"({"kwargs": {"headers": {"Content-Length": "0"}}})"), "content-length") ==
        "0");
  CHECK(faults(R"({"kwargs": {"headers": {"transfer-encoding": "chunked"}}})") ==
        "/kwargs/headers/Transfer-Encoding: kwargs.headers.Transfer-Encoding can't be given: a "
        "body goes out with its length");
}

TEST_CASE("a digest's user, a bearer's token, kept cookies and statuses that are fine are ours") {
  const Request digest = with(R"({"auth": {"digest": ["\u00fc", "p"]}})");
  CHECK(digest.digest == DigestUser{"\xc3\xbc", "p", false});
  CHECK(header(digest, "authorization").empty());
  CHECK(with(R"({"auth": {"keep": true, "digest": ["u", "p"]}})").digest ==
        DigestUser{"u", "p", true});
  CHECK(header(with(R"({"auth": {"bearer": "t"}, "headers": {"authorization": "x"}})"),
               "authorization") == "Bearer t");
  CHECK(with(R"({"cookies": "keep"})").keep_cookies);
  CHECK(read(R"({"galileo": {"cookies": "keep"}, "kwargs": {"data": "b"}})").keep_cookies);
  CHECK(with(R"({"ok": ["2xx", 304]})").ok->to_text() == "200-299, 304");
  CHECK(with(R"({"ok": "404"})").ok->to_text() == "404");
  CHECK_FALSE(with("{}").ok);
  CHECK(faults(R"({"kwargs": {"auth": {"digest": ["u"], "bearer": "", "kepe": 1}, "ok": "2x",
                              "cookies": "keeps"}})") ==
        "/kwargs/auth/digest: kwargs.auth.digest must be a pair: [user, password]\n"
        "/kwargs/auth/bearer: kwargs.auth.bearer must be a token\n"
        "/kwargs/auth/kepe: unknown key 'kepe'\n"
        "/kwargs/auth: kwargs.auth can't have both a digest and a bearer's token\n"
        "/kwargs/cookies: kwargs.cookies must be a map of names and values, or 'keep', not "
        "'keeps'\n"
        "/kwargs/ok: kwargs.ok '2x' isn't a list of statuses");
  CHECK(faults(R"({"galileo": {"okay": 1}})") == "/galileo/okay: unknown argument 'okay'");
}

TEST_CASE("a pair of time-outs bounds the whole answer by both") {
  CHECK(*with(R"({"timeout": [3, 1.5]})").timeout == seconds(4.5));
  CHECK_FALSE(with(R"({"timeout": [3, null]})").timeout);
  CHECK_FALSE(faults(R"({"kwargs": {"timeout": [1, 2, 3]}})").empty());
}

}  // namespace
}  // namespace galileo::load
