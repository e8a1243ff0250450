// Experiments from one database into another: all that were named or a clear refusal before the
// first.
#include "tables/import.h"

#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::tables;

namespace {

constexpr const char* kFirst = "202611241200-0a1b";
constexpr const char* kSecond = "202611241201-0a1b";

std::unique_ptr<store::Store> made() {
  auto store = must(store::open_temporary("source"));
  store::put_rows_of_all_kinds(*store, kFirst);
  store::put_rows_of_all_kinds(*store, kSecond);
  return store;
}

std::unique_ptr<store::Store> empty() {
  return must(store::open_temporary("target"));
}

}  // namespace

TEST_CASE("all experiments are imported as they are, and told of one by one") {
  const auto source = made();
  const auto target = empty();
  ImportOptions options;
  std::uint64_t expected = 0;
  std::vector<std::string> copied;
  options.on_begin = [&](std::uint64_t rows) { expected = rows; };
  options.on_copied = [&](const wire::Experiment& one, const store::CopyCounts& counts) {
    CHECK(store::all_of(*target, one.id) == store::all_of(*source, one.id));  // it is whole by now
    CHECK(counts.traces == 8);
    copied.push_back(one.id);
  };
  const auto rows = import_experiments(*source, *target, must(whole_experiments(*source)), options);
  CHECK(copied == std::vector<std::string>{kFirst, kSecond});
  CHECK(expected == 2 * (8 + 4 + 2));  // what nodes are is not among what a progress counts
  CHECK(must(Result<std::uint64_t>(rows)) == expected + 2 * 2);
}

TEST_CASE("one that is there already is refused before the first is copied") {
  const auto source = made();
  const auto target = empty();
  must(target->save_experiment(store::test_experiment(kSecond)));
  const auto experiments = must(whole_experiments(*source));
  const auto refused = import_experiments(*source, *target, experiments, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kUsage);
  CHECK(refused.error().what.find(kSecond) != std::string::npos);
  CHECK(refused.error().hint.find("--replace") != std::string::npos);
  CHECK_FALSE(must(target->experiment(kFirst)).has_value());
  ImportOptions options;
  options.replace = true;
  must(import_experiments(*source, *target, experiments, options));
  CHECK(store::all_of(*target, kSecond) == store::all_of(*source, kSecond));
}

TEST_CASE("what another import has left in part is no source, and no obstacle") {
  const auto source = made();
  wire::Experiment half = store::test_experiment(kFirst);
  half.status = store::kImporting;
  must(source->save_experiment(half));
  const auto experiments = must(whole_experiments(*source));
  REQUIRE(experiments.size() == 1);
  CHECK(experiments[0].id == kSecond);
  const auto target = empty();
  half.id = kSecond;
  must(target->save_experiment(half));
  must(import_experiments(*source, *target, experiments, {}));
  CHECK(store::all_of(*target, kSecond) == store::all_of(*source, kSecond));
}

TEST_CASE("an import that is ended keeps those that are whole, and nothing of the next") {
  const auto source = made();
  const auto target = empty();
  ImportOptions options;
  int whole = 0;
  options.on_copied = [&](const wire::Experiment&, const store::CopyCounts&) { ++whole; };
  options.go_on = [&](std::uint64_t rows) {
    CHECK((rows > 16) == (whole == 1));  // counted on from the first
    return whole == 0;
  };
  const auto ended =
      import_experiments(*source, *target, must(whole_experiments(*source)), options);
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.error().code == ErrorCode::kInterrupted);
  CHECK(store::all_of(*target, kFirst) == store::all_of(*source, kFirst));
  CHECK_FALSE(must(target->experiment(kSecond)).has_value());
}

TEST_CASE("the copy may have another name; nothing else of it changes") {
  const auto source = made();
  const auto target = empty();
  ImportOptions options;
  options.name = "=again/../x";
  must(import_experiments(*source, *target, {*must(source->experiment(kFirst))}, options));
  auto copy = store::all_of(*target, kFirst);
  auto wanted = store::all_of(*source, kFirst);
  CHECK(must(target->experiment(kFirst))->name == options.name);
  CHECK(copy.front() != wanted.front());
  CHECK(std::equal(copy.begin() + 1, copy.end(), wanted.begin() + 1, wanted.end()));
  CHECK(must(target->experiments()).size() == 1);
}
