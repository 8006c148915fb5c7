PG_CONFIG ?= pg_config
PG_LIBS = -L$(shell $(PG_CONFIG) --pkglibdir)/.. -L$(shell $(PG_CONFIG) --libdir) -L$(shell $(PG_CONFIG) --pkglibdir) \
	-lpgcommon -lpgport -lpthread
PG_HEADERS = $(shell $(PG_CONFIG) --includedir-server)
HTTP = $(ROOT)/src/http

# src/http/url.c takes StringInfo and palloc() from PostgreSQL's library for programs (FRONTEND).
url_test_SOURCES = $(HTTP)/url.c
url_test_CFLAGS = -DFRONTEND -isystem $(PG_HEADERS)
url_test_LIBS = $(PG_LIBS)

buffer_test_SOURCES = $(HTTP)/buffer.c

# The thread of the network is watched by the thread sanitizer, which goes with no other. It sees the counters of --coverage too.
network_test_SOURCES = $(addprefix $(HTTP)/,network.c multi.c transfer.c buffer.c) http_server.c backend.c
network_test_CFLAGS = -fprofile-update=atomic -D_GNU_SOURCE -isystem $(PG_HEADERS) \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
network_test_LIBS = -Wl,--wrap=pthread_create -lcurl $(PG_LIBS)
network_test_SANITIZE = -fsanitize=thread
