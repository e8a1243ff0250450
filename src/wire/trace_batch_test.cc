#include "wire/trace_batch.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

using namespace galileo;
using namespace galileo::wire;

namespace {

Trace a_trace(NameId client, std::uint64_t number) {
  Trace trace;
  trace.client = client;
  trace.id_prefix = client + 1;
  trace.service = 3;
  trace.status = 200;
  trace.number = number;
  trace.created = Wall{Duration{1'700'000'000'123'456'789}};
  trace.sent = trace.created + Duration{1000};
  trace.done = trace.created + Duration{2000};
  trace.request_bytes = 10;
  trace.response_bytes = 20;
  return trace;
}

Names some_names(const char* worker) {
  Names names;
  names.add(std::string(worker) + ":a:0");
  names.add("0123456789");
  names.add("a");
  return names;
}

}  // namespace

TEST_CASE("A batch gives back its traces, to the nanosecond and with their texts") {
  const Names names = some_names("w");
  Trace trace = a_trace(1, 7);
  trace.headers = "{\"A\": \"b\"}";
  trace.response = "body";
  trace.failure = Failure::status;
  trace.closed_loop = true;
  TraceBatchWriter writer;
  writer.add(trace, names);
  writer.add(a_trace(1, 8), names);
  CHECK(writer.traces() == 2);
  const std::string message = writer.take({"w", "boot", 5, true});
  CHECK(writer.traces() == 0);
  const auto batch = decode_trace_batch(message);
  REQUIRE(batch.ok());
  CHECK(batch->head.worker == "w");
  CHECK(batch->head.boot == "boot");
  CHECK(batch->head.sequence == 5);
  CHECK(batch->head.resent);
  REQUIRE(batch->traces.size() == 2);
  const NamedTrace first = resolve(batch->traces[0], batch->names);
  CHECK(first.request_id == "0123456789:7");
  CHECK(first.client == "w:a:0");
  CHECK(first.server.empty());
  CHECK(first.created == trace.created);
  CHECK(first.first_byte == kNoWall);
  CHECK(first.headers == trace.headers);
  CHECK(first.response == "body");
  CHECK(first.failure == "status");
  CHECK(batch->traces[0].closed_loop);
  CHECK(batch->traces[1].number == 8);
}

TEST_CASE("Traces of several loops, each with numbers of its own, share a batch") {
  const Names one = some_names("one");
  const Names other = some_names("other");
  TraceBatchWriter writer;
  for (int i = 0; i < 3; ++i) {
    writer.add(a_trace(1, 1), one);
    writer.add(a_trace(1, 2), other);
  }
  const std::string message = writer.take({});
  const auto batch = decode_trace_batch(message);
  REQUIRE(batch.ok());
  CHECK(batch->names.size() == 1 + 6);  // each name once
  CHECK(resolve(batch->traces[4], batch->names).client == "one:a:0");
  CHECK(resolve(batch->traces[5], batch->names).client == "other:a:0");
  writer.add(a_trace(1, 3), one);
  const std::string next = writer.take({});
  CHECK(resolve(decode_trace_batch(next)->traces[0], decode_trace_batch(next)->names).client ==
        "one:a:0");
}

TEST_CASE("A batch that was cut anywhere is refused, and so are counts and names it can't hold") {
  const Names names = some_names("w");
  TraceBatchWriter writer;
  Trace trace = a_trace(1, 7);
  trace.response = "body";
  writer.add(trace, names);
  const std::string message = writer.take({"w", "b", 1, false});
  for (std::size_t size = 0; size < message.size(); ++size)
    CHECK_FALSE(decode_trace_batch(std::string_view(message).substr(0, size)).ok());
  std::string many = message;
  many[8 + 1 + 8 + 5 + 5 + 3] = '\x7f';  // of the number of names
  CHECK_FALSE(decode_trace_batch(many).ok());
}

TEST_CASE("A batch of the first version is read") {
  std::ifstream file(std::string(GALILEO_SOURCE_DIR) + "/tests/golden/formats/batch-v1");
  const std::string message{std::istreambuf_iterator<char>(file), {}};
  const auto batch = decode_trace_batch(message);
  REQUIRE(batch.ok());
  CHECK(batch->head.worker == "w");
  CHECK(batch->head.boot == "boot");
  CHECK(batch->head.sequence == 5);
  CHECK(batch->head.resent);
  REQUIRE(batch->traces.size() == 4);
  const NamedTrace first = resolve(batch->traces[0], batch->names);
  CHECK(first.request_id == "abcdef0123:1");
  CHECK(first.phase == "main");
  CHECK(first.done.time_since_epoch().count() == 1'795'500'000'000'400'005);
  CHECK(first.response_bytes == std::uint64_t{1} << 33);
  CHECK(first.headers == "{\"Server\": \"x\"}");
  CHECK(first.response == "hello\nworld");
  CHECK(batch->traces[1].empty_response);
  CHECK(batch->traces[1].retried);
  CHECK(resolve(batch->traces[2], batch->names).failure == "no_connection");
  CHECK(resolve(batch->traces[3], batch->names).request_id == "of:another:system");
}

TEST_CASE("Fields of a later version are behind the traces, where any has one") {
  const Names names = some_names("w");
  TraceBatchWriter writer;
  Trace trace = a_trace(1, 1);
  writer.add(trace, names);
  const std::size_t plain = writer.take({"w", "b", 1, false}).size();
  writer.add(a_trace(1, 2), names);
  const std::size_t one = writer.bytes();
  trace.handshake = std::chrono::microseconds{250};
  writer.add(trace, names);
  CHECK(writer.bytes() == one + 100 + 13);
  const std::string message = writer.take({"w", "b", 2, false});
  CHECK(message.size() == plain + 100 + 4 + 13);
  const auto batch = decode_trace_batch(message);
  REQUIRE(batch.ok());
  CHECK(batch->traces[0].handshake == kNoDuration);
  CHECK(batch->traces[1].handshake == std::chrono::microseconds{250});
  CHECK_FALSE(decode_trace_batch(message.substr(0, message.size() - 1)).ok());
  CHECK_FALSE(decode_trace_batch(message + "x").ok());
  std::string unknown = message;
  unknown[message.size() - 9] = '\x7f';  // a field of a later version still
  REQUIRE(decode_trace_batch(unknown).ok());
  CHECK(decode_trace_batch(unknown)->traces[1].handshake == kNoDuration);
  unknown[message.size() - 13] = '\x02';  // of a trace that isn't there
  CHECK_FALSE(decode_trace_batch(unknown).ok());
}

TEST_CASE("a name of a later version goes behind the traces by its number") {
  Names names = some_names("w");
  const NameId login = names.add("login");
  TraceBatchWriter writer;
  Trace trace = a_trace(1, 1);
  writer.add(trace, names);
  trace.step = login;
  writer.add(trace, names);
  const std::string message = writer.take({"w", "b", 1, false});
  const auto batch = decode_trace_batch(message);
  REQUIRE(batch.ok());
  CHECK(batch->traces[0].step == 0);
  CHECK(batch->names.at(batch->traces[1].step) == "login");
  std::string none = message;
  none[message.size() - 8] = '\x7f';  // a name that isn't there
  CHECK_FALSE(decode_trace_batch(none).ok());
}
