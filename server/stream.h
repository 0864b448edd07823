/* Answers too large for one buffer: pieces from the database go to the library as it asks for
 * them. The producer stops while a piece is unsent; the connection is suspended while there is
 * none. A failure after the first byte resets the connection: the answer must not look complete.
 * Private to server/. */
#ifndef MD_SERVER_STREAM_H
#define MD_SERVER_STREAM_H
#include "server/request.h"

/** A response of unknown length that reads from the request. NULL: no memory. */
struct MHD_Response *md_stream_response(struct md_request *request);
#endif
