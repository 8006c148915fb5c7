/*
 * schedule.c
 *    The schedule in pg_cron ends with the extension.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "catalog/pg_extension.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"

DREAMSUITE_FUNCTION(dreamsuite_unschedule_before_drop);

/* The owner of the extension; InvalidOid where it is not installed. */
static Oid
extension_owner(void)
{
	Oid owner = InvalidOid;
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(get_extension_oid("dreamsuite", true)));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

/* Would the command take the extension with it? A command that fails afterwards takes the answer back as well. */
static bool
drops_extension(const Node *command)
{
	ListCell *cell;

	if (IsA(command, DropStmt))
	{
		const DropStmt *drop = (const DropStmt *) command;

		if (drop->removeType == OBJECT_SCHEMA && drop->behavior != DROP_CASCADE)
			return false;
		foreach (cell, drop->objects)
		{
			const Node *name = lfirst(cell);

			if (IsA(name, String) && strcmp(strVal(name), DREAMSUITE_SCHEMA) == 0)
				return true;
		}
	}
	if (IsA(command, DropOwnedStmt))
	{
		Oid owner = extension_owner();

		foreach (cell, ((const DropOwnedStmt *) command)->roles)
		{
			if (get_rolespec_oid(lfirst(cell), true) == owner)
				return true;
		}
	}
	return false;
}

/* unschedule_before_drop() returns event_trigger, on ddl_command_start */
Datum
dreamsuite_unschedule_before_drop(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("unschedule_before_drop() is called by its event trigger alone"),
						errhint("See dreamsuite.unschedule_collection().")));
	if (drops_extension(((EventTriggerData *) fcinfo->context)->parsetree))
	{
		SPI_connect();
		if (SPI_execute("SELECT dreamsuite.unschedule_collection()", false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not end the schedule");
		SPI_finish();
	}
	PG_RETURN_NULL();
}
