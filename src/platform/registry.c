/*
 * registry.c
 *    The eleven platforms, and how their fields and steps are found by name.
 */
#include "postgres.h"

#include "dreamsuite.h"

#include "lib/stringinfo.h"

#include "platform/platform.h"

const Platform *const platforms[] = {
	&platform_instagram, &platform_facebook,     &platform_spotify, &platform_youtube,
	&platform_tiktok,    &platform_soundcloud,   &platform_twitter, &platform_apple_music,
	&platform_deezer,    &platform_amazon_music, &platform_tidal,   NULL,
};

const Platform *
platform_find(const char *name)
{
	for (int i = 0; platforms[i] != NULL; i++)
	{
		if (strcmp(platforms[i]->name, name) == 0)
			return platforms[i];
	}
	return NULL;
}

const Platform *
platform_get(const char *name)
{
	const Platform *platform = platform_find(name);

	if (platform == NULL)
	{
		StringInfoData names;

		initStringInfo(&names);
		for (int i = 0; platforms[i] != NULL; i++)
			appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ", platforms[i]->name);
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown platform \"%s\"", name),
						errdetail("The platforms are %s.", names.data),
						errhint("See the view dreamsuite.platforms.")));
	}
	return platform;
}

int
platform_index(const Platform *platform)
{
	int i = 0;

	while (platforms[i] != platform)
		i++;
	return i;
}

int
platform_field_index(const Platform *platform, const char *name)
{
	for (int i = 0; platform->fields[i].name != NULL; i++)
	{
		if (strcmp(platform->fields[i].name, name) == 0)
			return i;
	}
	return -1;
}

const FieldDef *
platform_field(const Platform *platform, const char *name)
{
	int i = platform_field_index(platform, name);

	return i < 0 ? NULL : &platform->fields[i];
}

char *
platform_field_names(const Platform *platform)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; platform->fields[i].name != NULL; i++)
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ", platform->fields[i].name);
	return names.data;
}

const StepDef *
platform_step(const Platform *platform, const char *name)
{
	for (const StepDef *step = platform->steps; step != NULL && step->name != NULL; step++)
	{
		if (strcmp(step->name, name) == 0)
			return step;
	}
	return NULL;
}

double
step_cost(const StepDef *step)
{
	return step->cost != 0 ? step->cost : 1;
}

double
step_quota_cost(const Platform *platform, const StepDef *step)
{
	const char *bucket = step->bucket != NULL ? step->bucket : step->host;

	if (platform->quota != NULL && bucket != NULL && strcmp(bucket, platform->quota->bucket) != 0)
		return 0;
	return step_cost(step);
}
