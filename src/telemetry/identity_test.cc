// What a name leads to may be another thing by now, what is read may be only half of it, and what
// isn't known isn't 0: on trees of files of the test's own.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/test_fixture.h"
#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "telemetry/machine.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace fs = std::filesystem;

namespace {

using Values = std::map<std::string, double>;

struct Samples final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override {
    all[sample.subsystem.empty() ? sample.metric : sample.metric + "/" + sample.subsystem] =
        sample.value;
  }
  Values all;
};

// A machine of the test's own, whose files it writes.
struct Tree {
  Tree() {
    machine.node = "n";
    machine.proc = root / "proc";
    machine.sys = root / "sys";
  }

  void write(const std::string& path, const std::string& text) const { place.write(path, text); }
  void net(const std::string& device, int tx, int rx) const {
    write("sys/class/net/" + device + "/statistics/tx_bytes", std::to_string(tx) + "\n");
    write("sys/class/net/" + device + "/statistics/rx_bytes", std::to_string(rx) + "\n");
  }
  void move(const std::string& from, const std::string& to) const {
    fs::rename(root / from, root / to);
  }
  void process(int pid, int parent, int ticks, int started, const std::string& name = "app",
               char state = 'S', int rss_pages = 500) const {
    const std::string folder = "proc/" + std::to_string(pid);
    write(folder + "/stat",
          std::to_string(pid) + " (" + name + ") " + state + " " + std::to_string(parent) +
              " 0 0 0 -1 0 0 0 0 0 " + std::to_string(ticks) + " 0 0 0 20 0 1 0 " +
              std::to_string(started) + " 1000000 " + std::to_string(rss_pages) + " 0\n");
    write(folder + "/comm", name + "\n");
    write(folder + "/io", "read_bytes: " + std::to_string(100LL * ticks) + "\nwrite_bytes: 0\n");
    write(folder + "/task/" + std::to_string(pid) + "/children", "");
    fs::create_directories(root / folder / "fd");
  }

  const TestFolder place;
  const fs::path root{place.path()};
  Machine machine;
};

// An instrument read at times a second apart.
struct Reader {
  explicit Reader(std::unique_ptr<Instrument> of) : instrument(std::move(of)) {}
  Values read(Duration after = std::chrono::seconds{1}) {
    at += after;
    samples.all.clear();
    readings.set_moment({Wall{at - Time{}}, at});
    outcome = instrument->read(readings);
    return samples.all;
  }
  std::unique_ptr<Instrument> instrument;
  Samples samples;
  Readings readings{samples, "n"};
  ReadOutcome outcome = ReadOutcome::kNoData;
  Time at{std::chrono::seconds{1000}};
};

}  // namespace

TEST_CASE("all of sixteen cores' clock rates, though the kernel hands its file out by the page") {
  // /proc/self/maps comes in short reads on every kernel; the file of the test's own is read whole.
  KeptFile maps("/proc/self/maps");
  std::string_view text = maps.read().value_or("");
  std::size_t lines = 0;
  bool has_last = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    has_last = has_last || line.find("[stack]") != std::string_view::npos;
    ++lines;
  }
  CHECK(lines > 40);
  CHECK(has_last);
}

TEST_CASE("a clock rate's unit is kHz in a run; on the wire it is what the old daemon had") {
  const Tree tree;
  tree.write("proc/cpuinfo", "cpu MHz\t\t: 2400.500\n\ncpu MHz\t\t: 1000.000\n");
  Machine machine = tree.machine;
  CHECK(Reader(make_freq(machine)).read() == Values{{"freq", 3'400'500}});
  machine.old_wire = true;
  CHECK(Reader(make_freq(machine)).read() == Values{{"freq", 3400.5}});
}

TEST_CASE("cores that come later count, those that go offline don't, and one unknown is no sum") {
  const Tree tree;
  const auto core = [&](int i, const char* rate) {
    tree.write("sys/devices/system/cpu/cpu" + std::to_string(i) + "/cpufreq/scaling_cur_freq",
               rate);
  };
  core(0, "100\n");
  Reader freq(make_freq(tree.machine));
  CHECK(freq.read() == Values{{"freq", 100}});
  core(1, "20\n");
  freq.read();
  CHECK(freq.read() == Values{{"freq", 120}});
  core(1, "<unknown>\n");
  CHECK(freq.read().empty());
  CHECK(freq.readings.left_out() == 1);
  tree.write("sys/devices/system/cpu/cpu1/online", "0\n");
  CHECK(freq.read() == Values{{"freq", 100}});
  tree.write("sys/devices/system/cpu/cpu1/online", "1\n");
  core(1, "30\n");
  CHECK(freq.read() == Values{{"freq", 130}});
}

TEST_CASE("an interface that is renamed goes on under its new name, and only there") {
  const Tree tree;
  tree.net("eth0", 1000, 0);
  tree.net("eth1", 9'000'000, 0);
  Reader net(make_net(tree.machine));
  CHECK(net.read().empty());
  tree.net("eth0", 3000, 0);
  tree.net("eth1", 9'001'000, 0);
  CHECK(net.read() == Values{{"tx/eth0", 2}, {"rx/eth0", 0}, {"tx/eth1", 1}, {"rx/eth1", 0}});
  // They change names: nothing is known of either for one reading, then each is itself.
  tree.move("sys/class/net/eth0", "sys/class/net/x");
  tree.move("sys/class/net/eth1", "sys/class/net/eth0");
  tree.move("sys/class/net/x", "sys/class/net/lan");
  CHECK(net.read().empty());
  tree.net("lan", 8000, 0);
  tree.net("eth0", 9'002'000, 0);
  CHECK(net.read() == Values{{"tx/lan", 5}, {"rx/lan", 0}, {"tx/eth0", 1}, {"rx/eth0", 0}});
}

TEST_CASE("an interface that went and came again between two readings is another one") {
  const Tree tree;
  tree.net("tap0", 1000, 1000);
  Reader net(make_net(tree.machine));
  net.read();
  tree.move("sys/class/net/tap0", "sys/gone");
  tree.net("tap0", 5000, 5000);
  CHECK(net.read().empty());
  tree.net("tap0", 6000, 6000);
  CHECK(net.read() == Values{{"tx/tap0", 1}, {"rx/tap0", 1}});
}

TEST_CASE("what a counter that went back has counted isn't known, and that is counted") {
  const Tree tree;
  tree.net("eth0", 4000, 1000);
  Reader net(make_net(tree.machine));
  net.read();
  tree.net("eth0", 3000, 2000);
  CHECK(net.read() == Values{{"rx/eth0", 1}});
  CHECK(net.readings.left_out() == 1);
}

TEST_CASE("a core that goes offline makes no 400 % of CPU") {
  const Tree tree;
  const auto stat = [&](int user, int idle) {
    tree.write("proc/stat",
               "cpu " + std::to_string(user) + " 0 0 " + std::to_string(idle) + " 0 0 0 0 0 0\n");
  };
  stat(1000, 9000);
  Reader cpu(make_cpu(tree.machine));
  CHECK(cpu.read().empty());
  stat(1080, 8940);  // 80 used, and 60 idle ones gone with the core
  CHECK(cpu.read().empty());
  CHECK(cpu.readings.left_out() == 2);
  stat(1105, 9015);
  CHECK(cpu.read().at("cpu") == 25);
}

TEST_CASE("more memory available than there is isn't -89 MB in use") {
  const Tree tree;
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 90000 kB\n");
  Reader ram(make_ram(tree.machine));
  CHECK(ram.read().empty());
  CHECK(ram.readings.left_out() == 1);
}

TEST_CASE("a file that is replaced by mv is read anew, one that has a BOM and CRLF as well") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.files = {{"queue", tree.root / "queue"}};
  tree.write("queue", "1\n");
  Reader file(make_file(machine));
  CHECK(file.read() == Values{{"file/queue", 1}});
  tree.write("queue.new", "2\n");
  tree.move("queue.new", "queue");
  CHECK(file.read() == Values{{"file/queue", 2}});
  tree.write("queue",
             "\xEF\xBB\xBF"
             "42\r\n");
  CHECK(file.read() == Values{{"file/queue", 42}});
  for (const char* text : {"", "nan\n", "0x10\n", "1,5\n", "12.5C\n", "\n"}) {
    CAPTURE(text);
    tree.write("queue", text);
    CHECK(file.read().empty());
    CHECK(file.outcome == ReadOutcome::kFailed);
  }
  CHECK(file.readings.left_out() == 6);
  fs::remove(tree.root / "queue");
  CHECK(file.read().empty());
  CHECK(file.outcome == ReadOutcome::kNoData);
}

TEST_CASE(
    "a pipe, a folder or a device among the files isn't waited for, and the others are read") {
  const Tree tree;
  Machine machine = tree.machine;
  REQUIRE(mkfifo((tree.root / "fifo").c_str(), 0600) == 0);
  tree.write("good", "5\n");
  machine.files = {{"fifo", tree.root / "fifo"},
                   {"folder", tree.root},
                   {"device", "/dev/zero"},
                   {"two words", tree.root / "good"}};
  Reader file(make_file(machine));
  CHECK(file.read() == Values{{"file/two_words", 5}});
  CHECK(file.outcome == ReadOutcome::kFailed);
  CHECK(file.readings.left_out() == 3);
  CHECK(begin_of_file(tree.root / "fifo", 100).why.find("waited for") != std::string::npos);
  CHECK(begin_of_file(tree.root / "none", 100).missing);
}

TEST_CASE(
    "zones and chips of one name are told apart, their names are one word, and one that comes "
    "later is found") {
  const Tree tree;
  const auto zone = [&](const std::string& number, const std::string& type) {
    tree.write("sys/class/thermal/thermal_zone" + number + "/type", type + "\n");
    tree.write("sys/class/thermal/thermal_zone" + number + "/temp", number + "000\n");
  };
  zone("1", "INT3400 Thermal");
  Reader thermal(make_thermal(tree.machine));
  CHECK(thermal.read() == Values{{"thermal/INT3400_Thermal", 1}});
  zone("2", "INT3400 Thermal");
  thermal.read();
  CHECK(thermal.read() == Values{{"thermal/INT3400_Thermal", 1}, {"thermal/INT3400_Thermal.2", 2}});
  // Another driver's zone takes the number of one that has gone.
  fs::remove_all(tree.root / "sys/class/thermal/thermal_zone1");
  fs::create_directory(tree.root / "another");
  zone("1", "a/b");
  CHECK(thermal.read() == Values{{"thermal/a_b", 1}, {"thermal/INT3400_Thermal.2", 2}});
  tree.write("sys/class/thermal/thermal_zone2/temp", "off\n");
  CHECK(thermal.read() == Values{{"thermal/a_b", 1}});
  CHECK(thermal.readings.left_out() == 1);

  for (const char* chip : {"hwmon1", "hwmon2"}) {
    const std::string folder = std::string("sys/class/hwmon/") + chip;
    tree.write(folder + "/name", "ina3221\n");
    tree.write(folder + "/power1_input", "1000000\n");
    tree.write(folder + "/power1_label", "VDD IN\n");
    tree.write(folder + "/power2_input", "2000000\n");
    tree.write(folder + "/power2_label", "VDD IN\n");
  }
  CHECK(Reader(make_power(tree.machine)).read() == Values{{"power/ina3221/VDD_IN", 1'000},
                                                          {"power/ina3221/VDD_IN.2", 2'000},
                                                          {"power/ina3221.2/VDD_IN", 1'000},
                                                          {"power/ina3221.2/VDD_IN.2", 2'000}});
}

TEST_CASE("an energy counter without a range that goes back uses no negative energy") {
  const Tree tree;
  const std::string zone = "sys/class/powercap/intel-rapl:0";
  tree.write(zone + "/name", "package-0\n");
  tree.write(zone + "/energy_uj", "5000000\n");
  Reader energy(make_energy(tree.machine));
  energy.read();
  tree.write(zone + "/energy_uj", "1000000\n");
  CHECK(energy.read().empty());
  CHECK(energy.readings.left_out() == 1);
  tree.write(zone + "/energy_uj", "3000000\n");
  CHECK(energy.read() == Values{{"energy/package-0", 2}});
}

TEST_CASE("a pid that is used again is another process") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  Reader process(make_process(machine));
  CHECK(process.read().at("process_threads/app") == 1);
  tree.process(42, 1, 7, 9000, "other");
  CHECK(process.read().empty());
  tree.process(42, 1, 9, 9000, "other");
  CHECK(process.read().empty());
}

TEST_CASE("one that is looked for by its name is the oldest, not that with the lowest pid") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 0}};
  tree.process(40, 1, 100, 9000);
  tree.process(30000, 1, 7, 500);
  tree.process(41, 1, 100, 100, "app", 'Z');
  Reader process(make_process(machine));
  CHECK(process.read().at("process_read/app") == 700);
  // It ends, and its pid is another program's: the name leads to the next one.
  tree.process(30000, 1, 9, 9500, "other");
  CHECK(process.read().empty());
  process.read();
  CHECK(process.read().at("process_read/app") == 10000);
}

TEST_CASE("a process that has ended but isn't waited for has no memory of 0") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  Reader process(make_process(machine));
  CHECK(process.read().at("process_rss/app") == 500 * page_bytes());
  tree.process(42, 1, 100, 5000, "app", 'Z');
  CHECK(process.read().empty());
}

TEST_CASE("memory that forked processes share is counted once") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  tree.write("proc/42/task/42/children", "43 ");
  tree.process(43, 42, 100, 5001);
  for (const char* pid : {"42", "43"})
    tree.write(std::string("proc/") + pid + "/smaps_rollup",
               "00400000-7fff0000 ---p 00000000 00:00 0 [rollup]\nRss: 104000 kB\nPss: 52000 kB\n");
  CHECK(Reader(make_process(machine)).read().at("process_rss/app") == 104000.0 * 1024);
}

TEST_CASE("memory follows every reading, and is walked through only now and then") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  const auto writes = [&](int pid, int rss_pages, int own_pages) {
    tree.process(pid, 1, 100, 5000, "app", 'S', rss_pages);
    tree.write(
        "proc/" + std::to_string(pid) + "/smaps_rollup",
        "Pss: " + std::to_string(own_pages * static_cast<int>(page_bytes()) / 1024) + " kB\n");
  };
  Reader process(make_process(machine));
  // A walk takes as long as there is between two looks at the clock: 1 ms.
  const MomentClock clock = [&] {
    process.at += std::chrono::milliseconds{1};
    return Moment{Wall{process.at - Time{}}, process.at};
  };
  process.readings.set_clock(&clock);
  const auto rss_pages = [&](Duration after) {
    return process.read(after).at("process_rss/app") / page_bytes();
  };
  writes(42, 1000, 500);
  CHECK(rss_pages(std::chrono::milliseconds{100}) == 500);
  writes(42, 2000, 500);
  CHECK(rss_pages(std::chrono::milliseconds{1900}) == 1000);  // by the part that was measured
  CHECK(rss_pages(std::chrono::milliseconds{150}) == 500);    // a thousand times the walk later
  // Another process of its own has shared memory of its own: that is looked at sooner.
  tree.write("proc/42/task/42/children", "43 ");
  writes(43, 1000, 100);
  CHECK(rss_pages(std::chrono::milliseconds{20}) == 750);
  CHECK(rss_pages(std::chrono::milliseconds{100}) == 600);
}

TEST_CASE("one that is watched alone is watched without its children") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42, true}};
  tree.process(42, 1, 100, 5000);
  tree.write("proc/42/task/42/children", "43 ");
  tree.process(43, 42, 100, 5001);
  CHECK(Reader(make_process(machine)).read().at("process_threads/app") == 1);
}

TEST_CASE("children are found by their parents where the kernel doesn't list them") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  tree.process(43, 42, 100, 5001);
  tree.process(44, 43, 100, 5002);
  tree.process(45, 1, 100, 5002);
  for (const char* pid : {"42", "43", "44", "45"})
    fs::remove(tree.root / "proc" / pid / "task" / pid / "children");
  Reader process(make_process(machine));
  CHECK(process.read().at("process_threads/app") == 3);
  tree.process(46, 44, 1, 5003);
  CHECK(process.read().at("process_threads/app") == 4);
}

TEST_CASE("what a process doesn't let be seen is absent and counted, not 0") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  tree.write("proc/42/task/42/children", "43 ");
  tree.process(43, 42, 100, 5001);
  fs::remove(tree.root / "proc/43/io");
  fs::remove_all(tree.root / "proc/43/fd");
  Reader process(make_process(machine));
  const Values values = process.read();
  CHECK(values.contains("process_threads/app"));
  for (const char* metric : {"process_fds/app", "process_read/app", "process_written/app"})
    CHECK_FALSE(values.contains(metric));
  CHECK(process.readings.left_out() == 3);
}

TEST_CASE("a child's end takes nothing back and makes no more CPU than there is") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  tree.write("proc/42/task/42/children", "43 ");
  tree.process(43, 42, 5000, 5001);
  Reader process(make_process(machine));
  CHECK(process.read().at("process_read/app") == 510'000);
  // It ended while they were added up: its share isn't its parent's yet.
  tree.write("proc/42/task/42/children", "");
  fs::remove_all(tree.root / "proc/43");
  Values values = process.read();
  CHECK_FALSE(values.contains("process_cpu/app"));
  CHECK_FALSE(values.contains("process_read/app"));
  tree.process(42, 1, 5101, 5000);
  values = process.read();
  CHECK(values.at("process_cpu/app") == doctest::Approx(100 * 1 / ticks_a_second() / 2));
  CHECK(values.at("process_read/app") == 510'100);
  // One that nobody waits for is lost to the kernel; what it has read was read all the same.
  tree.write("proc/42/task/42/children", "44 ");
  tree.process(44, 42, 1000, 5002);
  CHECK(process.read().at("process_read/app") == 610'100);
  tree.write("proc/42/task/42/children", "");
  fs::remove_all(tree.root / "proc/44");
  CHECK_FALSE(process.read().contains("process_read/app"));
  CHECK(process.read().at("process_read/app") == 610'100);
  tree.process(42, 1, 5111, 5000);
  CHECK(process.read().at("process_read/app") == 611'100);
}

TEST_CASE("times that no machine can have used aren't an application's") {
  const Tree tree;
  Machine machine = tree.machine;
  machine.processes = {{"app", 42}};
  tree.process(42, 1, 100, 5000);
  Reader process(make_process(machine));
  process.read();
  tree.process(42, 1, 1'000'000'000, 5000);
  CHECK_FALSE(process.read().contains("process_cpu/app"));
  CHECK(process.readings.left_out() == 1);
  tree.process(42, 1, 1'000'000'000 + static_cast<int>(ticks_a_second()) / 2, 5000);
  CHECK(process.read().at("process_cpu/app") == doctest::Approx(50));
}
