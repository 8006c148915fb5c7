claims_test_SOURCES = $(addprefix $(ROOT)/src/agent/,claims.c claim_number.c text.c calendar.c)
