#include "tables/parquet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/spawn.h"
#include "tables/python_words.h"

// parquet.py, put into the program by galileo_embed() in CMakeLists.txt.
extern const char galileo_parquet_script[];
extern const char galileo_parquet_script_end[];

namespace galileo::tables {
namespace {

using OrderedJson = nlohmann::ordered_json;

// The size of a batch, which is in memory on both sides.
constexpr std::size_t kRowsAGroup = 50'000;
constexpr std::size_t kBytesAtOnce = std::size_t{16} << 20;

const char* type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "text";
    case ColumnType::kTime:
      return "time";
    case ColumnType::kInt32:
      return "int32";
    case ColumnType::kInt64:
      return "int64";
    case ColumnType::kSeconds:
    case ColumnType::kDouble:
      return "double";
  }
  return "";
}

// Python with the script; bytes into it, and what it says when it ends. One thread.
class Converter {
 public:
  explicit Converter(std::string python) : python_(std::move(python)) {}
  ~Converter() {
    close_input();
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {output_, errors_}) {
      if (fd >= 0) ::close(fd);
    }
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  Result<void> start() {
    int input[2] = {-1, -1};
    int output[2] = {-1, -1};
    errors_ = memfd_create("galileo-parquet", MFD_CLOEXEC);
    if (errors_ < 0 || pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
      const int error_number = errno;
      for (const int fd : input) {
        if (fd >= 0) ::close(fd);
      }
      return system_error("can't start the Parquet converter", python_, error_number);
    }
    input_ = input[1];
    output_ = output[0];
    // Ctrl-C is ours to answer, and ends it by the end of its input.
    const int error_number =
        spawn({python_, "-c", std::string(galileo_parquet_script, galileo_parquet_script_end)},
              {input[0], output[1], errors_}, pid_);
    ::close(input[0]);
    ::close(output[1]);
    if (error_number != 0) {
      Error error = system_error("can't start Python for the Parquet files", python_, error_number);
      error.hint = "install python3, or name one by --python or galileo_python";
      return error;
    }
    // It says so once it has what it needs: without, nothing is read from the database.
    char answer[16];
    ssize_t size = 0;
    do {
      size = ::read(output_, answer, sizeof answer);
    } while (size < 0 && errno == EINTR);
    return size > 0 ? Result<void>() : Result<void>(ended());
  }

  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(input_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ended();
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<void> finish() {
    close_input();
    if (wait() != 0) return failure();
    return {};
  }

 private:
  void close_input() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
  }
  int wait() {
    int code = 0;
    while (waitpid(pid_, &code, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    status_ = code;
    return code;
  }
  Error ended() {
    close_input();
    wait();
    return failure();
  }

  // What its last line on stderr says, or how it ended.
  Error failure() const {
    const std::string last = last_line(errors_);
    Error error{ErrorCode::kIo, "can't write the Parquet files", python_, last, {}};
    if (tell_pyarrow(error, python_, last)) return error;
    if (WIFSIGNALED(status_)) {
      error.why = fmt::format("Python was killed by signal {} ({})", WTERMSIG(status_),
                              strsignal(WTERMSIG(status_)));
      error.hint = "try again; where memory is short, --format csv takes less";
    } else {
      if (last.empty())
        error.why = fmt::format("Python ended with exit code {}", WEXITSTATUS(status_));
      error.hint = "make room in the folder, name another by --output, or use --format csv";
    }
    return error;
  }

  std::string python_;
  pid_t pid_ = 0;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  int status_ = 0;
};

// The buffers of a column, as Arrow has them: which rows aren't null, where texts end, the values.
class ColumnBuffers {
 public:
  void null(ColumnType type) {
    mark(false);
    has_null_ = true;
    if (type == ColumnType::kText)
      end_text();
    else
      values_.append(type == ColumnType::kInt32 ? 4 : 8, '\0');
  }
  void text(std::string_view value) {
    mark(true);
    values_ += value;
    end_text();
  }
  template <class T>
  void value(T value) {
    mark(true);
    values_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::vector<std::string_view> buffers(ColumnType type) const {
    const std::string_view valid = has_null_ ? std::string_view(valid_) : std::string_view();
    if (type == ColumnType::kText) return {valid, offsets_, values_};
    return {valid, values_};
  }
  std::size_t bytes() const { return values_.size(); }
  void clear() {
    rows_ = 0;
    has_null_ = false;
    valid_.clear();
    values_.clear();
    offsets_.assign(4, '\0');
  }

 private:
  void mark(bool valid) {
    if (rows_ % 8 == 0) valid_ += '\0';
    if (valid) valid_.back() = static_cast<char>(valid_.back() | 1 << rows_ % 8);
    ++rows_;
  }
  void end_text() {
    const auto end = static_cast<std::int32_t>(values_.size());
    offsets_.append(reinterpret_cast<const char*>(&end), sizeof end);
  }

  std::size_t rows_ = 0;
  bool has_null_ = false;
  std::string valid_;
  std::string offsets_ = std::string(4, '\0');
  std::string values_;
};

class ParquetWriter final : public TableWriter {
 public:
  explicit ParquetWriter(std::string python) : converter_(std::move(python)) {}
  Result<void> start() { return converter_.start(); }

  std::string suffix() const override { return "parquet"; }
  Result<void> begin_table(const TableSchema& table, const std::string& path) override {
    table_ = &table;
    columns_.assign(table.columns.size(), {});
    OrderedJson head{{"table", table.name}, {"path", path}};
    for (const Column& column : table.columns)
      head["columns"].push_back({column.name, type_name(column.type)});
    return converter_.write(line(head));
  }
  void null() override {
    const ColumnType type = table_->columns[column_].type;
    columns_[column_++].null(type);
  }
  void text(std::string_view value) override { columns_[column_++].text(value); }
  void time(Wall value, NoTime /*none*/) override {
    if (value == kNoWall) return null();
    columns_[column_++].value<std::int64_t>(value.time_since_epoch().count());
  }
  void integer(std::int64_t value) override {
    if (table_->columns[column_].type == ColumnType::kInt32)
      columns_[column_++].value(static_cast<std::int32_t>(value));
    else
      columns_[column_++].value(value);
  }
  void number(double value) override { columns_[column_++].value(value); }
  void end_row() override {
    column_ = 0;
    ++rows_;
    std::size_t bytes = 0;
    for (const ColumnBuffers& column : columns_) bytes += column.bytes();
    if (rows_ >= kRowsAGroup || bytes >= kBytesAtOnce) send();
  }
  Result<void> end_table() override {
    send();
    if (failure_) return *failure_;
    return converter_.write(line({{"end", true}}));
  }
  Result<void> finish() override {
    TRY(converter_.write(line({{"done", true}})));
    return converter_.finish();
  }

 private:
  static std::string line(const OrderedJson& json) {
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
  }

  void send() {
    if (rows_ > 0 && !failure_) {
      const auto sent = send_batch();
      if (!sent.ok()) failure_ = sent.error();
    }
    rows_ = 0;
    for (ColumnBuffers& column : columns_) column.clear();
  }
  Result<void> send_batch() {
    OrderedJson head{{"rows", rows_}};
    std::vector<std::string_view> all;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      OrderedJson sizes = OrderedJson::array();
      for (const std::string_view buffer : columns_[i].buffers(table_->columns[i].type)) {
        sizes.push_back(buffer.size());
        all.push_back(buffer);
      }
      head["sizes"].push_back(sizes);
    }
    TRY(converter_.write(line(head)));
    for (const std::string_view buffer : all) TRY(converter_.write(buffer));
    return {};
  }

  Converter converter_;
  const TableSchema* table_ = nullptr;
  std::vector<ColumnBuffers> columns_;
  std::size_t column_ = 0;
  std::size_t rows_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> parquet_writer(const std::string& python) {
  auto writer = std::make_unique<ParquetWriter>(python);
  TRY(writer->start());
  return std::unique_ptr<TableWriter>(std::move(writer));
}

}  // namespace galileo::tables
