/*
 * compat.h
 *    Differences between PostgreSQL 14 to 18 and between versions of libcurl, in one place.
 */
#ifndef DREAMSUITE_COMPAT_H
#define DREAMSUITE_COMPAT_H

#if PG_VERSION_NUM < 140000
#error "Dream Suite needs PostgreSQL 14 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Reserves "dreamsuite." for our settings, so that a misspelt one is reported. */
#if PG_VERSION_NUM < 150000
#include "utils/guc.h"
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* What a check hook keeps for its assign hook: the server frees it, from 16 on as memory of its own. */
#if PG_VERSION_NUM >= 160000
#define compat_guc_malloc(size) guc_malloc(LOG, size)
#else
#define compat_guc_malloc(size) malloc(size)
#endif

/* Set-returning functions in materialised mode: the helper of 15 under its older and newer name. */
#if PG_VERSION_NUM >= 160000
#define compat_start_rows(fcinfo) InitMaterializedSRF(fcinfo, 0)
#elif PG_VERSION_NUM >= 150000
#define compat_start_rows(fcinfo) SetSingleFuncCall(fcinfo, 0)
#else
#define compat_start_rows(fcinfo)                                                                            \
	do                                                                                                       \
	{                                                                                                        \
		ReturnSetInfo *rows_ = (ReturnSetInfo *) (fcinfo)->resultinfo;                                       \
		MemoryContext old_;                                                                                  \
		TupleDesc desc_;                                                                                     \
		if (rows_ == NULL || !IsA(rows_, ReturnSetInfo) || !(rows_->allowedModes & SFRM_Materialize))        \
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),                                          \
							errmsg("set-valued function called in context that cannot accept a set")));      \
		old_ = MemoryContextSwitchTo(rows_->econtext->ecxt_per_query_memory);                                \
		if (get_call_result_type(fcinfo, NULL, &desc_) != TYPEFUNC_COMPOSITE)                                \
			elog(ERROR, "return type must be a row type");                                                   \
		rows_->returnMode = SFRM_Materialize;                                                                \
		rows_->setResult =                                                                                   \
			tuplestore_begin_heap((rows_->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);    \
		rows_->setDesc = CreateTupleDescCopy(desc_);                                                         \
		MemoryContextSwitchTo(old_);                                                                         \
	} while (0)
#endif

/* Functions that do not return say so in front, as 18 has it. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* A random number in [0, 1), for jitter. */
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#define compat_random() pg_prng_double(&pg_global_prng_state)
#else
#define compat_random() ((double) random() / ((double) MAX_RANDOM_VALUE + 1))
#endif

/* Wait event sets belong to a resource owner from 17 on; ours lives as long as the process. */
#if PG_VERSION_NUM >= 170000
#define compat_create_wait_event_set(context, n) CreateWaitEventSet(NULL, n)
#else
#define compat_create_wait_event_set(context, n) CreateWaitEventSet(context, n)
#endif

/* The wait event of the network, with its own name from 17 on. */
#if PG_VERSION_NUM >= 170000
#define compat_http_wait_event() (WaitEventExtensionNew("DreamSuiteHttp"))
#else
#define compat_http_wait_event() PG_WAIT_EXTENSION
#endif

/* The process of a virtual transaction, NULL where it has ended. */
#if PG_VERSION_NUM >= 170000
#define compat_proc_of(vxid) ProcNumberGetProc((vxid).procNumber)
#else
#define compat_proc_of(vxid) BackendIdGetProc((vxid).backendId)
#endif

/* May the current user execute the function? */
#if PG_VERSION_NUM >= 160000
#define compat_may_execute(oid)                                                                              \
	(object_aclcheck(ProcedureRelationId, (oid), GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#else
#define compat_may_execute(oid) (pg_proc_aclcheck((oid), GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#endif

/*
 * A function that SQL calls. Everything else in the library is hidden (-fvisibility=hidden), because servers
 * load libraries with RTLD_GLOBAL and our short names would meet those of other extensions.
 */
#define DREAMSUITE_EXPORT __attribute__((visibility("default")))
#define DREAMSUITE_FUNCTION(name)                                                                            \
	extern DREAMSUITE_EXPORT Datum name(PG_FUNCTION_ARGS);                                                   \
	extern DREAMSUITE_EXPORT const Pg_finfo_record *pg_finfo_##name(void);                                   \
	PG_FUNCTION_INFO_V1(name)

#endif
