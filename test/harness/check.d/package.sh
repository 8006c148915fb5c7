# What is packaged: one version everywhere, a META.json that PGXN takes, and an archive that is whole. Sourced by check. DEB=1
# builds the Debian package too, which takes minutes.

# package_is NAME COMMAND...
package_is() {
    local name=$1
    shift
    if "$@" >"$WORK/package.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1)); say "--- package: $name"; tail -n 10 "$WORK/package.log"
    fi
}

if wanted package; then
    package_is "META.json is valid and of the same version as everything else" python3 - <<'PYTHON'
import json, re, sys

meta = json.load(open("META.json"))
for key, kind in {"name": str, "version": str, "abstract": str, "maintainer": (str, list), "license": (str, list, dict),
                  "provides": dict, "meta-spec": dict}.items():
    assert isinstance(meta.get(key), kind), "META.json: %s is missing or of a wrong type" % key
assert meta["meta-spec"]["version"].startswith("1.0."), "META.json: meta-spec"
assert re.fullmatch(r"\d+\.\d+\.\d+(-[A-Za-z][\w-]*)?", meta["version"]), "META.json: not a semantic version"
for name, what in meta["provides"].items():
    assert what.get("file") and what.get("version"), "META.json: provides %s" % name
version = meta["version"]
told = {
    "META.json, provides": meta["provides"]["dreamsuite"]["version"],
    "META.json, file": re.search(r"--(.*)\.sql", meta["provides"]["dreamsuite"]["file"]).group(1),
    "dreamsuite.control": re.search(r"default_version = '(.*)'", open("dreamsuite.control").read()).group(1),
    "src/dreamsuite.h": re.search(r'DREAMSUITE_VERSION "(.*)"', open("src/dreamsuite.h").read()).group(1),
    "CHANGELOG.md": re.search(r"^## (\S+)", open("CHANGELOG.md").read(), re.M).group(1),
    "debian/changelog": re.search(r"\((.*?)-", open("debian/changelog").read()).group(1)}
wrong = {k: v for k, v in told.items() if v != version}
assert not wrong, "META.json says %s, but %s" % (version, wrong)
PYTHON
    if git rev-parse --git-dir >/dev/null 2>&1; then
        package_is "make dist" make -s dist PG_CONFIG="$PG_CONFIG"
        package_is "the archive is whole" python3 - <<'PYTHON'
import json, re, zipfile

meta = json.load(open("META.json"))
prefix = "dreamsuite-%s/" % meta["version"]
names = zipfile.ZipFile("dist/dreamsuite-%s.zip" % meta["version"]).namelist()
assert all(n.startswith(prefix) for n in names), "every file is under %s" % prefix
first = re.findall(r"^## (\S+)", open("CHANGELOG.md").read(), re.M)[-1]
for wanted in ["META.json", "sql/dreamsuite--%s.sql" % first, "Makefile", "LICENSE", "README.md", "dreamsuite.control", "src/init.c", "sql/parts/10_tables.sql",
               "docs/security.md", meta["provides"]["dreamsuite"]["file"], meta["provides"]["dreamsuite"]["docfile"]]:
    assert prefix + wanted in names, "%s is missing" % wanted
assert not [n for n in names if n.endswith((".o", ".so", ".bc", ".pyc"))], "something built is in it"
PYTHON
    else
        skip "make dist: this is no clone"
    fi
    if command -v pg_buildext >/dev/null; then
        cp debian/control "$WORK/control" && cp -a debian "$WORK/debian-copy"
        package_is "debian/control names the servers of this suite" sh -c \
            'cd "$0" && mkdir -p p && cp -a debian-copy p/debian && cd p && pg_buildext updatecontrol && diff debian/control ../control' "$WORK"
    else
        skip "debian/control: postgresql-server-dev-all is not installed"
    fi
    package_is "a library that is missing is named, with the package that has it" sh -c \
        'out=$(PKG_CONFIG_LIBDIR=/nowhere make -n PG_CONFIG="$0" 2>&1) && exit 1
         echo "$out"; echo "$out" | grep -q "missing libcurl libsodium libjwt: .*libsodium-dev"' "$PG_CONFIG"
    if [ -n "${DEB:-}" ]; then
        need_packages build-essential debhelper postgresql-server-dev-all
        mkdir -p "$WORK/deb" && git clone -q . "$WORK/deb/dreamsuite"
        package_is "the Debian package builds" sh -c 'cd "$0" && dpkg-buildpackage -us -uc -b' "$WORK/deb/dreamsuite"
        package_is "and holds the library, the scripts and the pages" sh -c \
            'dpkg -c "$0"/postgresql-*-dreamsuite_*.deb >"$0/list" && grep -q lib/dreamsuite.so "$0/list" &&
             grep -q "extension/dreamsuite--.*--.*sql" "$0/list" && grep -q docs/security.md "$0/list"' "$WORK/deb"
    else
        skip "the Debian package: DEB=1 builds it"
    fi
    say "package: done"
fi
