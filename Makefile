# Dream Suite: build, install and test.
#
#   make            the extension            make install    into the server that PG_CONFIG names
#   make demo       the whole way of the data, on a private cluster
#   make check      every test               make bench      the benchmarks, as ratios
#   make chaos      a thousand accounts while a fifth of all requests goes wrong
#   make fuzz       the parsers of outside input, for ten minutes each
#   make coverage   which lines of src/ the tests run
#   make sanitize   the tests with address and undefined behaviour sanitizers
#   make valgrind   the regression tests under memcheck
#   make dist       the archive for PGXN
#   make check-versions   on PostgreSQL 15, 17 and 18, from newer Debian suites
#
# PG_CONFIG=/path/to/pg_config chooses the server.

ifneq ($(filter check check-versions demo bench chaos fuzz coverage sanitize valgrind,$(MAKECMDGOALS)),)

# These set the machine up themselves, so they need nothing of what follows.
.PHONY: check check-versions demo bench chaos fuzz coverage sanitize valgrind
check:
	@ONLY='$(ONLY)' TAP='$(TAP)' PG_CONFIG='$(PG_CONFIG)' test/harness/check

coverage sanitize valgrind:
	@ONLY='$(ONLY)' TAP='$(TAP)' PG_CONFIG='$(PG_CONFIG)' test/harness/$@

check-versions:
	@ONLY='$(ONLY)' TAP='$(TAP)' PG_CONFIG='$(PG_CONFIG)' PG_CONFIGS='$(PG_CONFIGS)' test/harness/check-versions

demo:
	@PG_CONFIG='$(PG_CONFIG)' test/demo/demo

bench:
	@$(if $(ONLY),ONLY='$(ONLY)') DOC='$(DOC)' PG_CONFIG='$(PG_CONFIG)' test/bench/bench

chaos:
	@ONLY=tap TAP=test/chaos/chaos.pl TAP_TIMEOUT=3600 TAP_NOTES=1 PG_CONFIG='$(PG_CONFIG)' test/harness/check

fuzz:
	@$(if $(FUZZ_SECONDS),FUZZ_SECONDS='$(FUZZ_SECONDS)') TARGETS='$(TARGETS)' PG_CONFIG='$(PG_CONFIG)' test/fuzz/fuzz

else

EXTENSION = dreamsuite
MODULE_big = dreamsuite
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" dreamsuite.control)

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))

# The scripts of this version are built from sql/parts and sql/updates, those of released ones are kept as they were: see
# docs/releasing.md.
SQL_PARTS = $(sort $(wildcard sql/parts/*.sql))
INSTALL_SQL = sql/dreamsuite--$(EXTVERSION).sql
UPDATE_SQL = $(patsubst sql/updates/%,sql/dreamsuite--%,$(wildcard sql/updates/*--$(EXTVERSION).sql))
DATA_built = $(INSTALL_SQL) $(UPDATE_SQL)
DATA = $(filter-out $(DATA_built),$(wildcard sql/dreamsuite--*.sql))

# pkg-config says where the libraries are; a missing one is named before the compiler stumbles over it.
LIBRARIES = libcurl libsodium libjwt
ifeq ($(filter clean format,$(MAKECMDGOALS)),)
MISSING := $(strip $(foreach l,$(LIBRARIES),$(shell pkg-config --exists $(l) || echo $(l))))
ifneq ($(MISSING),)
$(error missing $(MISSING): on Debian, apt-get install libcurl4-openssl-dev libsodium-dev libjwt-dev pkg-config)
endif
endif

PG_CPPFLAGS = -Isrc $(shell pkg-config --cflags $(LIBRARIES))
# src/stats needs neither NaN-unsafe optimisation nor PostgreSQL; sign compare noise comes from server headers.
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-Wno-declaration-after-statement -fvisibility=hidden
# Debian's server was built by gcc, and pg_config hands its options to whoever compiles.
ifneq (,$(findstring clang,$(CC)))
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-ignored-attributes -Wno-unknown-warning-option
endif
# libjwt is not linked but opened when a key signs first: see src/oauth/apple.c.
SHLIB_LINK = $(shell pkg-config --libs libcurl libsodium) -lm -ldl -lpthread
LIBJWT := $(shell objdump -p $$(pkg-config --variable=libdir libjwt 2>/dev/null)/libjwt.so 2>/dev/null | sed -n 's/^ *SONAME *//p')
PG_CPPFLAGS += -DLIBJWT='"$(or $(LIBJWT),libjwt.so)"'

EXTRA_CLEAN = $(DATA_built)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(INSTALL_SQL): $(SQL_PARTS) dreamsuite.control
	cat $(SQL_PARTS) > $@

$(UPDATE_SQL): sql/dreamsuite--%.sql: sql/updates/begin.sql sql/updates/%.sql sql/updates/repeat.sed $(SQL_PARTS) dreamsuite.control
	{ cat sql/updates/begin.sql sql/updates/$*.sql; sed -f sql/updates/repeat.sed $(SQL_PARTS); } > $@

# Every object follows every header: the tree is small and a stale object costs more than a rebuild.
$(OBJS): $(wildcard src/*.h src/*/*.h)

.PHONY: dist
# The archive for PGXN: what is committed, with the scripts of this version.
dist: $(DATA_built)
	mkdir -p dist
	git archive --format=zip --prefix=dreamsuite-$(EXTVERSION)/sql/ $(addprefix --add-file=,$(DATA_built)) \
		--prefix=dreamsuite-$(EXTVERSION)/ -o dist/dreamsuite-$(EXTVERSION).zip HEAD
	@echo dist/dreamsuite-$(EXTVERSION).zip

.PHONY: syntax
# Compiles every file without keeping anything: for a second compiler.
syntax:
	@for f in $(OBJS:.o=.c); do $(CC) $(CPPFLAGS) $(CFLAGS) -fsyntax-only $$f || exit 1; done

.PHONY: format
format:
	clang-format -i $(wildcard src/*.[ch] src/*/*.[ch])

endif
