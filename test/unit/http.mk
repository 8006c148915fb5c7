# src/http/url.c takes StringInfo and palloc() from PostgreSQL's library for programs (FRONTEND).
PG_CONFIG ?= pg_config
url_test_SOURCES = $(ROOT)/src/http/url.c
url_test_CFLAGS = -DFRONTEND -I$(shell $(PG_CONFIG) --includedir-server)
url_test_LIBS = -L$(shell $(PG_CONFIG) --pkglibdir)/.. -L$(shell $(PG_CONFIG) --libdir) -L$(shell $(PG_CONFIG) --pkglibdir) \
	-lpgcommon -lpgport -lpthread
buffer_test_SOURCES = $(ROOT)/src/http/buffer.c
