// `galileo load URL`: the same as a run of a file with one service and one group of clients, from
// flags in the spellings that people know from other tools.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/output.h"
#include "base/secrets.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/help_tables.h"
#include "commands/load_document.h"
#include "commands/options.h"
#include "commands/replay_flags.h"
#include "commands/run_options.h"
#include "load/targets_file.h"
#include "load/template_text.h"
#include "load/traceparent.h"
#include "plan/file.h"
#include "plan/profile.h"
#include "wire/http1.h"
#include "wire/requests_url.h"
#include "wire/uri.h"

namespace galileo::commands {
namespace {

constexpr std::size_t kBodyFileMax = std::size_t{64} << 20;
constexpr Duration kDefaultDuration = std::chrono::seconds{10};

// The flags as they were written.
struct LoadFlags {
  std::string url;
  std::string connections;
  std::string rate;
  std::string arrival;
  std::string profile;
  std::string replay;
  std::string targets;
  ReplayFlags of_replay;
  std::string num;
  std::string duration;
  std::string warmup;
  std::string timeout;
  std::string connect_timeout;
  std::string method;
  std::string body;
  std::string rows;
  std::string rows_order;
  std::string seed;
  std::string fail_on;
  std::string ca_file;
  std::string crl_file;
  std::string certificate;
  std::string key;
  std::string app;
  std::vector<std::string> parameters;
  std::string user;
  std::string bearer;
  std::string ok;
  std::string redirects_max;
  std::string traceparent;
  std::string otlp;
  std::uint32_t clients = 1;
  std::uint32_t threads = 0;
  std::uint32_t redirects = 0;
  std::vector<std::string> headers;
  std::vector<std::string> thresholds;
  std::vector<std::string> aborts;
  std::string abort_after;
  std::vector<std::string> checks;
  bool ipv4 = false;
  bool ipv6 = false;
  bool poisson = false;
  bool no_telemetry = false;
  bool insecure = false;
  bool http2 = false;
  bool http2_prior_knowledge = false;
  bool disable_keepalive = false;
  std::string streams;
  bool digest = false;
  bool compressed = false;
  bool location = false;

  // Requests come from a file, each with a path of its own.
  bool listed() const { return !replay.empty() || !targets.empty(); }
};

Error usage(std::string what, std::string hint) {
  return Error{ErrorCode::kUsage, std::move(what), {}, {}, std::move(hint)};
}

// How TLS is spoken, by curl's names. There a certificate's password may follow its path; here it
// is a path.
Result<void> write_tls(const LoadFlags& flags, const wire::Uri& uri, LoadDocument& document) {
  const bool any = flags.insecure || !flags.ca_file.empty() || !flags.crl_file.empty() ||
                   !flags.certificate.empty() || !flags.key.empty();
  if (any && uri.scheme != "https" && flags.redirects == 0 && !flags.location)
    return usage("--insecure, --cacert, --crlfile, --cert and --key are for https",
                 "write https://...");
  if (flags.insecure && !flags.ca_file.empty())
    return usage("--insecure and --cacert can't both be given", "give one of them");
  if (flags.insecure && !flags.crl_file.empty())
    return usage("--insecure and --crlfile can't both be given", "give one of them");
  if (flags.certificate.empty() && !flags.key.empty())
    return usage("a key alone isn't a certificate", "give --cert too");
  document.set("client/request/verify", flags.insecure ? "no" : flags.ca_file,
               flags.insecure ? "--insecure" : "--cacert " + flags.ca_file);
  document.set("client/request/tls/crl", flags.crl_file, "--crlfile " + flags.crl_file);
  if (flags.key.empty()) {
    document.set("client/request/cert", flags.certificate, "--cert " + flags.certificate);
    return {};
  }
  document.add("client/request/cert", flags.certificate, "--cert " + flags.certificate);
  document.add("client/request/cert", flags.key, "--key " + flags.key);
  return {};
}

// The app says what each request is; the URL only who is asked.
Result<void> write_app(const LoadFlags& flags, const wire::Uri& uri, LoadDocument& document) {
  if (!flags.method.empty() || !flags.body.empty() || !flags.headers.empty() ||
      !uri.user_info.empty())
    return usage("an app says the method, headers and body of each request",
                 "leave -m, -H and -b out; --parameter NAME=VALUE tells the app something");
  if (uri.path != "/")
    return usage(fmt::format("an app says the path of each request, not the URL: {}", uri.path),
                 "leave the path out; --parameter NAME=VALUE tells the app something");
  if (!flags.user.empty() || !flags.bearer.empty() || flags.compressed)
    return usage("an app says who asks, and for what",
                 "leave -u, --oauth2-bearer, --compressed out");
  document.set("client/app", flags.app, "--app " + flags.app);
  document.set("client/request/timeout", flags.timeout, "--timeout " + flags.timeout);
  document.set("client/request/ok", flags.ok, "--ok " + flags.ok);
  for (const std::string& parameter : flags.parameters) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage(fmt::format("--parameter '{}' has no name", parameter), "NAME=VALUE");
    document.set("client/parameters/" + parameter.substr(0, equals), parameter.substr(equals + 1),
                 "--parameter " + parameter);
  }
  return {};
}

// How HTTP is spoken, by curl's names and those of other load generators.
Result<void> write_http(const LoadFlags& flags, const wire::Uri& uri, LoadDocument& document) {
  if (flags.http2 && flags.http2_prior_knowledge)
    return usage("--http2 and --http2-prior-knowledge can't both be given", "give one of them");
  if (flags.http2 && uri.scheme != "https")
    return usage("--http2 is agreed on by TLS, and this URL has none",
                 "give --http2-prior-knowledge, or write https://...");
  const bool is_2 = flags.http2 || flags.http2_prior_knowledge;
  if (!flags.streams.empty() && !is_2)
    return usage("--streams are HTTP/2's", "add --http2 or --http2-prior-knowledge");
  const std::string key = "client/request/http/";
  const bool paced = !(flags.rate.empty() && flags.arrival.empty() && flags.profile.empty() &&
                       flags.replay.empty());
  if (flags.http2) document.set(key + "version", "2", "--http2");
  if (flags.http2_prior_knowledge)
    document.set(key + "prior_knowledge", "yes", "--http2-prior-knowledge");
  if (flags.disable_keepalive) document.set(key + "keepalive", "no", "--disable-keepalive");
  document.set(key + "streams", flags.streams, "--streams " + flags.streams);
  // With a rate the connections share it.
  if (is_2 && paced)
    document.set(key + "connections", flags.connections, "--connections " + flags.connections);
  return {};
}

// A body that the document can say: of a flag, with templates in it. Others needn't be text.
bool is_template(const std::string& body) {
  return body.find("{{") != std::string::npos && body.front() != '@';
}

// A log, and how it is read: what the experiment file's `replay` has.
Result<void> write_replay(const LoadFlags& flags, LoadDocument& document) {
  const ReplayFlags& of = flags.of_replay;
  const auto set = [&](const char* key, const std::string& value, const char* flag) {
    document.set(fmt::format("client/replay/{}", key), value, fmt::format("{} {}", flag, value));
  };
  set("file", flags.replay, "--replay");
  set("format", of.format, "--format");
  set("speed", of.speed, "--speed");
  set("share", of.share, "--share");
  set("copies", of.copies == 1 ? "" : std::to_string(of.copies), "--copies");
  set("times", of.times, "--times");
  for (const std::string& field : of.fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage(fmt::format("--field {} isn't a field's name and where it is", field),
                   "write for example took=duration_ms:ms");
    set(("fields/" + field.substr(0, equals)).c_str(), field.substr(equals + 1), "--field");
  }
  set("host", of.host, "--host");
  set("client_spans", of.client_spans ? "yes" : "", "--client-spans");
  set("body", flags.body, "--body");
  set("keep_secrets", of.keep_secrets ? "yes" : "", "--keep-secrets");
  set("keep_host", of.keep_host ? "yes" : "", "--keep-host");
  return {};
}

// The requests of a file: of the URL only the host counts.
Result<void> write_listed(const LoadFlags& flags, const wire::Uri& uri, LoadDocument& document) {
  if (!flags.replay.empty() && !flags.targets.empty())
    return usage("--replay and --targets can't both be given", "give one of them");
  if (flags.replay.empty() && flags.of_replay.any())
    return usage("--speed, --format and the like are of a log", "give it with --replay");
  if (!flags.listed()) return {};
  if (uri.path != "/")
    return usage(fmt::format("the URL has the path {}, and each request one of its own", uri.path),
                 "give the host alone");
  if (!flags.replay.empty()) return write_replay(flags, document);
  if (!flags.body.empty())
    return usage("--body can't be given beside --targets", "each target has its own");
  document.set("client/targets", flags.targets, "--targets " + flags.targets);
  return {};
}

// curl's -L is without a number of its own; the file counts them.
Result<std::uint32_t> redirects_of(const LoadFlags& flags) {
  constexpr std::uint32_t kRedirectsOfCurl = 50;
  if (!flags.redirects_max.empty() && !flags.location)
    return usage("--max-redirs follows none by itself", "give -L too");
  if (flags.location && flags.redirects > 0)
    return usage("-L and --redirects can't both be given", "give -L --max-redirs N");
  if (!flags.location) return flags.redirects;
  if (flags.redirects_max.empty()) return kRedirectsOfCurl;
  const auto most = parse_integer(flags.redirects_max);
  if (!most || *most < 0 || *most > 100)
    return usage(fmt::format("--max-redirs must be from 0 to 100, not '{}'", flags.redirects_max),
                 {});
  return static_cast<std::uint32_t>(*most);
}

// Who asks, by curl's names. What a message shows of it is the flag alone.
Result<void> write_user(const LoadFlags& flags, LoadDocument& document) {
  if (flags.digest && flags.user.empty())
    return usage("--digest is of --user", "give -u user:password");
  if (!flags.user.empty() && !flags.bearer.empty())
    return usage("--user and --oauth2-bearer can't both be given", "give one of them");
  document.set("client/request/auth/bearer", flags.bearer, "--oauth2-bearer");
  if (flags.user.empty()) return {};
  const std::size_t colon = flags.user.find(':');
  if (colon == std::string::npos)
    return usage("--user has no password", "write it as user:password");
  const char* const place = flags.digest ? "client/request/auth/digest" : "client/request/auth";
  document.add(place, flags.user.substr(0, colon), "--user");
  document.add(place, flags.user.substr(colon + 1), "--user");
  return {};
}

// Path and query as they were written: a signed URL stays signed, and a file's path goes so too.
std::string written_path(std::string_view url) {
  url = trim(url);
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos && scheme < url.find_first_of("/?#"))
    url.remove_prefix(scheme + 3);
  return wire::written_target(url.substr(std::min(url.find_first_of("/?#"), url.size())));
}

Result<void> write_request(const LoadFlags& flags, const wire::Uri& uri, const std::string& path,
                           LoadDocument& document) {
  if (!flags.app.empty()) return write_app(flags, uri, document);
  if (!flags.parameters.empty()) return usage("--parameter is for an app", "give --app too");
  if (!flags.listed()) document.set("client/request/path", path, "URL");
  if (is_template(flags.body) && !flags.listed())
    document.set("client/request/data", flags.body, "--body");
  document.set("client/data/file", flags.rows, "--rows " + flags.rows);
  document.set("client/data/order", flags.rows_order, "--rows-order " + flags.rows_order);
  const bool is_post = flags.method.empty() && !flags.body.empty() && !flags.listed();
  const std::string& method = is_post ? "post" : flags.method;
  document.set("client/request/method", method, "--method " + flags.method);
  document.set("client/request/timeout", flags.timeout, "--timeout " + flags.timeout);
  document.set("client/request/ok", flags.ok, "--ok " + flags.ok);
  if (flags.compressed) document.set("client/request/compressed", "yes", "--compressed");
  TRY(write_user(flags, document));
  for (const std::string& header : flags.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0)
      return usage(fmt::format("-H '{}' isn't a header",
                               is_secret_name(header) ? header.substr(0, header.find(' ')) + " ***"
                                                      : header),
                   "write it as 'Name: value'");
    document.add_header(header.substr(0, colon), trim(std::string_view(header).substr(colon + 1)));
  }
  return {};
}

// Open loop by --rate, --arrival or --profile, closed loop by -c alone.
Result<void> write_pace(const LoadFlags& flags, LoadDocument& document) {
  if (!flags.rate.empty() && !flags.arrival.empty())
    return usage("--rate and --arrival can't both be given", "give one of them");
  if (!flags.profile.empty() && !(flags.rate.empty() && flags.arrival.empty()))
    return usage("--profile can't be given beside --rate or --arrival", "give one of them");
  const std::string connections = "--connections " + flags.connections;
  if (flags.rate.empty() && flags.arrival.empty() && flags.profile.empty() &&
      flags.replay.empty()) {
    document.set("client/closed_loop/connections",
                 flags.connections.empty() ? "1" : flags.connections, connections);
    return {};
  }
  document.set("limits/connections", flags.connections, connections);
  document.set("client/arrival", flags.arrival, "--arrival " + flags.arrival);
  document.set("client/arrival/profile", flags.profile, "--profile " + flags.profile);
  if (flags.rate.empty()) return {};
  // The rate is that of all clients together, in digits: a rate has no exponent. What is none is
  // refused as it was written.
  const auto rps = parse_rate(flags.rate);
  const std::string rate = rps.ok() ? fmt::format("{:.25f}", *rps / flags.clients) : flags.rate;
  const std::string flag = "--rate " + flags.rate;
  document.set("client/rate/shape", "constant", flag);
  document.set("client/rate/process", flags.poisson ? "exponential" : "static", flag);
  document.set("client/rate/rps", rate, flag);
  return {};
}

// As with other tools -n is the number over all clients.
Result<void> write_requests(const LoadFlags& flags, LoadDocument& document) {
  const auto requests = parse_count(flags.num);
  if (requests.ok() && *requests % flags.clients != 0)
    return usage(
        fmt::format("-n {} can't be shared evenly by {} clients", *requests, flags.clients),
        "give a multiple");
  document.set("client/requests",
               requests.ok() ? std::to_string(*requests / flags.clients) : flags.num,
               "--num " + flags.num);
  return {};
}

void write_limits(const LoadFlags& flags, LoadDocument& document) {
  const auto set = [&](const char* key, const std::string& value, const char* flag) {
    document.set(key, value, fmt::format("{} {}", flag, value));
  };
  set("seed", flags.seed, "--seed");
  set("warmup", flags.warmup, "--warmup");
  set("client/num", std::to_string(flags.clients), "--clients");
  set("client/duration", flags.duration, "--duration");
  set("limits/threads", std::to_string(flags.threads), "--threads");
  set("limits/connect_timeout", flags.connect_timeout, "--connect-timeout");
  set("limits/fail_on", flags.fail_on, "--fail-on");
  set("traceparent", flags.traceparent, "--traceparent");
  document.set("otlp", flags.otlp, "--otlp");
  set("limits/address_family", flags.ipv4 ? "ipv4" : flags.ipv6 ? "ipv6" : "", "-4, -6:");
  if (flags.no_telemetry) set("telemetry", "off", "--no-telemetry");
  for (const std::string& check : flags.checks)
    document.add("client/checks", check, "--check '" + check + "'");
  for (const std::string& threshold : flags.thresholds)
    document.add("thresholds", threshold, "--threshold '" + threshold + "'");
  for (const std::string& threshold : flags.aborts)
    document.add_abort(threshold, flags.abort_after, "--abort-unless '" + threshold + "'");
}

// What the file has no words for: bytes that needn't be text, and who asks by the URL.
Result<void> finish_request(const LoadFlags& flags, const wire::Uri& uri, load::Request& request) {
  const auto is_authorization = [](const auto& header) {
    return wire::http1::equals_ignoring_case(header.first, "authorization");
  };
  if (!uri.user_info.empty() &&
      std::none_of(request.headers.begin(), request.headers.end(), is_authorization))
    request.headers.emplace_back("Authorization", "Basic " + wire::base64(uri.user_info));
  if (flags.body.empty() || flags.listed() || is_template(flags.body)) return {};
  request.has_body = true;
  request.body = flags.body;
  if (flags.body.front() == '@') request.body = TRY(read_input(flags.body.substr(1), kBodyFileMax));
  return {};
}

// That of the targets where none is given.
Result<std::string> url_of(const LoadFlags& flags) {
  if (!flags.url.empty()) return flags.url;
  if (flags.targets.empty())
    return usage("URL is required", "write for example galileo load http://127.0.0.1:8080/");
  const load::TargetsFile targets = TRY(load::read_targets(flags.targets, ""));
  if (targets.url.empty())
    return usage(fmt::format("the first target of {} names no host", flags.targets),
                 "give the URL of the host beside --targets");
  return targets.url;
}

Result<plan::Plan> make_plan(const LoadFlags& flags) {
  // What is in a template isn't the URL's: a blank, a question mark.
  const load::HiddenTemplates url(TRY(url_of(flags)));
  const wire::Uri uri = TRY(wire::parse_uri(url.text));
  if (flags.clients < 1) return usage("--clients must be from 1 up", {});
  LoadDocument document;
  document.set("name", fmt::format("load {}", uri.host_port()), "URL");
  document.set("services/load/hosts", uri.route_host(), "URL");
  document.set("client/service", "load", "URL");
  document.set("client/name", "load", "URL");
  TRY(write_listed(flags, uri, document));
  TRY(write_request(flags, uri, url.restore(written_path(url.text)), document));
  TRY(write_tls(flags, uri, document));
  TRY(write_http(flags, uri, document));
  TRY(write_pace(flags, document));
  TRY(write_requests(flags, document));
  if (flags.aborts.empty() && !flags.abort_after.empty())
    return usage("--abort-after is of a threshold that ends the run", "give --abort-unless too");
  write_limits(flags, document);
  const std::string redirects = std::to_string(TRY(redirects_of(flags)));
  document.set("limits/redirects", redirects,
               (flags.location ? "--max-redirs " : "--redirects ") + redirects);
  plan::FileOptions options;
  options.environment = environment;
  options.find_file = [](const std::string& path) { return plan::find_file_in("", path); };
  options.read_file = [](const std::string& path) {
    return read_input(path, plan::kProfileFileMax);
  };
  options.path_of = [](const std::string& path) { return path; };
  plan::Plan plan = TRY(plan::read_plan(document.document(), document.flags(), options));
  load::ClientSpec& client = plan.phases.front().clients.front();
  TRY(finish_request(flags, uri, client.request));
  if (client.closed_loop) plan.limits.connections_max = client.connections * flags.clients;
  // A profile and a log have an end of their own.
  if (!client.requests && !client.duration && flags.profile.empty() && flags.replay.empty())
    client.duration = kDefaultDuration;
  return plan;
}

// Certificates and protocols.
void add_connection_flags(CLI::App& app, LoadFlags& flags) {
  app.add_flag("-k,--insecure", flags.insecure,
               "https: take any certificate; the summary and the report say so");
  app.add_option("--cacert", flags.ca_file,
                 "https: file (PEM) of those who vouch for the server [the system's]");
  app.add_option("--crlfile", flags.crl_file,
                 "https: file (PEM) of revoked certificates, which are refused [not looked at]");
  app.add_option("--cert", flags.certificate, "https: our certificate (PEM), with its chain");
  app.add_option("--key", flags.key, "its key (PEM) [in --cert]");
  app.add_flag("--http2", flags.http2,
               "https: HTTP/2 where the server agrees to it, else HTTP/1.1");
  app.add_flag("--http2-prior-knowledge", flags.http2_prior_knowledge,
               "HTTP/2 without asking, over http:// too");
  app.add_option("--streams", flags.streams,
                 "HTTP/2: requests on a connection at once [1; with a rate, as the server allows]");
  app.add_flag("--disable-keepalive", flags.disable_keepalive,
               "a connection of its own for each request");
}

void add_flags(CLI::App& app, LoadFlags& flags) {
  const std::string arrivals = "list arrivals, distributions and rate shapes";
  const std::string thresholds = "list what a threshold can measure";
  app.add_option("URL", flags.url,
                 "http://host:port/path, or https://; may be left out where --targets have it");
  app.add_option("-c,--connections", flags.connections,
                 "connections; without a rate each sends again as soon as it is answered [1]");
  app.add_option("-r,--rate", flags.rate, "requests a second, evenly: 100, 10k, 50/1s, 600/m");
  app.add_flag("--poisson", flags.poisson, "draw the times between requests (with --rate)");
  app.add_option("--arrival", flags.arrival,
                 "times between requests in seconds, or a rate shape: 'expovariate(100)', "
                 "'ramp(10, 1000, 60)'");
  app.add_option("--profile", flags.profile,
                 "file of the times between requests, which each client follows to its end");
  app.add_option("--replay", flags.replay,
                 "log of requests (access log, JSON, HAR, .gor, traces), sent again at their "
                 "times; galileo replay show FILE tells what that is");
  app.add_option("--targets", flags.targets,
                 "file of requests as vegeta has them (http or json), sent in turn");
  app.add_option("-n,--num,--requests", flags.num, "requests in all: 100, 10k");
  app.add_option("-d,-z,--duration", flags.duration, "how long: 90, 30s, 5m [10s without -n]");
  app.add_option("--clients", flags.clients,
                 "how many clients share the rate and the requests evenly")
      ->capture_default_str();
  app.add_option("-m,--method", flags.method, "method [GET, with a body POST]");
  app.add_option("-H,--header", flags.headers, "header, 'Name: value'; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("-b,--body", flags.body,
                 "body, with templates ({{uuid}}); @FILE: as that file is, @-: stdin; with "
                 "--replay where the log has none: skip, empty, @FILE or the text");
  app.add_option(
      "--rows", flags.rows,
      "CSV file whose columns stand in templates of URL, headers and body: {{row.NAME}}");
  app.add_option("--rows-order", flags.rows_order,
                 "which row is next: sequential, random, once [sequential]");
  app.add_option("--app", flags.app,
                 "client app that makes the requests, by its name or its folder (with a slash)");
  app.add_option("--parameter", flags.parameters,
                 "what the app is given, NAME=VALUE; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--timeout", flags.timeout, "time-out of each request [30s]");
  app.add_option("--connect-timeout", flags.connect_timeout, "time-out of each connection [10s]");
  app.add_option("--redirects", flags.redirects, "redirects that are followed [0]");
  app.add_flag("-L,--location", flags.location, "follow redirects, 50 at most");
  app.add_option("--max-redirs", flags.redirects_max, "with -L: so many at most");
  app.add_option("-u,--user", flags.user, "user:password, sent as Basic");
  app.add_flag("--digest", flags.digest, "with -u: answer the server's challenge (RFC 7616)");
  app.add_option("--oauth2-bearer", flags.bearer, "token, sent as Bearer");
  app.add_flag("--compressed", flags.compressed, "ask for compressed answers");
  app.add_option("--ok", flags.ok, "statuses that are a success, and no others: '2xx, 304'");
  app.add_option("--fail-on", flags.fail_on,
                 "statuses of answers that count as failures: '404, 500-599', none [400-999]");
  add_connection_flags(app, flags);
  app.add_flag("-4,--ipv4", flags.ipv4, "IPv4 only");
  app.add_flag("-6,--ipv6", flags.ipv6, "IPv6 only");
  app.add_option("-t,--threads", flags.threads, "event loops [one a core, up to 500/s one]");
  app.add_option("--warmup", flags.warmup,
                 "time at the start that is left out of the statistics: 5s");
  app.add_option("--threshold", flags.thresholds, "as 'p95(latency) < 50ms'; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--abort-unless", flags.aborts,
                 "a threshold that ends the run once it can't be met any more; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--abort-after", flags.abort_after,
                 "or once it has been crossed for so long: 30s; needed where nobody knows how many "
                 "requests there will be");
  app.add_option("--check", flags.checks,
                 "what answers must be: 'status 200', 'body has ok', 'login: json /ok is true', "
                 "'time < 200ms'; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--seed", flags.seed,
                 "seed of all random draws [drawn, and kept with the result]");
  app.add_option("--traceparent", flags.traceparent,
                 "send W3C trace ids; with a share (--traceparent 10%) so many are marked as "
                 "sampled [all]")
      ->expected(0, 1);
  app.add_option("--otlp", flags.otlp,
                 "tell an OpenTelemetry collector of requests and counts: its URL "
                 "(http://127.0.0.1:4318), or env for what OTEL_EXPORTER_OTLP_... say [none]");
  app.add_flag("--help-arrivals", arrivals);
  app.add_flag("--help-thresholds", thresholds);
  app.add_flag("--no-telemetry", flags.no_telemetry, "no telemetry of this machine");
  add_replay_flags(app, flags.of_replay, "Of --replay");
}

// Its share may be left out: what comes next is one only if it reads as one, and else the URL.
Arguments with_share(const Arguments& arguments) {
  constexpr std::string_view kFlag = "--traceparent";
  Arguments words = arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != kFlag) continue;
    const std::string next = i + 1 < words.size() ? words[i + 1] : "";
    if (!next.ends_with('%') && !load::parse_traceparent_share(next).ok()) words[i] += "=yes";
  }
  return words;
}

// Of a variable that isn't set a shell leaves an empty word. What would hold in its place is
// nobody's wish: without a rate as fast as can be. An empty body is one.
Result<void> check_none_is_empty(const CLI::App& app) {
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_expected_min() == 0 || option->get_name() == "--body") continue;
    const auto& words = option->results();
    if (std::find(words.begin(), words.end(), "") != words.end())
      return usage(fmt::format("{} is empty", option->get_name()),
                   "leave it out, or say a value; is a variable not set?");
  }
  return {};
}

}  // namespace

int load(const Arguments& arguments) {
  LoadFlags flags;
  OutputOptions output;
  CLI::App app(
      "Load a URL.\n\nexamples:\n"
      "  galileo load http://127.0.0.1:8080/ --rate 1k --duration 30s\n"
      "  galileo load http://127.0.0.1:8080/ -c 50 -n 100k\n"
      "  galileo load http://127.0.0.1:8080/ --arrival 'expovariate(100)' --clients 10\n"
      "  galileo load http://127.0.0.1:8080/ --replay access.log --speed 2\n"
      "  galileo load https://127.0.0.1:8443/ --cacert ca.pem -c 50\n",
      "galileo load");
  add_flags(app, flags);
  add_output_options(app, output);
  if (const auto over = print_tables_if_asked(arguments, "--help-arrivals", {"arrivals", "shapes"}))
    return *over;
  if (const auto over =
          print_tables_if_asked(arguments, "--help-thresholds", {"metrics", "instruments"}))
    return *over;
  if (const auto over = parse_options(app, with_share(arguments))) return *over;
  if (const auto said = check_none_is_empty(app); !said.ok()) return fail("load", said.error());
  const auto plan = make_plan(flags);
  if (!plan.ok()) return fail("load", plan.error());
  return run_and_print("load", *plan, output, arguments);
}

}  // namespace galileo::commands
