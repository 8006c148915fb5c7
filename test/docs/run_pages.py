#!/usr/bin/env python3
"""Runs the SQL of the documentation, page by page, and checks what its tables say.

    run_pages.py FILLED ROOT [PAGE...]

FILLED is a database to copy from, ROOT the project; the server is that of PGHOST and PGPORT. Each page gets a database of
its own: a copy of FILLED, or an empty one where the page itself creates the extension. The blocks of a page run in order in
one session. What stands behind the word sql of a block says how it is taken:

    sql                 runs, and an error is a failure
    sql fails 22023     its last statement must fail with that SQLSTATE
    sql notest REASON   does not run

Writes TAP: one line per block that ran and per table that was checked; blocks that did not run are comments.
"""
import os
import re
import subprocess
import sys

FENCE = re.compile(r"^\s*```\s*(.*)$")


class Block:
    """A fenced block: the lines between `first` and `last` (counted from 1), and what is said behind the fence."""

    def __init__(self, first, info):
        self.first, self.info, self.last = first, info.split(), None


def blocks_of(lines):
    """The sql blocks of a page."""
    found, open_block = [], None
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if not fence:
            continue
        if open_block is None:
            open_block = Block(number, fence.group(1))
        else:
            open_block.last = number
            if open_block.info[:1] == ["sql"]:
                found.append(open_block)
            open_block = None
    if open_block is not None:
        raise SystemExit(f"a block is not closed: line {open_block.first}")
    return found


def script_of(lines, blocks):
    """A psql script with the page's own line numbers: whatever is no SQL to run is blank."""
    script = [""] * len(lines)
    for block in blocks:
        if block.info[1:2] == ["notest"]:
            continue
        script[block.first:block.last - 1] = lines[block.first:block.last - 1]
        if block.info[1:2] == ["fails"]:
            script[block.first - 1] = r"\set ON_ERROR_STOP 0"
            script[block.last - 1] = rf"\echo @{block.first} :SQLSTATE \\ \set ON_ERROR_STOP 1"
        else:
            script[block.last - 1] = rf"\echo @{block.first}"
    return "\n".join(script) + "\n"


def psql(database, *arguments, **more):
    return subprocess.run(["psql", "-X", "-q", "-d", database, *arguments], text=True, capture_output=True, **more)


class Tap:
    """Test lines."""

    def __init__(self):
        self.count, self.bad = 0, 0

    def say(self, ok, name, detail=""):
        self.count += 1
        self.bad += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}")
        if not ok and detail:
            print("\n".join("# " + line for line in detail.strip().splitlines()))


def run_page(tap, page, lines, filled):
    """Runs the blocks of one page."""
    name = os.path.relpath(page)
    blocks = blocks_of(lines)
    for block in blocks:
        if block.info[1:2] == ["notest"]:
            print(f"# not run {name}:{block.first}: {' '.join(block.info[2:]) or 'no reason is given'}")
    if all(block.info[1:2] == ["notest"] for block in blocks):
        return
    script = script_of(lines, blocks)
    empty = re.search(r"CREATE EXTENSION (IF NOT EXISTS )?dreamsuite", script)
    database = "page_" + re.sub(r"\W", "_", os.path.splitext(os.path.basename(page))[0].lower())
    made = psql("template1", "-c", f"CREATE DATABASE {database} TEMPLATE {'template0' if empty else filled}")
    if made.returncode != 0:
        tap.say(False, f"{name}: a database for it", made.stderr)
        return
    ran = psql(database, "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-", input=script, timeout=300)
    marks = dict(re.findall(r"^@(\d+) ?(\S*)", ran.stdout, re.M))
    stopped = False
    for block in blocks:
        if block.info[1:2] == ["notest"]:
            continue
        where = f"{name}:{block.first}"
        if str(block.first) not in marks:
            # what follows an error did not run: it is that block's fault
            tap.say(False, where, "did not run" if stopped else ran.stderr[-2000:])
            stopped = True
        elif block.info[1:2] == ["fails"]:
            wanted = block.info[2]
            tap.say(marks[str(block.first)] == wanted, f"{where} fails with {wanted}",
                    f"SQLSTATE {marks[str(block.first)]}\n{ran.stderr[-1000:]}")
        else:
            tap.say(True, where)
    psql("template1", "-c", f"DROP DATABASE {database} WITH (FORCE)")


def check_links(tap, page, lines):
    """Relative links lead to files."""
    lost = []
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", "\n".join(lines)):
        if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(page), target)):
            lost.append(target)
    tap.say(not lost, f"{os.path.relpath(page)}: links lead somewhere", " ".join(lost))


def rows_of(lines, cells):
    """The rows of the page's tables that have so many cells, without heads and rules."""
    rows, after_rule = [], False
    for line in lines:
        if not line.startswith("|"):
            after_rule = False
            continue
        parts = [part.strip() for part in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if set(line) <= set("|-: "):
            after_rule = True
        elif after_rule and len(parts) == cells:
            rows.append(parts)
    return rows


def unquoted(text):
    return text.replace("`", "").replace("\\|", "|")


def query(database, text):
    done = psql(database, "-At", "-F", "\t", "-c", text)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return [line.split("\t") for line in done.stdout.splitlines()]


def check_settings(tap, lines, filled):
    """docs/settings.md lists every setting with the server's own default, unit, bounds and who may set it."""
    told = {unquoted(name): (unquoted(default), who) for name, default, who, _ in rows_of(lines, 4)}
    server = {}
    for name, boot, unit, low, high, kind, context in query(
            filled, "SELECT substr(name, 12), boot_val, coalesce(unit, ''), min_val, max_val, vartype, context "
            "FROM pg_settings WHERE name LIKE 'dreamsuite.%'"):
        default = " ".join(part for part in (boot, unit) if part) + (f" ({low} to {high})" if kind == "integer" else "")
        server[name] = (default, {"sighup": "reload", "superuser": "superuser", "postmaster": "restart"}.get(context, context))
    for name in sorted(told.keys() | server.keys()):
        tap.say(told.get(name) == server.get(name), f"settings.md: {name}",
                f"the page: {told.get(name)}\nthe server: {server.get(name)}")


def check_platforms(tap, lines, filled):
    """docs/platforms.md has a section per platform, with its status and every metric it collects."""
    text = "\n".join(lines)
    for name, label, status in query(filled, "SELECT name, label, status FROM dreamsuite.platforms"):
        section = re.search(rf"^## {re.escape(label)} \(`{name}`, ([a-z ]+)\)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        if section is None:
            tap.say(False, f"platforms.md: {name}", f"no section \"## {label} (`{name}`, STATUS)\"")
            continue
        metrics = {row[0] for row in query(filled, f"SELECT metric FROM dreamsuite.metric_catalog() WHERE platform = '{name}' "
                                           "AND kind <> 'change'")}
        missing = metrics - set(re.findall(r"`([a-z0-9_]+)`", section.group(2)))
        ok = section.group(1).replace(" ", "_") == status and not missing
        tap.say(ok, f"platforms.md: {name}", f"status {status}; not named: {', '.join(sorted(missing))}")


def sources(root):
    """The source text, with the pieces of C strings joined."""
    text = []
    for folder, _, files in os.walk(root):
        for file in files:
            if file.endswith((".c", ".h", ".sql")):
                with open(os.path.join(folder, file), encoding="utf-8") as opened:
                    text.append(re.sub(r'"\s*\n\s*"', "", opened.read()))
    return "\n".join(text).replace('\\"', '"').replace("''", "'")


def check_errors(tap, lines, root):
    """Every message of docs/errors.md stands in the source; ... is whatever is filled in."""
    source = sources(os.path.join(root, "src")) + sources(os.path.join(root, "sql"))
    for state, message, _ in rows_of(lines, 3):
        parts = [re.escape(part) for part in unquoted(message).split("...")]
        found = re.search(r"[^\n]{0,60}?".join(parts), source)
        tap.say(found is not None and re.fullmatch(r"[0-9A-Z]{5}", state) is not None, f"errors.md: {unquoted(message)}")


def check_example(tap, page, lines, root):
    """The C of the page stands in the example that is compiled, word for word."""
    with open(os.path.join(root, "test/modules/twelfth_platform/mixcloud.c"), encoding="utf-8") as opened:
        compiled = opened.read()
    open_at = None
    for number, line in enumerate(lines):
        if open_at is None and line.strip() == "```c":
            open_at = number
        elif open_at is not None and line.strip() == "```":
            block = "\n".join(lines[open_at + 1:number])
            tap.say(block in compiled, f"{os.path.relpath(page)}:{open_at + 1} is compiled")
            open_at = None


def check_index(tap, lines, pages):
    """docs/README.md names every page."""
    linked = set(re.findall(r"\]\(([a-z_]+\.md)\)", "\n".join(lines)))
    there = {os.path.basename(page) for page in pages if os.path.basename(page) != "README.md"}
    tap.say(there <= linked, "docs/README.md names every page", " ".join(sorted(there - linked)))


def main():
    filled, root = sys.argv[1], sys.argv[2]
    folder = os.path.join(root, "docs")
    pages = sorted(os.path.join(folder, file) for file in os.listdir(folder) if file.endswith(".md"))
    chosen = [os.path.join(root, "README.md")] + pages
    if len(sys.argv) > 3:
        chosen = [page for page in chosen if os.path.relpath(page, root) in sys.argv[3:]]
    os.chdir(root)
    tap = Tap()
    for page in chosen:
        with open(page, encoding="utf-8") as opened:
            lines = opened.read().splitlines()
        run_page(tap, page, lines, filled)
        check_links(tap, page, lines)
        name = os.path.relpath(page, root)
        if name == "docs/settings.md":
            check_settings(tap, lines, filled)
        elif name == "docs/platforms.md":
            check_platforms(tap, lines, filled)
        elif name == "docs/adding_a_platform.md":
            check_example(tap, page, lines, root)
        elif name == "docs/errors.md":
            check_errors(tap, lines, root)
        elif name == "docs/README.md":
            check_index(tap, lines, pages)
    print(f"1..{tap.count}")
    sys.exit(tap.bad > 0)


if __name__ == "__main__":
    main()
