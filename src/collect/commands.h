/*
 * commands.h
 *    What the functions that talk to the collector share.
 */
#ifndef DREAMSUITE_COMMANDS_H
#define DREAMSUITE_COMMANDS_H

/*
 * SPI_execute_with_args() with a search_path that the caller cannot bend. collect() commits between its statements, so that
 * none can be set for the whole of it. SPI is connected; returns its result.
 */
extern int
command_run(const char *sql, int count, Oid *types, Datum *values, const char *nulls, bool read_only);

#endif
