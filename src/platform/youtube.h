/*
 * youtube.h
 *    What the Data API's part of YouTube and the Analytics' share.
 */
#ifndef DREAMSUITE_YOUTUBE_H
#define DREAMSUITE_YOUTUBE_H

#include "postgres.h"

#include "platform/platform.h"

/* Asks the reports of a channel, an entry of channels.list that has its id. */
extern void youtube_ask_reports(RequestPlan *plan, const JsonbContainer *channel);

/* As Platform's failed, for the steps of Analytics: asks a refused report with less. */
extern bool youtube_report_failed(RequestPlan *plan, const Request *request, const Verdict *verdict,
								  const JsonbContainer *channel);

/* Sets what the reports say of the channel's life, and notes it for earlier days. Returns the shares. */
extern int64 youtube_read_reports(const Responses *responses, Normalised *out);

#endif
