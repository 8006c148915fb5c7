/*
 * srf.h
 *    Functions in FROM that collect their rows in a tuplestore.
 */
#ifndef DREAMSUITE_SRF_H
#define DREAMSUITE_SRF_H

#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"

/* Sets up the result; InitMaterializedSRF() of servers newer than 14. */
static inline ReturnSetInfo *
srf_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext before;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("function was called where a set of rows is not accepted"),
						errhint("Call it in FROM.")));
	before = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &info->setDesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function must return rows");
	info->setDesc = BlessTupleDesc(info->setDesc);
	info->setResult =
		tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(before);
	return info;
}

#endif
