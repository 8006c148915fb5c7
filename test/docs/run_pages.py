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
    """docs/platforms.md has a section per platform, with its status and a row per metric, as the registry tells them."""
    text = "\n".join(lines)
    for name, label, status in query(filled, "SELECT name, label, status FROM dreamsuite.platforms"):
        section = re.search(rf"^## {re.escape(label)} \(`{name}`, ([a-z ]+)\)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        if section is None:
            tap.say(False, f"platforms.md: {name}", f"no section \"## {label} (`{name}`, STATUS)\"")
            continue
        told = [" | ".join(map(unquoted, row)) for row in rows_of(section.group(2).splitlines(), 4)]
        wanted = [" | ".join(row) for row in query(
            filled, f"SELECT metric, kind, source, description FROM dreamsuite.metric_catalog() WHERE platform = '{name}' "
            "AND kind <> 'change'")]
        ok = section.group(1).replace(" ", "_") == status and told == wanted
        differ = [f"- {row}" for row in told if row not in wanted] + [f"+ {row}" for row in wanted if row not in told]
        tap.say(ok, f"platforms.md: {name}", "\n".join([f"status {status}"] + differ))


def sources(*folders):
    """The source text, with the pieces of C strings joined."""
    text = []
    for top in folders:
        for folder, _, files in os.walk(top):
            for file in sorted(files):
                if file.endswith((".c", ".h", ".sql")):
                    with open(os.path.join(folder, file), encoding="utf-8") as opened:
                        text.append(re.sub(r'"\s*\n\s*"', "", opened.read()))
    return "\n".join(text).replace('\\"', '"').replace("''", "'")


def states_by_name():
    """SQLSTATE by the server's name for it, "invalid_parameter_value"."""
    header = os.path.join(subprocess.run([os.environ.get("PG_CONFIG", "pg_config"), "--includedir-server"], text=True,
                                         capture_output=True, check=True).stdout.strip(), "utils", "errcodes.h")
    with open(header, encoding="utf-8") as opened:
        found = re.findall(r"#define ERRCODE_(\w+)\s+MAKE_SQLSTATE\(([^)]*)\)", opened.read())
    return {name.lower(): re.sub(r"\W", "", letters) for name, letters in found}


def check_errors(tap, lines, root):
    """Every message of docs/errors.md stands in the source with its SQLSTATE; ... is whatever is filled in."""
    source = sources(os.path.join(root, "src"), os.path.join(root, "sql", "parts"), os.path.join(root, "sql", "updates"))
    states = states_by_name()
    for state, message, _ in rows_of(lines, 3):
        pattern = r"[^\n]{0,60}?".join(re.escape(part) for part in unquoted(message).removeprefix("...").split("..."))
        found = set()
        for at in re.finditer(pattern, source):
            before, behind = source[max(0, at.start() - 200):at.start()], source[at.end():at.end() + 300]
            if before.rstrip("%").endswith("EXCEPTION '"):
                codes = re.findall(r"ERRCODE = '(\w+)'", behind)[:1]
            else:
                codes = re.findall(r"errcode\(([^;]*?)\),\s*errmsg|ERRCODE = '(\w+)'", before + "errmsg")[-1:]
                codes = [c or sql for c, sql in codes]
            found |= {states.get(name.lower()) for code in codes for name in re.findall(r"(?:ERRCODE_)?(\w{6,})", code)}
        tap.say(state in found, f"errors.md: {unquoted(message)}", f"the source raises it with {found}" if found else "not found")


# Errors that no argument leads to, or that only the collector or the server meets.
WITHOUT_HINT = ("ERRCODE_OUT_OF_MEMORY", "TRIGGER_PROTOCOL_VIOLATED", "the context does not fit", "only objects can be merged",
                "an answer is too large for jsonb", "timestamp out of range", "could not start libsodium", "is absent or being changed")


def check_hints(tap, root):
    """As docs/errors.md says, every error has a hint. (src/http raises for its callers in C alone.)"""
    source = sources(*(os.path.join(root, "src", d) for d in sorted(os.listdir(os.path.join(root, "src"))) if d != "http"
                       and os.path.isdir(os.path.join(root, "src", d))), os.path.join(root, "sql", "parts"))
    for at in re.finditer(r"(?:ereport\(\s*ERROR|RAISE EXCEPTION)\b.*?;\n", source, re.DOTALL):
        if not re.search(r"errhint|\bHINT\b", at.group()) and not any(word in at.group() for word in WITHOUT_HINT):
            tap.say(False, "errors.md: an error without a hint", " ".join(at.group().split())[:200])
    tap.say(source.count("errhint(") > 100, "errors.md: errors have hints")


def check_facts(tap, lines, root, filled):
    """docs/facts.md lists the kinds of facts: each stands in the source, and none that is told is missing."""
    source = sources(os.path.join(root, "src", "insight"))
    told = {(category, kind) for category, kinds in rows_of(lines, 2) for kind in re.findall(r"`(\w+)`", kinds)}
    for category, kind in sorted(told):
        tap.say(f'"{kind}"' in source, f"facts.md: {category} {kind}")
    caveats = {cell.group(1) for cell in (re.match(r"`(\w+)", row[0]) for row in rows_of(lines, 2)) if cell}
    in_source = set(re.findall(r'caveats, (?:psprintf\()?"(\w+)', source))
    tap.say(caveats == in_source, "facts.md: the caveats", f"on one side only: {sorted(caveats ^ in_source)}")
    given = {tuple(row) for row in query(
        filled, "SELECT DISTINCT f.category, f.kind FROM (SELECT user_id, max(date) AS newest FROM dreamsuite.daily_metrics "
        "GROUP BY user_id) AS d, generate_series(0, 30, 6) AS back, "
        "dreamsuite.insight_facts(d.user_id, d.newest - back) AS f WHERE f.kind <> 'resolved'")}
    tap.say(len(given) > 5 and given <= told, "facts.md: every kind that is told of the filled database",
            f"{len(given)} kinds; not on the page: {sorted(given - told)}")


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
        elif name == "docs/facts.md":
            check_facts(tap, lines, root, filled)
        elif name == "docs/errors.md":
            check_errors(tap, lines, root)
            check_hints(tap, root)
        elif name == "docs/README.md":
            check_index(tap, lines, pages)
    print(f"1..{tap.count}")
    sys.exit(tap.bad > 0)


if __name__ == "__main__":
    main()
