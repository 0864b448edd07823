/* The body of a write: its bytes as they come in, and then its rows. Bodies of other requests are
 * read and forgotten. Private to server/. */
#ifndef MD_SERVER_UPLOAD_H
#define MD_SERVER_UPLOAD_H
#include "server/request.h"

/** A piece of the body. Kept when the request can be a write; without memory for it the request is
 * turned away later, when it can be answered. */
void md_upload_take(struct md_request *request, const char *data, size_t size);
/** Whether its body is larger than one that is kept in memory, of a kind that need not be. */
bool md_upload_is_bulk(const struct md_request *request);
/** A bulk body has come: its first part into request->write_ask. Again: nothing happens. */
enum md_code md_upload_finish(struct md_request *request);
/** Its file goes. */
void md_upload_drop(struct md_request *request);
/** The whole body, checked, by its Content-Type, into request->write_ask; for a bulk body, which
 * has not come yet, a file. Columns: those that are
 * written (columns=); NULL: whatever it has. */
enum md_code md_upload_open(struct md_request *request, const struct md_str *columns,
			    unsigned column_count);
/** What the body is, by its Content-Type and its beginning; JSON when nothing is said. False:
 * PGRST102, nothing that we read. */
bool md_upload_kind(struct md_request *request, enum md_body_kind *ret_kind);
/** Body and answer share what one request may take; its arena gets `more`. MD413: there is no room
 * for an answer. */
enum md_code md_upload_share(struct md_request *request, size_t more);
struct md_body_limits md_upload_limits(const struct md_request *request);
#endif
