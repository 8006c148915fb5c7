#!/usr/bin/env python3
"""Adds up what gcov counted, in every program and library that compiled a file of src/, and prints it by file.

    coverage.py PLACE TREE      PLACE holds the .gcno and .gcda files, TREE the sources
"""
import collections
import json
import os
import subprocess
import sys

place, tree = (os.path.realpath(path) for path in sys.argv[1:3])
source = os.path.join(tree, "src") + os.sep

lines = collections.defaultdict(lambda: collections.defaultdict(int))  # file -> line -> times
functions = collections.defaultdict(dict)                              # file -> first line -> [name, last line]

notes = [os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names if name.endswith(".gcno")]
if not notes:
    sys.exit("error: nothing was compiled with --coverage")
for start in range(0, len(notes), 50):
    # a file without counters was never run: its lines count as not covered
    told = subprocess.run(["gcov", "--json-format", "--stdout", *notes[start:start + 50]],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    for document in told.splitlines():
        document = json.loads(document)
        for file in document["files"]:
            path = os.path.realpath(os.path.join(document["current_working_directory"], file["file"]))
            if not path.startswith(source) or not path.endswith(".c"):
                continue
            path = path[len(source):]
            for line in file["lines"]:
                lines[path][line["line_number"]] += line["count"]
            for function in file["functions"]:
                functions[path][function["start_line"]] = [function["name"], function["end_line"]]


def ranges(numbers, known):
    """Line numbers as "3-5 9"; lines without code between two that were not run do not part them."""
    parts = []
    for number in numbers:
        if parts and not any(line in known for line in range(parts[-1][1] + 1, number)):
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in parts)


missing, total, covered = [], 0, 0
print("%-36s %7s %7s %7s" % ("src/", "lines", "run", "%"))
for path in sorted(lines):
    known = lines[path]
    run = sum(1 for times in known.values() if times > 0)
    total += len(known)
    covered += run
    print("%-36s %7d %7d %7.1f" % (path, len(known), run, 100.0 * run / len(known)))
    for first, (name, last) in sorted(functions[path].items()):
        within = [line for line in sorted(known) if first <= line <= last]
        not_run = [line for line in within if known[line] == 0]
        if not_run:
            what = "never" if len(not_run) == len(within) else ranges(not_run, known)
            missing.append((path, name, len(not_run), what))

print("\nNot covered, by function:")
for path, name, count, what in missing:
    print("%-36s %-34s %3d  %s" % (path, name, count, what))
print("\n%d of %d lines of src/ are covered: %.1f %%" % (covered, total, 100.0 * covered / total))
