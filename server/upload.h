/* The body of a write: its bytes as they come in, and then its rows. Bodies of other requests are
 * read and forgotten. Private to server/. */
#ifndef MD_SERVER_UPLOAD_H
#define MD_SERVER_UPLOAD_H
#include "server/request.h"

/** A piece of the body. Kept when the request can be a write; without memory for it the request is
 * turned away later, when it can be answered. */
void md_upload_take(struct md_request *request, const char *data, size_t size);
/** The whole body, checked, by its Content-Type, into request->write_ask. Columns: those that are
 * written (columns=); NULL: whatever it has. */
enum md_code md_upload_open(struct md_request *request, const struct md_str *columns,
			    unsigned column_count);
#endif
