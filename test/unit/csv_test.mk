csv_test_SOURCES = $(ROOT)/src/imports/csv.c $(ROOT)/src/imports/cell.c
