"""The documentation stands alone: its links lead somewhere, and so do the pages that sources and tests name."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.quick


def tracked(*patterns):
    """Files that git knows, and new ones that it doesn't ignore."""
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def prose(text):
    """Without blocks and spans of code, in which brackets mean other things."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "`", text)


def anchors(path):
    """As GitHub makes them of headings: small letters, no signs, dashes for blanks."""
    text = re.sub(r"^(```|~~~).*?^\1", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        number = 0
        while (slug if number == 0 else f"{slug}-{number}") in found:
            number += 1
        found.add(slug if number == 0 else f"{slug}-{number}")
    return found


def links(path):
    for target in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", prose(path.read_text())):
        if not re.match(r"[a-z]+:", target):
            yield target


def broken(path):
    for target in links(path):
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists():
            yield f"{path.relative_to(ROOT)}: {target} isn't there"
        elif not there.is_relative_to(ROOT):
            yield f"{path.relative_to(ROOT)}: {target} isn't in a clone"
        elif anchor and anchor not in anchors(there):
            yield f"{path.relative_to(ROOT)}: {target} has no such heading"


def test_links_lead_somewhere():
    pages = tracked("*.md")
    assert sum(len(list(links(page))) for page in pages) > 50
    found = [one for page in pages for one in broken(page)]
    assert not found, "\n".join(found)


def test_each_page_is_reached_from_the_documentation_s_first():
    seen, ahead = set(), [ROOT / "docs/README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        ahead += [there for target in links(page) if (there := (page.parent / target.partition("#")[0]).resolve()).suffix == ".md" and there.exists()]
    assert [str(page) for page in tracked("docs/*.md") if page not in seen] == []


def test_the_pages_that_sources_name_are_there():
    grep = subprocess.run(["git", "grep", "-noIE", "--untracked", r"\bdocs/[a-zA-Z0-9_./-]*\.md\b", "--", "src", "tests", "bench", "scripts", "fuzz", "web/src",
                           "examples", "schema", "Makefile", "CMakeLists.txt"], cwd=ROOT, capture_output=True, text=True)
    assert grep.stdout
    found = [line for line in grep.stdout.splitlines() if not (ROOT / line.split(":", 2)[2]).exists()]
    assert not found, "\n".join(found)


def test_nothing_cites_pages_that_a_clone_has_not():
    """Recordings beside the clone are looked for by tests, which do without them; pages aren't cited."""
    grep = subprocess.run(["git", "grep", "-nIE", "--untracked", r"\bspec/[a-z]+\.md|\.\./shared/($|[^v])", "--", ":!tests/docs_test.py"],
                          cwd=ROOT, capture_output=True, text=True)
    found = [line[:200] for line in grep.stdout.splitlines()]
    assert not found, "\n".join(found)


def test_the_wire_s_pages_name_what_the_code_has():
    """Every class, channel, key, field of node info and environment variable of the wire."""
    source = {name: (ROOT / "src" / name).read_text() for name in (
        "wire/worker_api.h", "bus/keys.h", "telemetry/machine.cc", "gateway/etcd.cc", "gateway/heads.cc", "commands/gateway_flags.cc")}
    pages = {path.name: path.read_text() for path in (ROOT / "docs/wire").glob("*.md")} | {"fleet.md": (ROOT / "docs/how-to/fleet.md").read_text()}
    words = {
        "bus.md": re.findall(r'kType = "(?:galileo\.worker\.api|pymq\.core)\.(\w+)"', source["wire/worker_api.h"])
        + [word for word in re.findall(r'"([a-z]+[:/][^"]*[^":/])"', source["bus/keys.h"])
           if not re.search(r"[*\[]|^(telem|galileo:adapter:|galileo/(results/batches|fleet|recorder))", word)],
        "adapter.md": ["galileo:adapters:", "galileo:adapter:pods", "galileo:adapter:<host>"],
        "telemetry.md": ["telem/", "telemcmd/", "telemd.info:", *re.findall(r'add\("(\w+)"', source["telemetry/machine.cc"])],
        "gateway.md": [*re.findall(r'"(golb/function/)', source["gateway/etcd.cc"]), *re.findall(r'"(X-[A-Za-z-]+?)-?"', source["gateway/heads.cc"]),
                       *re.findall(r'"(eb_go_lb_\w+)"', source["commands/gateway_flags.cc"])],
        "database.md": re.findall(r'^TRACE_[A-Z]+\(\w+, "([A-Z_]+)"', (ROOT / "src/wire/trace_fields.def").read_text(), re.MULTILINE),
        "fleet.md": ["galileo/results/batches", "galileo/fleet/reports", "galileo:worker:<name>:heartbeat"],
    }
    assert min(len(found) for found in words.values()) >= 3
    missing = [f"{page}: {word}" for page, found in words.items() for word in found if word not in pages[page]]
    assert not missing, "\n".join(missing)


def test_the_page_of_databases_lists_the_columns_of_traces_in_their_order():
    fields = re.findall(r'^TRACE_\w+\(\w+,\s*"(\w+)"', (ROOT / "src/wire/trace_fields.def").read_text(), re.MULTILINE)
    row = next(line for line in (ROOT / "docs/wire/database.md").read_text().splitlines() if line.startswith("| `traces` | `REQUEST_ID`"))
    assert re.findall(r"`([A-Z_]+)`", row) == fields


def test_the_messages_of_troubleshooting_are_the_program_s():
    """Each as its text stands in the sources, where a long one goes over several lines."""
    page = (ROOT / "docs/reference/troubleshooting.md").read_text()
    texts = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    sources = "".join(re.sub(r'"\s*\n\s*"', "", path.read_text()) for path in sorted((ROOT / "src").rglob("*.cc")) if not path.name.endswith("_test.cc"))
    assert len(texts) > 20
    missing = [text for text in texts if text not in sources]
    assert not missing, "\n".join(missing)


def test_the_readme_is_short():
    """A picture that is there, at most 100 lines of at most 120 characters; what is longer is a page of its own."""
    text = (ROOT / "README.md").read_text()
    long = [line for line in text.splitlines() if len(line) > 120]
    assert len(text.splitlines()) <= 100 and not long, long
    assert (ROOT / "docs/pictures/report.png").read_bytes().startswith(b"\x89PNG")
