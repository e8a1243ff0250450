// Copies are whole or not there, whatever fails in between.
#include "store/copy.h"

#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

std::unique_ptr<Store> made() {
  auto store = must(open_temporary("source"));
  put_rows_of_all_kinds(*store);
  return store;
}

Result<CopyCounts> copy(Store& from, Store& to, const CopyOptions& options = {}) {
  return copy_experiment(from, to, *must(from.experiment(kTestId)), options);
}

}  // namespace

TEST_CASE("an experiment that is there already is refused, and replaced when told to") {
  const auto from = made();
  const auto to = must(open_temporary("target"));
  must(copy(*from, *to));
  const auto refused = copy(*from, *to);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kUsage);
  CHECK(refused.error().hint.find("--replace") != std::string::npos);
  CHECK(all_of(*to) == all_of(*from));
  CopyOptions options;
  options.replace = true;
  options.name = "again";
  must(copy(*from, *to, options));
  CHECK(must(to->experiment(kTestId))->name == "again");
  CHECK(must(to->counts(kTestId)).traces == 8);
}

TEST_CASE("rows without an experiment are not mixed with those of the copy") {
  const auto from = made();
  const auto to = must(open_temporary("target"));
  must(to->begin());
  must(to->put_event(kTestId, 1, {kTestStart, "left behind", ""}));
  must(to->commit());
  CHECK_FALSE(copy(*from, *to).ok());
  CHECK(must(to->counts(kTestId)).events == 1);
  CopyOptions options;
  options.replace = true;
  must(copy(*from, *to, options));
  CHECK(all_of(*to) == all_of(*from));
}

TEST_CASE("a copy that fails at any call leaves nothing, and the next one is whole") {
  const auto from = made();
  bool whole = false;
  for (int calls = 0; !whole; ++calls) {
    INFO("calls: ", calls);
    REQUIRE(calls < 100);
    const auto target = must(open_temporary("target"));
    FailingStore to(*target);
    to.calls_left = calls;
    whole = copy(*from, to).ok();
    if (!whole) {
      CHECK_FALSE(must(target->experiment(kTestId)).has_value());
      CHECK(all_of(*target) == std::vector<std::string>{""});
    }
    to.calls_left = -1;
    if (!whole) must(copy(*from, to));
    CHECK(all_of(*target) == all_of(*from));
  }
}

TEST_CASE("what a killed copy left is told by its status, and begun anew") {
  const auto from = made();
  const auto to = must(open_temporary("target"));
  wire::Experiment half = test_experiment();
  half.status = kImporting;
  must(to->save_experiment(half));
  must(to->begin());
  must(to->put_trace(kTestId, 1, test_trace(1), test_names()));
  must(to->commit());
  must(copy(*from, *to));
  CHECK(all_of(*to) == all_of(*from));
}

TEST_CASE("a user who ends a copy finds nothing of it") {
  const auto from = made();
  const auto to = must(open_temporary("target"));
  CopyOptions options;
  options.go_on = [&](const CopyCounts&) {
    // Until it is whole it doesn't look so.
    CHECK(must(to->experiment(kTestId))->status == kImporting);
    return false;
  };
  const auto ended = copy(*from, *to, options);
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.error().code == ErrorCode::kInterrupted);
  CHECK(all_of(*to) == std::vector<std::string>{""});
}

TEST_CASE("a database that loses rows is found out") {
  // Takes traces and keeps every other one.
  class Losing final : public FailingStore {
   public:
    using FailingStore::FailingStore;
    Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                           const wire::Names& names) override {
      return ++seen_ % 2 ? FailingStore::put_trace(id, row, trace, names) : Result<void>();
    }

   private:
    int seen_ = 0;
  };
  const auto from = made();
  const auto target = must(open_temporary("target"));
  Losing to(*target);
  const auto copied = copy(*from, to);
  REQUIRE_FALSE(copied.ok());
  CHECK(copied.error().why.find("8 traces") != std::string::npos);
  CHECK(copied.error().why.find("4 traces") != std::string::npos);
  CHECK_FALSE(must(target->experiment(kTestId)).has_value());
}

TEST_CASE("more rows than fit into one transaction are copied, with row numbers of their own") {
  class Numbers final : public FailingStore {
   public:
    using FailingStore::FailingStore;
    Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                           const wire::Names& names) override {
      CHECK(row > last);
      last = row;
      return FailingStore::put_trace(id, row, trace, names);
    }
    RowNumber last = 0;
  };
  constexpr std::uint64_t kRows = 25'000;
  const auto from = must(open_temporary("source"));
  must(from->save_experiment(test_experiment()));
  must(from->begin());
  for (std::uint64_t i = 1; i <= kRows; ++i)
    must(from->put_trace(kTestId, i, test_trace(i), test_names()));
  must(from->commit());
  const auto target = must(open_temporary("target"));
  Numbers to(*target);
  CHECK(must(copy(*from, to)).traces == kRows);
  CHECK(to.begun >= 3);
  CHECK(all_of(*target) == all_of(*from));
}

TEST_CASE("a database isn't copied into itself, whatever it is called") {
  const TestFolder folder;
  const std::string path = folder.file("x.sqlite");
  std::filesystem::create_symlink(path, folder.file("link.sqlite"));
  {
    const auto store = must(open_store(path, OpenMode::kCreate));
    put_rows_of_all_kinds(*store);
  }
  CopyOptions options;
  options.replace = true;
  std::filesystem::create_directory(folder.file("sub"));
  for (const std::string& name :
       {path, folder.file("sub/../x.sqlite"), folder.file("link.sqlite")}) {
    const auto from = must(open_store(name, OpenMode::kExisting));
    const auto to = must(open_store(path, OpenMode::kExisting));
    const auto copied = copy(*from, *to, options);
    REQUIRE_FALSE(copied.ok());
    CHECK(copied.error().why == "source and target are the same database");
    CHECK(must(to->counts(kTestId)).traces == 8);
    CHECK(must(to->experiments()).size() == 1);
  }
}

TEST_CASE("a server's database isn't copied into itself under another name") {
  const auto store = made();
  FailingStore other(*store);  // the same rows
  other.name = "mysql://elsewhere/db";
  CopyOptions options;
  options.replace = true;
  CHECK_FALSE(copy(*store, other, options).ok());
  CHECK_FALSE(copy(other, *store, options).ok());
  CHECK(must(store->counts(kTestId)).traces == 8);
  CHECK(must(store->experiments()).size() == 1);
}
