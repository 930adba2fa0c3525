#!/usr/bin/env python3
"""Holds the tree against its own rules, and these checks against trees made wrong on purpose.

* Every #include "room/..." in src is one that docs/ARCHITECTURE.md's table of rooms allows.
* No source of the server has 500 lines or more.
* Links in Markdown files lead to something.
* Nothing is left over that says something is still to be done.
* What is installed is what scripts/run builds.
"""
import pathlib
import re
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES = 500
SOURCE_SUFFIXES = {".h", ".cpp", ".js", ".mjs", ".ts", ".py", ".sh", ".css", ".html", ".build"}
# Built, fetched or captured; not ours to hold to our rules.
SKIPPED_FOLDERS = {".git", "node_modules", "test-output", "corpus", "packagecache"}
LEFT_OVERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
PRODUCT = re.compile(r"(executable|shared_module)\('([^']+)'")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([a-z_]+)/', re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def allowed_rooms(root):
    """room -> the rooms it may include, from the table in docs/ARCHITECTURE.md; None: all."""
    table = {}
    for line in (root / "docs/ARCHITECTURE.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 4 or not re.fullmatch("[a-z]+", cells[0]):
            continue
        if cells[0] == "room":
            continue
        if cells[2] == "everything":
            table[cells[0]] = None
        else:
            table[cells[0]] = set(re.findall("[a-z]+", cells[2]))
    return table


def files(root, folder):
    for path in sorted((root / folder).rglob("*")):
        parts = path.relative_to(root).parts
        if not path.is_file() or SKIPPED_FOLDERS.intersection(parts) or parts[0].startswith("build"):
            continue
        yield path


def wrong_includes(root):
    table = allowed_rooms(root)
    wrong = []
    for path in files(root, "src"):
        room = path.relative_to(root / "src").parts[0]
        if path.suffix not in {".h", ".cpp"}:
            continue
        if room not in table:
            wrong.append(f"{path.relative_to(root)}: the table of rooms does not know {room}")
            continue
        for included in INCLUDE.findall(path.read_text()):
            if included == room or table[room] is None or included in table[room]:
                continue
            wrong.append(f"{path.relative_to(root)}: {room} may not include {included}")
    return wrong


def long_sources(root):
    long = []
    for path in files(root, "src"):
        lines = len(path.read_text().splitlines())
        if path.suffix in {".h", ".cpp"} and lines >= MAX_LINES:
            long.append(f"{path.relative_to(root)}: {lines} lines; fewer than {MAX_LINES} are allowed")
    return long


def dead_links(root):
    dead = []
    for path in files(root, "."):
        if path.suffix != ".md":
            continue
        for target in LINK.findall(CODE_BLOCK.sub("", path.read_text())):
            target = target.split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            if not (path.parent / target).exists():
                dead.append(f"{path.relative_to(root)}: {target} is not there")
    return dead


def left_overs(root):
    found = []
    for path in files(root, "."):
        in_scripts = path.parent.name in {"scripts", ".ci"}
        if path.suffix not in SOURCE_SUFFIXES and not in_scripts:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if LEFT_OVERS.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    return found


def unbuilt(root):
    """Programs and plugins that scripts/run leaves out, so that the server would lack them."""
    told = re.search(r"^targets=\((.*)\)$", (root / "scripts/run").read_text(), re.M)
    targets = told.group(1).split() if told else []
    made = []
    for folder in ("src", "plugins"):
        for path in files(root, folder):
            if path.name != "meson.build":
                continue
            below = path.parent.relative_to(root)
            for kind, name in PRODUCT.findall(path.read_text()):
                made.append(str(below / (name if kind == "executable" else f"lib{name}.so")))
    return [f"scripts/run does not build {name}" for name in made if name not in targets]


class Tree(unittest.TestCase):
    """The tree as it is."""

    def nothing(self, complaints):
        self.assertEqual([], complaints, "\n" + "\n".join(complaints))

    def test_rooms_include_only_what_the_table_allows(self):
        self.nothing(wrong_includes(ROOT))

    def test_the_table_knows_every_room_and_every_room_is_there(self):
        rooms = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
        self.assertEqual(rooms, set(allowed_rooms(ROOT)))

    def test_sources_are_short(self):
        self.nothing(long_sources(ROOT))

    def test_links_lead_somewhere(self):
        self.nothing(dead_links(ROOT))

    def test_nothing_is_left_over(self):
        self.nothing(left_overs(ROOT))

    def test_scripts_run_builds_all_that_the_server_needs(self):
        self.nothing(unbuilt(ROOT))


class Checks(unittest.TestCase):
    """The checks themselves: each must notice what it is there for."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("docs/ARCHITECTURE.md", (ROOT / "docs/ARCHITECTURE.md").read_text())

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_a_wrong_include_is_noticed(self):
        self.write("src/ice/agent.cpp", '#include "base/time.h"\n#include "ice/agent.h"\n')
        self.assertEqual([], wrong_includes(self.root))
        self.write("src/ice/bad.cpp", '#include <string>\n  #  include "media/worker.h"\n')
        self.assertEqual(["src/ice/bad.cpp: ice may not include media"], wrong_includes(self.root))

    def test_base_may_include_nothing_and_app_everything(self):
        self.write("src/app/main.cpp", '#include "media/worker.h"\n#include "call/machine.h"\n')
        self.assertEqual([], wrong_includes(self.root))
        self.write("src/base/bad.h", '#include "rtp/packet.h"\n')
        self.assertEqual(["src/base/bad.h: base may not include rtp"], wrong_includes(self.root))

    def test_an_unknown_room_is_noticed(self):
        self.write("src/shed/x.cpp", "")
        self.assertEqual(["src/shed/x.cpp: the table of rooms does not know shed"],
                         wrong_includes(self.root))

    def test_a_long_source_is_noticed(self):
        self.write("src/base/right.cpp", "\n" * (MAX_LINES - 1))
        self.assertEqual([], long_sources(self.root))
        self.write("src/base/long.cpp", "\n" * MAX_LINES)
        self.assertEqual(1, len(long_sources(self.root)))

    def test_a_dead_link_is_noticed(self):
        self.write("docs/ARCHITECTURE.md", "[a](ARCHITECTURE.md#x) [b](https://example.org/x)\n")
        self.assertEqual([], dead_links(self.root))
        self.write("README.md", "See [there](docs/NOWHERE.md) and ![it](picture.png).\n")
        self.assertEqual(["README.md: docs/NOWHERE.md is not there",
                          "README.md: picture.png is not there"], dead_links(self.root))

    def test_a_program_that_is_not_built_is_noticed(self):
        self.write("src/job/meson.build", "parley_job = executable('parley-job', 'main.cpp')\n")
        self.write("plugins/meson.build", "plugin = shared_module('gstparley', 'plugin.cpp')\n")
        self.write("scripts/run", "targets=(src/job/parley-job plugins/libgstparley.so)\n")
        self.assertEqual([], unbuilt(self.root))
        self.write("scripts/run", "targets=(src/app/parleyd)\n")
        self.assertEqual(2, len(unbuilt(self.root)))

    def test_a_left_over_is_noticed(self):
        self.write("src/base/x.cpp", "int x = 0;  // " + "TO" + "DO: make it 1\n")
        self.write("scripts/run", "#!/bin/sh\n# " + "FIX" + "ME\n")
        self.write("src/base/y.cpp", "const char* kAutodo = \"todos\";\n")
        self.assertEqual(["scripts/run:2: # " + "FIX" + "ME",
                          "src/base/x.cpp:1: int x = 0;  // " + "TO" + "DO: make it 1"],
                         left_overs(self.root))


def main():
    result = unittest.main(exit=False, argv=[sys.argv[0], *sys.argv[1:]]).result
    failed = len(result.failures) + len(result.errors)
    # Like Check's closing line, which scripts/test sums up.
    print(f"Checks: {result.testsRun}, Failures: {len(result.failures)}, "
          f"Errors: {len(result.errors)}", flush=True)
    sys.exit(0 if failed == 0 else 1)


if __name__ == "__main__":
    main()
