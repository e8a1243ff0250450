// The processes of one client app, whose clients are all given the same: Python below which each
// client has a process of its own, forked from it, that runs generator.py and is asked for requests
// ahead of time. It is started, watched and ended at a desk; whoever uses requests has them brought
// by the batch, and says how many more it wants. A fault of a client's is told to that client; what
// is everybody's (memory, processes, Python itself) to all of them, and ends all.
//
// Any thread, but for start() and the destructor: the owner's. docs/wire/apps.md has the protocol.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/app.h"
#include "apps/app_line.h"
#include "apps/control_groups.h"
#include "apps/sandbox.h"
#include "net/desk.h"

namespace galileo::apps {

struct AppSetup {
  App app;
  std::string parameters;  // context.parameters: a JSON object, empty for none
  std::string python = "python3";
  AppLimits limits;
};

class AppHost {
 public:
  // Starts Python and the first client, and waits until its generator is loaded. Errors: what
  // Python or generator.py says, or no Python.
  static Result<std::unique_ptr<AppHost>> start(AppSetup setup);
  // Ends all of its processes, and waits for that.
  ~AppHost();
  AppHost(const AppHost&) = delete;
  AppHost& operator=(const AppHost&) = delete;

  // Begins so many clients more, which begin() then takes, and waits until the generators of all
  // that wait are loaded. The first that can't be is the Error.
  Result<void> prepare(std::size_t clients);
  // One more client, which hears of its requests from now on; its number. Waits for the desk.
  std::uint32_t begin(OnAppNews on_news);
  // So many more requests of its are wanted, and so many more seconds may pass until they come.
  void want(std::uint32_t client, std::uint32_t count);
  // It hears nothing more, once this is carried out; its process ends.
  void end(std::uint32_t client);

  // Does that at the desk, and waits for it.
  void at_desk(std::function<void()> task) { desk_.call(std::move(task)); }

  const App& app() const { return setup_.app; }
  // By what its processes are held, for people.
  std::string held_by();
  // What its processes have printed. Waits for the desk.
  std::string printed();

 private:
  explicit AppHost(AppSetup setup);

  class Pipe final : public net::IoHandler {
   public:
    ~Pipe();
    void open(net::Loop& loop, int fd);
    void on_io(std::uint32_t events) override;
    KeptOutput kept;

   private:
    net::Loop* loop_ = nullptr;
    int fd_ = -1;
  };
  class Control final : public net::IoHandler {
   public:
    explicit Control(AppHost& host) : host_(host) {}
    void on_io(std::uint32_t events) override;

   private:
    AppHost& host_;
  };
  // An order to Python, with the descriptors that go along.
  struct Order {
    std::string text;
    std::vector<int> descriptors = {};
  };

  Result<void> start_python();
  Result<void> wait_for_spares();
  bool are_loaded(std::optional<Error>& trouble) const;
  std::uint32_t add_line();
  void order(Order order);
  void end_processes(std::uint32_t client);
  void send_orders();
  void hear();
  void on_exit(std::string_view json);
  Time look(Time now);
  void look_at_debts(Time now);
  void look_at_use();
  void look_at_groups();
  void check_python();
  void fail_all(const Error& trouble);
  void fail_one(std::uint32_t client, const std::string& why, std::string hint);
  Error explained(std::uint32_t client, Error trouble) const;
  Error named(Error trouble) const;
  std::string last_words() const;
  void end_all();

  const AppSetup setup_;
  net::Desk desk_;  // goes last: all below have something on its loop
  Hold hold_ = Hold::kFilter;
  std::unique_ptr<ControlGroups> groups_;  // null: memory and processes are looked at
  pid_t pid_ = 0;
  int control_fd_ = -1;
  Control control_{*this};
  Pipe output_;
  Pipe errors_;
  std::deque<Order> orders_;
  std::map<std::uint32_t, std::unique_ptr<AppLine>> lines_;
  std::map<std::uint32_t, Time> closed_since_;  // lines whose process hasn't been told of
  std::uint32_t clients_made_ = 0;
  std::deque<std::uint32_t> spares_;  // clients that nobody has taken yet: the first one, and
  std::size_t promised_ = 0;          // so many that prepare() was asked for
  std::optional<Error> trouble_;      // everybody's
};

}  // namespace galileo::apps
