#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/banned.h"

void md_buf_release(struct md_buf *buf)
{
	free(buf->data);
	md_buf_init(buf, buf->max);
}

char *md_buf_take(struct md_buf *buf, size_t *ret_len)
{
	char *data = buf->data;

	*ret_len = buf->len;
	md_buf_init(buf, buf->max);
	return data;
}

bool md_buf_grow(struct md_buf *buf, size_t more)
{
	size_t need, cap = buf->cap < 256 ? 256 : buf->cap;
	char *data;

	if (buf->failed)
		return false;
	if (__builtin_add_overflow(buf->len, more, &need) || need > buf->max) {
		buf->failed = true;
		return false;
	}
	if (need <= buf->cap)
		return true;
	while (cap < need)
		cap *= 2;
	if (cap > buf->max)
		cap = buf->max;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = buf->no_memory = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void md_buf_put_i64(struct md_buf *buf, int64_t value)
{
	char *p = md_buf_room(buf, 20);

	if (p)
		md_buf_wrote(buf, md_i64_to_text(value, p));
}

void md_buf_printf(struct md_buf *buf, const char *fmt, ...)
{
	va_list args;
	int len;
	char *p;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	p = md_buf_room(buf, (size_t)len + 1); /* vsnprintf writes a NUL */
	if (!p)
		return;
	va_start(args, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, args);
	va_end(args);
	md_buf_wrote(buf, (size_t)len);
}

const char *md_buf_text(struct md_buf *buf)
{
	char *p = md_buf_room(buf, 1);

	if (!p)
		return NULL;
	*p = '\0';
	return buf->data;
}
