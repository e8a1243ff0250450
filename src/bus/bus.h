// How processes talk: messages to whoever listens (publish, subscribe), queues, and a few shared
// keys. What is said on it is docs/wire/bus.md's, so the words are Redis'; redis.cc speaks to one,
// in_process.cc is one for a single process, and bus_contract_test.cc holds both to what is said
// here.
//
// A Bus may be used from any thread. Calls block the caller until the answer is there, and end with
// an Error of kUnavailable at the call's deadline, which names the server and what was waited for.
// Never called on a data loop. Handlers of subscriptions run one at a time at the bus's own desk:
// they must not block, and must not call the bus (post to a loop of yours instead; a call of the
// bus from there stops the program as the bug that it is). The bus outlives its calls and
// subscriptions.
//
// A server that goes away is tried again, soon and then ever less often up to a second apart; what
// was subscribed is subscribed again before on_connected() tells so. What was published by others
// meanwhile is lost, as on any such bus. A call made meanwhile waits for the connection, up to its
// deadline. A call under way when the connection broke is asked again where it only reads; one that
// changes, publishes or takes isn't, and ends with an Error: it may have been carried out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::bus {

// One step of a transaction; make them with the functions below.
struct Change {
  enum class Kind : std::uint8_t {
    kRemove,         // the key, whatever it holds
    kSetText,        // values: the text
    kSetAdd,         // values: members
    kSetRemove,      // values: members
    kHashSet,        // values: field, value, field, value, ...
    kHashRemove,     // values: fields
    kListPushLeft,   // values, one after the other
    kListPushRight,  // values, one after the other
    kListRemove,     // values: one element, wherever it stands first
    kListTrim,       // values: first and last, as Bus::list() counts; the rest goes
    kListMove,       // values: the list whose first element this one's last becomes
    kExpire,         // the key is gone after `expiry`
    kPublish,        // key: channel; values: the message
  };
  Kind kind = Kind::kRemove;
  std::string key;
  std::vector<std::string> values;
  Duration expiry{0};  // kExpire, and kSetText where it isn't 0
};

Change remove_key(std::string key);
Change set_text(std::string key, std::string text, Duration expiry = Duration{0});
Change set_add(std::string key, std::vector<std::string> members);
Change set_remove(std::string key, std::vector<std::string> members);
Change hash_set(std::string key, const std::map<std::string, std::string>& fields);
Change hash_remove(std::string key, std::vector<std::string> fields);
Change list_push_left(std::string key, std::vector<std::string> values);
Change list_push_right(std::string key, std::vector<std::string> values);
Change list_remove(std::string key, std::string element);
// Keeps the `count` last elements.
Change list_keep_last(std::string key, std::uint64_t count);
// The last element becomes the first one of `to`, in one step; 1 where there was one.
Change list_move(std::string key, std::string to);
Change expire(std::string key, Duration after);
Change publish_in(std::string channel, std::string message);
// Nothing to add or remove: it is left out, and gives 0.
bool does_nothing(const Change& change);

// What a key must hold for something to be done: this text, or nothing at all.
struct Holds {
  std::string key;
  std::optional<std::string> text;
};

// Takes what is published, on a channel by name or by a pattern. Valid during the call.
using OnMessage = std::function<void(std::string_view channel, std::string_view message)>;

// Ends with its destructor, which waits for the bus's desk: no call of the handler is under way or
// comes after it. The server may count it as a listener for a moment longer.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Bus {
 public:
  virtual ~Bus() = default;

  // How many listeners got it: each Subscription, of any process, is one for each of its channels
  // and patterns that match.
  virtual Result<std::uint64_t> publish(std::string_view channel, std::string_view message) = 0;
  // Many messages in one go, in their order; how many listeners got each. For traces: one round
  // trip for thousands (a MiB). After an Error some may have gone out.
  virtual Result<std::vector<std::uint64_t>> publish_all(
      std::string_view channel, const std::vector<std::string_view>& messages) = 0;
  // All of the changes at once, or none; the number each gave back (members or fields added, length
  // of the list, listeners reached, 1 or 0 for done). A change with nothing to add or remove gives
  // 0. An Error of kCorrupt where a key holds something else: the other changes are made then, as
  // Redis does.
  virtual Result<std::vector<std::int64_t>> change(const std::vector<Change>& changes) = 0;

  // The same, but only where all of that holds, with nobody in between; nothing: it doesn't, and
  // nothing was changed. kCorrupt where such a key holds something else than a text.
  virtual Result<std::optional<std::vector<std::int64_t>>> change_if(
      const std::vector<Holds>& conditions, const std::vector<Change>& changes) = 0;

  // What a key holds; empty where there is none. An Error (kCorrupt) where it holds something else.
  virtual Result<std::optional<std::string>> text(const std::string& key) = 0;
  virtual Result<std::vector<std::string>> set_members(const std::string& key) = 0;
  virtual Result<std::map<std::string, std::string>> hash(const std::string& key) = 0;
  // Several hashes as they were at one moment.
  virtual Result<std::vector<std::map<std::string, std::string>>> hashes(
      const std::vector<std::string>& keys) = 0;
  // Elements from `first` to `last`, both counted from 0 and from -1 backwards, as LRANGE does.
  virtual Result<std::vector<std::string>> list(const std::string& key, std::int64_t first = 0,
                                                std::int64_t last = -1) = 0;
  // Several lists as they were at one moment.
  virtual Result<std::vector<std::vector<std::string>>> lists(
      const std::vector<std::string>& keys) = 0;
  virtual Result<std::uint64_t> list_size(const std::string& key) = 0;
  // Takes the last element of a list (RPOP); waits up to `wait` for one (BRPOP). Nothing: none
  // came.
  virtual Result<std::optional<std::string>> pop_right(const std::string& key,
                                                       Duration wait = Duration{0}) = 0;
  // Takes up to `count` elements from the end, the last one first.
  virtual Result<std::vector<std::string>> pop_right_many(const std::string& key,
                                                          std::size_t count) = 0;
  // Keys, and channels that somebody listens to by name, that match a pattern, sorted. Patterns are
  // Redis': `*` any text, `?` any letter, `[a-c]` one of these, `\` takes the next letter as it is.
  virtual Result<std::vector<std::string>> keys(const std::string& pattern) = 0;
  virtual Result<std::vector<std::string>> channels(const std::string& pattern) = 0;

  // Listens to the channels and to all channels of the patterns, with one handler. When this
  // returns the bus has confirmed it: what is published from then on arrives. A listener that is
  // too slow for what is published loses its connection by the server's limits, which
  // on_connected() tells.
  virtual Result<std::unique_ptr<Subscription>> subscribe(const std::vector<std::string>& channels,
                                                          const std::vector<std::string>& patterns,
                                                          OnMessage on_message) = 0;

  // Called at the bus's desk each time that the connection is lost (false) or there again (true,
  // with all subscriptions). Set before the first subscribe().
  virtual void on_connected(std::function<void(bool connected)> callback) = 0;
  virtual bool connected() const = 0;
  // "redis://127.0.0.1:6379/0", without user and password: for messages.
  virtual const std::string& where() const = 0;
  // By which other programs find it in their environment: galileo_redis_host and its like, with
  // user and password; none of one in this process.
  virtual std::vector<std::pair<std::string, std::string>> variables() const = 0;
};

// Where a bus is. bus_options.h makes one from the environment's variables.
struct BusOptions {
  // redis://[user[:password]@]host[:port][/database], rediss:// over TLS,
  // unix://[user[:password]@]/path[?db=N]; in-process: a bus of its own for this process, shared by
  // handing it on.
  std::string url = "redis://localhost:6379";
  std::string user;              // over the URL's
  std::string password;          // over the URL's
  std::optional<int> database;   // over the URL's
  std::string ca_file;           // of the servers' certificates; empty: the system's
  std::string certificate_file;  // our own, where the server asks for one
  std::string key_file;
  bool verify_certificate = true;
  // How long each call may take; the time that it is asked to wait comes on top.
  Duration call_timeout = std::chrono::seconds{5};
  // How long connect() may take, and each attempt later.
  Duration connect_timeout = std::chrono::seconds{5};
  // How often a lost connection is tried again; none: at once, then less often, up to each second.
  std::optional<Duration> retry_every;
};

// Connects; an Error (kUnavailable) where nobody is there, kUsage for a wrong URL or password.
Result<std::unique_ptr<Bus>> connect(const BusOptions& options);

}  // namespace galileo::bus
