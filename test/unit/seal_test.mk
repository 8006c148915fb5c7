SECRETS = $(ROOT)/src/secrets/envelope.c $(ROOT)/src/secrets/keyfile.c
seal_test_SOURCES = $(SECRETS)
seal_test_LIBS = -lsodium
