#include "server/preferences.h"

#include "config/options.h"
#include "server/server.h"

#include "core/base/banned.h"

/* Longer than any name there is. */
enum { ZONE_MAX = 64 };

/* The session's time zone is UTC and stays so. */
static bool is_utc(struct md_str zone)
{
	return md_str_equal_nocase(zone, MD_STR("UTC"));
}

static bool has_zones(const struct md_request *request)
{
	return md_db_has_time_zones(request->loop->server->db);
}

/* A zone is given, and this engine cannot give it. */
static bool is_refused(const struct md_request *request)
{
	struct md_str zone = request->prefer.timezone;

	return md_str_is_given(zone) && !has_zones(request) && !is_utc(zone);
}

static bool allows_tx(const struct md_options *options)
{
	return options->db_tx_end == MD_TX_END_COMMIT_OVERRIDE ||
	       options->db_tx_end == MD_TX_END_ROLLBACK_OVERRIDE;
}

/* The opposite of what is preferred would happen: what was to be tried would be kept. */
static bool is_tx_refused(const struct md_request *request)
{
	const struct md_options *options = request->loop->options;
	bool keeps = options->db_tx_end == MD_TX_END_COMMIT;

	return !allows_tx(options) &&
	       request->prefer.tx == (keeps ? MD_TX_PREFER_ROLLBACK : MD_TX_PREFER_COMMIT);
}

static void put_refused(struct md_buf *list, const char *name, struct md_str value)
{
	md_buf_puts(list, list->len > 0 ? ", " : "");
	md_buf_puts(list, name);
	md_buf_putstr(list, value);
}

static enum md_code fail_preferences(struct md_request *request)
{
	const struct md_prefer *prefer = &request->prefer;
	md_auto_buf list = MD_BUF(MD_DETAILS_MAX);

	for (unsigned i = 0; i < prefer->invalid_count; i++)
		put_refused(&list, "", prefer->invalid[i]);
	if (is_tx_refused(request))
		put_refused(&list, "tx=",
			    prefer->tx == MD_TX_PREFER_COMMIT ? MD_STR("commit")
							      : MD_STR("rollback"));
	if (is_refused(request))
		put_refused(&list, "timezone=", prefer->timezone);
	md_fail(&request->error, MD_INVALID, "PGRST122",
		"Invalid preferences given with handling=strict");
	md_error_details(&request->error, "Invalid preferences: %.*s", (int)list.len,
			 list.data ? list.data : "");
	return MD_INVALID;
}

/* Names (Europe/Rome), offsets (+05:30), POSIX (<+03>-3): what a zone may be made of. It becomes
 * part of a statement's text. */
static bool is_zone(struct md_str zone)
{
	for (size_t i = 0; i < zone.len; i++) {
		char c = zone.ptr[i];

		if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
		    (c == '\0' || !strchr("_+-/:.,<> ", c)))
			return false;
	}
	return zone.len <= ZONE_MAX;
}

/* Whether a zone has this name is for the server to say, in these words. */
static enum md_code set_zone(struct md_request *request)
{
	struct md_str zone = request->prefer.timezone;

	if (!md_str_is_given(zone) || is_refused(request))
		return MD_OK;
	request->applied |= MD_PREFER_TIMEZONE;
	if (!has_zones(request))
		return MD_OK;
	if (!is_zone(zone))
		return md_fail(&request->error, MD_INVALID, "22023",
			       "invalid value for parameter \"TimeZone\": \"%.*s\"",
			       MD_STR_ARG(zone));
	request->prelude = md_db_zone_prelude(request->loop->db, zone, request->arena);
	return request->prelude ? MD_OK : md_fail_nomem(&request->error);
}

enum md_code md_preferences_read(struct md_request *request)
{
	struct md_prefer *prefer = &request->prefer;
	unsigned headers = request->heads.seen[MD_HEAD_PREFER];

	md_prefer_init(prefer);
	if (headers == 0)
		return MD_OK;
	for (unsigned i = 0; i < headers && i < MD_PREFER_HEADERS_MAX; i++)
		md_prefer_parse(prefer, request->heads.prefer[i]);
	if (prefer->handling == MD_HANDLING_STRICT &&
	    (prefer->invalid_count > 0 || is_tx_refused(request) || is_refused(request)))
		return fail_preferences(request);
	if (prefer->handling != MD_HANDLING_NONE)
		request->applied |= MD_PREFER_HANDLING;
	if (prefer->tx != MD_TX_PREFER_NONE && allows_tx(request->loop->options))
		request->applied |= MD_PREFER_TX;
	return set_zone(request);
}
