// A client's request as a text for another machine: all that a Request says, with what it is made
// of one by one (templates, steps, a replay, targets, an app) and its checks. JSON; texts that
// aren't UTF-8 are {"base64": "..."}. Who reads it sends what the writer would send, or refuses it:
// a key that isn't known is an Error, since without it the requests would be others
// (docs/wire/requests.md).
//
// Files aren't in it. each_content() goes over the places where a request names one: the sender
// puts a name for its bytes there, the receiver where these lie with it. Pure functions, but for
// what each_content() is given; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "load/workload.h"

namespace galileo::load {

// Of what a request says; grows when an older reader couldn't send the same. Of the heartbeat, too.
inline constexpr std::uint32_t kDescriptionVersion = 1;

// Whether a fixed request of docs/wire/workload.md wouldn't say it all.
bool needs_description(const Request& request);

std::string encode_description(const Request& request);
// Error: kCorrupt, with the key and why.
Result<Request> decode_description(std::string_view json);

// Gets what a request names: a path, or a URL where `may_be_url`; what it gives takes its place.
using ReplaceContent = std::function<Result<std::string>(const std::string& name, bool may_be_url)>;
Result<void> each_content(Request& request, const ReplaceContent& replace);

// What a source's file is called where people read of it: also where its bytes lie elsewhere.
std::string called(const SourceSpec& source, const char* parameter);
// Bodies that a targets file names stand under this and their name there.
inline constexpr const char* kBodyOfTarget = "body:";

}  // namespace galileo::load
