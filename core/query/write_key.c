/* The key of a write's plan: everything that its text depends on. */
#include "core/query/plan.h"

#include "core/base/banned.h"

static void put_str(struct md_buf *key, struct md_str s)
{
	int64_t len = s.ptr ? (int64_t)s.len : -1;

	md_buf_put(key, &len, sizeof(len));
	md_buf_put(key, s.ptr, s.len);
}

static void put_fields(struct md_buf *key, const struct md_field *const *fields, unsigned count)
{
	md_buf_put(key, &count, sizeof(count));
	for (unsigned i = 0; i < count; i++)
		md_buf_put(key, &fields[i]->index, sizeof(fields[i]->index));
}

enum md_code md_write_plan_key(const struct md_write_request *request, struct md_buf *key,
			       struct md_walk *ret_walk, struct md_error *err)
{
	const struct md_plan_request read = { .route = request->item ? MD_READ_ITEM : MD_READ_LIST,
					      .model = request->model,
					      .query = request->query,
					      .strip_nulls = request->strip_nulls };
	unsigned char head[4] = { (unsigned char)request->kind, (unsigned char)request->give,
				  (unsigned char)request->resolution, request->missing_default };

	put_str(key, MD_STR("write"));
	md_buf_put(key, head, sizeof(head));
	put_fields(key, request->fields, request->field_count);
	put_fields(key, request->conflict, request->conflict_count);
	put_fields(key, request->lacking, request->lacking_count);
	return md_plan_key(&read, key, ret_walk, err);
}
