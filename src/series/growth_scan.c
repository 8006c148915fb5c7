/*
 * growth_scan.c
 *    growth() in FROM without a copy of its answer.
 *
 * The server collects what a function in FROM returns before it reads the first row: ten million rows of growth()
 * would be written to a temporary file and read again, which takes longer than everything else. Where growth() stands
 * alone as an item of FROM, a custom scan gives its rows one by one instead. Both ways answer the same.
 *
 * The planner finds the way here by the function's support function, which also makes sure that the library is loaded
 * in time.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "executor/nodeCustom.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "series/growth.h"
#include "series/query.h"

typedef struct GrowthScan
{
	CustomScanState css;
	List *args;            /* ExprState * of the arguments */
	uint32 wanted;         /* columns that are read */
	MemoryContext context; /* of one execution */
	Growth *growth;        /* NULL: not begun */
	QueryDesc *query;
	bool at_end; /* of the query */
} GrowthScan;

extern DREAMSUITE_EXPORT Datum dreamsuite_growth(PG_FUNCTION_ARGS);

static set_rel_pathlist_hook_type next_pathlist_hook = NULL;

/* ---- Running ---- */

/* Plans the query with the rights of the caller and starts it. */
static void
start_query(GrowthScan *self, const GrowthArgs *args)
{
	EState *outer = self->css.ss.ps.state;
	MemoryContext before;
	ParamListInfo params;
	char *sql = growth_query(args, &params);
	Oid types[FUNC_MAX_ARGS];
	SPIPlanPtr plan;
	CachedPlan *cached;
	PlannedStmt *statement;
	int nest;

	for (int i = 0; i < params->numParams; i++)
		types[i] = params->params[i].ptype;
	nest = query_begin();
	plan = SPI_prepare_cursor(sql, params->numParams, types, CURSOR_OPT_PARALLEL_OK);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query of growth(): %s", SPI_result_code_string(SPI_result));
	cached = GetCachedPlan(linitial(SPI_plan_get_plan_sources(plan)), params, NULL, NULL);
	before = MemoryContextSwitchTo(self->context);
	statement = copyObject(linitial_node(PlannedStmt, cached->stmt_list));
	MemoryContextSwitchTo(before);
	ReleaseCachedPlan(cached, NULL);
	query_end(nest);

	self->query =
		CreateQueryDesc(statement, sql, outer->es_snapshot, InvalidSnapshot, None_Receiver, params, NULL, 0);
	ExecutorStart(self->query, EXEC_FLAG_SKIP_TRIGGERS);
	/* workers may help where the statement around us has entered parallel mode, and never else */
	self->query->estate->es_use_parallel_mode = outer->es_use_parallel_mode && statement->parallelModeNeeded;
}

static void
begin_rows(GrowthScan *self)
{
	ExprContext *econtext = self->css.ss.ps.ps_ExprContext;
	MemoryContext before = MemoryContextSwitchTo(self->context);
	NullableDatum values[GROWTH_ARGS];
	GrowthArgs args;
	ListCell *cell;

	foreach (cell, self->args)
	{
		NullableDatum *value = &values[foreach_current_index(cell)];

		value->value = ExecEvalExpr((ExprState *) lfirst(cell), econtext, &value->isnull);
	}
	args = growth_args(values);
	start_query(self, &args);
	self->growth = growth_begin(&args);
	MemoryContextSwitchTo(before);
}

static void
end_rows(GrowthScan *self)
{
	if (self->query)
	{
		QueryDesc *query = self->query;

		self->query = NULL;
		ExecutorFinish(query);
		ExecutorEnd(query);
		FreeQueryDesc(query);
	}
	self->growth = NULL;
	self->at_end = false;
	if (self->context)
		MemoryContextReset(self->context);
}

static TupleTableSlot *
next_slot(ScanState *state)
{
	GrowthScan *self = (GrowthScan *) state;
	TupleTableSlot *slot = state->ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (self->growth == NULL)
		begin_rows(self);
	for (;;)
	{
		EState *inner = self->query->estate;
		TupleTableSlot *row;
		MemoryContext before;
		Datum datum;
		bool isnull;

		if (growth_give(self->growth, slot->tts_values, slot->tts_isnull, self->wanted))
			return ExecStoreVirtualTuple(slot);
		if (self->at_end)
			return slot;

		ResetPerTupleExprContext(inner);
		before = MemoryContextSwitchTo(inner->es_query_cxt);
		row = ExecProcNode(self->query->planstate);
		MemoryContextSwitchTo(before);
		if (TupIsNull(row))
		{
			growth_end(self->growth);
			self->at_end = true;
			continue;
		}
		datum = slot_getattr(row, 1, &isnull);
		growth_take(self->growth, datum, isnull);
	}
}

/* There is no row of a table that could have changed. */
static bool
recheck_slot(ScanState *state, TupleTableSlot *slot)
{
	return true;
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, next_slot, recheck_slot);
}

static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	GrowthScan *self = (GrowthScan *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	FuncExpr *call = linitial_node(FuncExpr, plan->custom_exprs);

	self->args = ExecInitExprList(call->args, &node->ss.ps);
	self->wanted = (uint32) intVal(linitial(plan->custom_private));
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	if (!compat_may_execute(call->funcid))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(call->funcid));
	self->context =
		AllocSetContextCreate(estate->es_query_cxt, "dreamsuite growth scan", ALLOCSET_DEFAULT_SIZES);
}

static void
rescan(CustomScanState *node)
{
	end_rows((GrowthScan *) node);
	ExecScanReScan(&node->ss);
}

static void
end_scan(CustomScanState *node)
{
	end_rows((GrowthScan *) node);
}

/* No more rows are wanted: let the workers go. */
static void
shutdown_scan(CustomScanState *node)
{
	GrowthScan *self = (GrowthScan *) node;

	if (self->query)
		(void) ExecShutdownNode(self->query->planstate);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "DreamSuiteGrowth",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ShutdownCustomScan = shutdown_scan,
};

/* ---- Planning ---- */

static Node *
create_state(CustomScan *scan)
{
	GrowthScan *self = (GrowthScan *) newNode(sizeof(GrowthScan), T_CustomScanState);

	self->css.methods = &exec_methods;
	return (Node *) self;
}

static const CustomScanMethods scan_methods = {
	.CustomName = "DreamSuiteGrowth",
	.CreateCustomScanState = create_state,
};

static Plan *
plan_path(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses,
		  List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);
	FuncExpr *call = linitial_node(FuncExpr, path->custom_private);
	TupleDesc desc = get_expr_result_tupdesc((Node *) call, false);
	List *quals = extract_actual_clauses(clauses, false);
	Bitmapset *columns = NULL;
	uint32 wanted = 0;
	int column = -1;

	/* the target list may be put in place later, by a projection above: what the relation is asked for counts */
	pull_varattnos((Node *) tlist, rel->relid, &columns);
	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &columns);
	pull_varattnos((Node *) quals, rel->relid, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
		wanted |= 1 << (column + FirstLowInvalidHeapAttributeNumber - 1);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = quals;
	scan->scan.scanrelid = 0;
	scan->flags = path->flags;
	scan->custom_exprs = list_make1(copyObject(call));
	scan->custom_private = list_make1(makeInteger((int) wanted));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Var *var =
			makeVar(rel->relid, i + 1, attribute->atttypid, attribute->atttypmod, attribute->attcollation, 0);

		scan->custom_scan_tlist =
			lappend(scan->custom_scan_tlist, makeTargetEntry((Expr *) var, i + 1, NULL, false));
	}
	scan->methods = &scan_methods;

	/* the query inside may use workers where every other statement of this kind might */
	if (root->glob->parallelModeOK)
		root->glob->parallelModeNeeded = true;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "DreamSuiteGrowth",
	.PlanCustomPath = plan_path,
};

/* The call of growth() that the item of FROM consists of; NULL where it is anything else. */
static FuncExpr *
growth_call(const RangeTblEntry *rte)
{
	RangeTblFunction *function;
	FuncExpr *call;
	FmgrInfo info;
	char *name;

	if (rte->rtekind != RTE_FUNCTION || rte->funcordinality || list_length(rte->functions) != 1)
		return NULL;
	function = linitial_node(RangeTblFunction, rte->functions);
	if (!IsA(function->funcexpr, FuncExpr) || function->funccolnames != NIL)
		return NULL;
	call = (FuncExpr *) function->funcexpr;
	if (!call->funcretset || list_length(call->args) != GROWTH_ARGS || call->funcid < FirstNormalObjectId)
		return NULL;
	/* the name first: nothing of other functions is to be loaded here */
	name = get_func_name(call->funcid);
	if (name == NULL || strcmp(name, "growth") != 0)
		return NULL;
	fmgr_info(call->funcid, &info);
	return info.fn_addr == dreamsuite_growth ? call : NULL;
}

/* Is the row as a whole asked for? Then there is no list of columns to give. */
static bool
needs_whole_row(const RelOptInfo *rel)
{
	Bitmapset *columns = NULL;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &columns);
	pull_varattnos((Node *) extract_actual_clauses(rel->baserestrictinfo, false), rel->relid, &columns);
	return bms_is_member(-FirstLowInvalidHeapAttributeNumber, columns);
}

static void
add_growth_path(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	FuncExpr *call;
	CustomPath *path;

	if (next_pathlist_hook)
		next_pathlist_hook(root, rel, rti, rte);
	if (rel->reloptkind != RELOPT_BASEREL || !bms_is_empty(rel->lateral_relids))
		return;
	call = growth_call(rte);
	if (call == NULL || needs_whole_row(rel))
		return;

	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.rows = rel->rows;
	/* the work of the function, but no copy of its rows */
	path->path.startup_cost = 0;
	path->path.total_cost = rel->tuples * cpu_tuple_cost * 0.5;
#ifdef CUSTOMPATH_SUPPORT_PROJECTION
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
#endif
	path->custom_private = list_make1(call);
	path->methods = &path_methods;
	add_path(rel, &path->path);
}

void
growth_scan_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	next_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_growth_path;
}

DREAMSUITE_FUNCTION(dreamsuite_growth_support);

/* Support function of growth(). That it was called is what counts: the library is loaded now. */
Datum
dreamsuite_growth_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}
