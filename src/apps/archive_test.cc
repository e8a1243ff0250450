#include "apps/archive.h"

#include <doctest/doctest.h>

#include <functional>
#include <optional>

#include "apps/archive_fixture.h"
#include "base/test_fixture.h"

using namespace galileo;
using namespace galileo::apps;
using namespace galileo::apps::fixture;

namespace {

ZipPart changed(ZipPart part, const std::function<void(ZipPart&)>& change) {
  change(part);
  return part;
}
TarPart changed(TarPart part, const std::function<void(TarPart&)>& change) {
  change(part);
  return part;
}

struct Malicious {
  const char* what;
  std::string bytes;
  const char* why;  // a part of the Error's
};

ArchiveBounds small_bounds() {
  ArchiveBounds bounds;
  bounds.bytes_max = std::uint64_t{4} << 20;
  bounds.entries_max = 50;
  return bounds;
}

std::vector<Malicious> zips() {
  const ZipPart good("manifest.yml", "name: a");
  const std::string zeros(std::size_t{2} << 20, '\0');
  const auto packed_part = [](const std::string& name, const std::string& bytes) {
    ZipPart part(name, bytes);
    part.stored = packed(bytes);
    part.method = 8;
    return part;
  };
  std::vector<ZipPart> many;
  for (int i = 0; i < 51; ++i) many.emplace_back("f" + std::to_string(i));
  std::string deep = "f";
  for (int i = 0; i < 20; ++i) deep = "d/" + deep;
  return {
      {"up and out", zip_of({good, ZipPart("../evil.py")}), "'..'"},
      {"out in the middle", zip_of({good, ZipPart("a/../../evil.py")}), "'..'"},
      {"only up", zip_of({good, ZipPart("..")}), "'..'"},
      {"absolute", zip_of({good, ZipPart("/etc/passwd")}), "absolute"},
      {"absolute, twice the slash", zip_of({good, ZipPart("//etc/passwd")}), "absolute"},
      {"absolute as Windows has it", zip_of({good, ZipPart("C:/evil")}), "absolute"},
      {"a backslash", zip_of({good, ZipPart("..\\evil.py")}), "backslash"},
      {"a zero in the name", zip_of({good, ZipPart(std::string("a\0b", 3))}), "control"},
      {"a line end in the name", zip_of({good, ZipPart("a\nb")}), "control"},
      {"no UTF-8", zip_of({good, ZipPart("\xff\xfe")}), "UTF-8"},
      {"no name", zip_of({good, ZipPart("")}), "no name"},
      {"an empty part", zip_of({good, ZipPart("a//b")}), "empty part"},
      {"a name beyond 255 bytes", zip_of({good, ZipPart(std::string(256, 'n'))}), "255"},
      {"a path beyond 1024 bytes", zip_of({good, ZipPart(std::string(1100, 'n'))}), "1024"},
      {"too deep", zip_of({good, ZipPart(deep)}), "deep"},
      {"a symbolic link",
       zip_of({good, changed(ZipPart("l", "/etc"), [](ZipPart& p) { p.mode = 0120777; })}), "link"},
      {"a device", zip_of({good, changed(ZipPart("d"), [](ZipPart& p) { p.mode = 0020666; })}),
       "link or a device"},
      {"a fifo", zip_of({good, changed(ZipPart("p"), [](ZipPart& p) { p.mode = 0010666; })}),
       "link or a device"},
      {"a file of a folder's mode",
       zip_of({good, changed(ZipPart("d"), [](ZipPart& p) { p.mode = 0040755; })}), "neither"},
      {"twice one name", zip_of({good, good}), "two of that name"},
      {"twice, once with ./", zip_of({good, ZipPart("./manifest.yml")}), "two of that name"},
      {"a file as a folder", zip_of({ZipPart("a"), ZipPart("a/b")}), "its folder must be"},
      {"two names of one file",
       zip_of({good, changed(ZipPart("safe"), [](ZipPart& p) { p.local_name = "evil"; })}),
       "differ in its name"},
      {"two methods of one file", zip_of({changed(good, [](ZipPart& p) { p.local_method = 8; })}),
       "how it is packed"},
      {"encrypted", zip_of({changed(good, [](ZipPart& p) { p.flags |= 1; })}), "encrypted"},
      {"an unknown method", zip_of({changed(good, [](ZipPart& p) { p.method = 14; })}),
       "method 14"},
      {"overlapping entries",
       zip_of({ZipPart("aa", "PK"), changed(ZipPart("bb", "PK"),
                                            [](ZipPart& p) {
                                              p.local_name = "aa";
                                              p.moved = -34;
                                            })}),
       "differ in its name"},
      {"one file's bytes listed twice",
       [&] {
         // The inner file's header and bytes are the outer one's bytes.
         const std::string inner = zip_of({ZipPart("in", "y")}).substr(0, 33);
         ZipPart outer("out", inner);
         ZipPart listed("in", "y");
         listed.moved = -33;
         std::string zip = zip_of({outer, listed});
         // The second one's own header goes: the list alone is left of it.
         const std::size_t at = zip.find("PK\x01\x02");
         zip.erase(at - 33, 33);
         const std::size_t end = zip.rfind("PK\x05\x06");
         zip.replace(end + 16, 4, little(at - 33, 4));
         return zip;
       }(),
       "lie over those of out"},
      {"more than it says",
       zip_of({changed(packed_part("big", zeros), [](ZipPart& p) { p.bytes = 10; })}), ""},
      {"less than it says",
       zip_of({changed(packed_part("big", "abc"), [](ZipPart& p) { p.bytes = 1000; })}), ""},
      {"a wrong sum", zip_of({changed(good, [](ZipPart& p) { p.sum ^= 1; })}), ""},
      {"a bomb by ratio", zip_of({packed_part("zeros", zeros)}), "times its own size"},
      {"a bomb by size",
       zip_of({changed(packed_part("zeros", zeros), [](ZipPart& p) { p.bytes = 5u << 20; })}),
       "unpacks to more than"},
      {"two sizes of a stored file",
       zip_of({changed(ZipPart("s", "abc"), [](ZipPart& p) { p.bytes = 4; })}), "two sizes"},
      {"zip64 sizes", zip_of({changed(good, [](ZipPart& p) { p.bytes = 0xffffffffu; })}), "zip64"},
      {"bytes behind the end",
       zip_of({changed(good, [](ZipPart& p) { p.stored_said = p.bytes = 100'000; })}),
       "over the archive's list"},
      {"too many entries", zip_of(many), "more than 50 entries"},
      {"more entries than there are", zip_of({good}, {0, 1, 0, ""}), "breaks off"},
      {"a list elsewhere", zip_of({good}, {0, 0, 5, ""}), "isn't where its end says"},
      {"a part of several", zip_of({good}, {1, 0, 0, ""}), "part of several"},
      {"bytes before it", "PK" + zip_of({good}), ""},
      {"cut off", zip_of({good}).substr(0, 60), "end is missing"},
      {"a folder with bytes", zip_of({ZipPart("d/", "abc")}), "neither"},
  };
}

std::vector<Malicious> tars() {
  const TarPart good("manifest.yml", "name: a");
  const auto link = [](char type, const char* to) {
    return changed(TarPart("l", "", type), [&](TarPart& p) { p.link = to; });
  };
  std::vector<TarPart> many;
  for (int i = 0; i < 51; ++i) many.emplace_back("f" + std::to_string(i));
  return {
      {"up and out", tar_of({good, TarPart("../evil")}), "'..'"},
      {"absolute", tar_of({good, TarPart("/etc/passwd")}), "absolute"},
      {"out by the path's beginning",
       tar_of({good, changed(TarPart("evil"), [](TarPart& p) { p.before = "../.."; })}), "'..'"},
      {"out by pax", tar_of({good, TarPart("x", pax("path", "../evil"), 'x'), TarPart("safe")}),
       "'..'"},
      {"out by a long name", tar_of({good, TarPart("x", "../evil", 'L'), TarPart("safe")}), "'..'"},
      {"a path for all by pax", tar_of({TarPart("g", pax("path", "evil"), 'g'), good}),
       "header for all entries"},
      {"a symbolic link", tar_of({good, link('2', "/etc")}), "link"},
      {"a symbolic link inside", tar_of({good, link('2', "manifest.yml")}), "link"},
      {"a hard link", tar_of({good, link('1', "/etc/passwd")}), "link"},
      {"a hard link with bytes",
       tar_of({good, changed(TarPart("l", "data", '1'), [](TarPart& p) { p.link = "/etc/x"; })}),
       "link"},
      {"a link's name by pax", tar_of({good, TarPart("x", pax("linkpath", "/etc"), 'x'), good}),
       "link"},
      {"a character device", tar_of({good, TarPart("d", "", '3')}), "device"},
      {"a block device", tar_of({good, TarPart("d", "", '4')}), "device"},
      {"a fifo", tar_of({good, TarPart("p", "", '6')}), "device"},
      {"a file with holes", tar_of({good, TarPart("s", "", 'S')}), "neither"},
      {"a long link", tar_of({good, TarPart("k", "/etc", 'K')}), "neither"},
      {"a folder with bytes", tar_of({good, TarPart("d/", "abc", '5')}), "bytes of its own"},
      {"twice one name", tar_of({good, good}), "two of that name"},
      {"a file as a folder", tar_of({TarPart("a"), TarPart("a/b")}), "its folder must be"},
      {"a damaged header", tar_of({changed(good, [](TarPart& p) { p.wrong_sum = true; })}),
       "damaged"},
      {"a size beyond the end",
       tar_of({changed(good, [](TarPart& p) { p.size_said = 1'000'000; })}), "behind the archive"},
      {"a size beyond the end by pax", tar_of({TarPart("x", pax("size", "999999999"), 'x'), good}),
       "behind the archive"},
      {"a negative size by pax", tar_of({TarPart("x", pax("size", "-1"), 'x'), good}), "size"},
      {"a pax record beyond its header", tar_of({TarPart("x", "99 path=a\n", 'x'), good}), "pax"},
      {"an endless pax record", tar_of({TarPart("x", "0 path=a\n", 'x'), good}), "pax"},
      {"a header without an entry", tar_of({good, TarPart("x", pax("path", "a"), 'x')}),
       "has no entry"},
      {"too many entries", tar_of(many), "more than 50 entries"},
      {"no end", tar_of({good}).substr(0, 1024), "end is missing"},
      {"bytes behind the end", tar_of({good}) + "more", "behind its end"},
      {"a second archive behind the end", tar_of({good}) + tar_of({TarPart("evil")}),
       "behind its end"},
  };
}

}  // namespace

TEST_CASE("what an archive holds is read, whoever has made it") {
  const std::vector<ZipFile> files{{"manifest.yml", "name: a\n", false},
                                   {"static/ä.txt", std::string(1000, 'a'), false},
                                   {"run.sh", "#!/bin/sh\n", true}};
  const std::string bytes = make_zip(files);
  CHECK(bytes == make_zip(files));
  const Archive archive = must(read_archive(bytes));
  REQUIRE(archive.entries.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(archive.entries[i].path == files[i].path);
    CHECK(archive.entries[i].is_executable == files[i].is_executable);
    CHECK(must(file_of(archive, archive.entries[i], bytes)) == files[i].bytes);
  }
  const std::string tar =
      tar_of({TarPart("./", "", '5'), TarPart("./a/", "", '5'),
              TarPart("x", pax("path", "./a/long"), 'x'), TarPart("short", "1"), TarPart("b", "")});
  const Archive plain = must(read_archive(tar));
  REQUIRE(plain.entries.size() == 3);
  CHECK(plain.entries[0].path == "a");
  CHECK(plain.entries[0].is_folder);
  CHECK(plain.entries[1].path == "a/long");
  CHECK(must(file_of(plain, plain.entries[1], tar)) == "1");
  CHECK(must(file_of(plain, plain.entries[2], tar)).empty());
}

TEST_CASE("an archive that could do harm is refused as a whole, with its reason") {
  std::size_t count = 0;
  for (const auto& table : {zips(), tars()}) {
    for (const Malicious& one : table) {
      CAPTURE(std::string(one.what));
      ++count;
      const auto archive = read_archive(one.bytes, small_bounds());
      std::optional<Error> error;
      if (!archive.ok()) {
        error = archive.error();
      } else {
        // What only the bytes themselves tell.
        for (const ArchiveEntry& entry : archive->entries) {
          const auto file = file_of(*archive, entry, one.bytes);
          if (!file.ok()) error = file.error();
        }
      }
      REQUIRE(error);
      CHECK(error->code == ErrorCode::kCorrupt);
      CHECK_MESSAGE(error->why.find(one.why) != std::string::npos, error->why);
    }
  }
  CHECK(count >= 60);
}

TEST_CASE("a packed tar is bounded while it unpacks") {
  const auto gzipped = [](const std::string& bytes) {
    const std::string body = packed(bytes);
    return std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10) + body +
           little(zip_sum(bytes), 4) + little(bytes.size(), 4);
  };
  const std::string tar = tar_of({TarPart("manifest.yml", "name: a")});
  const Archive archive = must(read_archive(gzipped(tar)));
  CHECK(must(file_of(archive, archive.entries.at(0), gzipped(tar))) == "name: a");
  CHECK(archive.entries.size() == 1);
  // A gigabyte of zeros would be a megabyte.
  const std::string zeros(std::size_t{8} << 20, '\0');
  const auto bomb = read_archive(gzipped(zeros), small_bounds());
  REQUIRE(!bomb.ok());
  CHECK(bomb.error().why.find("unpacks to more than") != std::string::npos);
  const auto cut = read_archive(gzipped(tar).substr(0, 60));
  REQUIRE(!cut.ok());
  CHECK(cut.error().why.find("break off") != std::string::npos);
  const auto more = read_archive(gzipped(tar) + "x");
  REQUIRE(!more.ok());
  CHECK(more.error().why.find("behind") != std::string::npos);
}
