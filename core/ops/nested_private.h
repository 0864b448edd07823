/* Private to core/ops: what the files of a nested write share.
 *
 *   nested_read.c    the body becomes a tree of groups
 *   nested_check.c   all that is wrong with it, with pointers
 *   nested_plan.c    which steps there are, in which order
 *   nested_text.c    bodies, keys and filters of the steps
 *   nested_steps.c   each step: a write or a read; some have files of their own:
 *   nested_update.c, nested_links.c, nested_show.c
 *   nested.c         beginning, end, and from step to step
 *
 * A group is everything that stands at one place of the tree: all posts of all users of a body.
 * Rows of a group are written together, so there are as many statements as there are places, not
 * rows. Rows are spans of the body; what is known of them afterwards, keys, are spans of answers:
 * values go from there into the next body as they are written. */
#ifndef MD_CORE_OPS_NESTED_PRIVATE_H
#define MD_CORE_OPS_NESTED_PRIVATE_H
#include "core/ops/chain.h"
#include "core/ops/check.h"
#include "core/ops/nested.h"
#include "core/ops/write_private.h"

/** What becomes of a row. */
enum md_nest_kind {
	MD_NEST_CREATE,
	MD_NEST_MERGE,     /* created, or changed when its key is there */
	MD_NEST_MERGE_ONE, /* the same by the foreign key: of a one-to-one relationship */
	MD_NEST_CHANGE,    /* it is there, and gets values */
	MD_NEST_LINK,      /* it is there, and stays as it is */
	MD_NEST_KINDS
};
/** What lists mean: POST and PATCH add to what is there, PUT says what is there. */
enum md_nest_mode { MD_NEST_ADD, MD_NEST_EDIT, MD_NEST_SET, MD_NEST_REMOVE };

struct md_nest_row {
	struct md_str text;  /* the object, as it was sent */
	struct md_str known; /* an object with all that others need of it; not given: not yet */
	unsigned parent;     /* its row in the group above */
	unsigned place;      /* in its list */
	enum md_nest_kind kind;
};

struct md_nest_group {
	struct md_nest_group *up, *first, **end, *next; /* parent, children, sibling */
	const struct md_relation *via;                  /* from the parent's model; NULL: root */
	const struct md_model *model;
	struct md_str name; /* of the member */
	struct md_nest_row *rows;
	unsigned count, room;
	unsigned *givers; /* rows of the parent that have the member, ascending */
	unsigned giver_count, giver_room;
	bool *given; /* by field: some row has it */
	const struct md_field **needed;
	unsigned needed_count;
	unsigned depth;
	unsigned kinds[MD_NEST_KINDS]; /* how many rows of each */
	bool in_path;                  /* it is the row of the path, and its body has no columns */
	bool refused;                  /* it cannot be written, and that has been said */
	bool looks;                    /* what is needed of rows that are there has to be read */
};

enum md_nest_act {
	MD_NEST_LOOK_ROOT,
	MD_NEST_WRITE_ROOT,
	MD_NEST_LOOK,   /* at rows that are there */
	MD_NEST_CLEAR,  /* unlink what is not in a list that is set */
	MD_NEST_INSERT, /* those to be created; … */
	MD_NEST_UPSERT, /* … merged by key … */
	MD_NEST_UPSERT_ONE,
	MD_NEST_UPDATE, /* changed, and linked */
	MD_NEST_JOIN,   /* rows of the junction */
	MD_NEST_CUT,    /* a link that was named */
	MD_NEST_SHOW    /* what is given back */
};
struct md_nest_step {
	enum md_nest_act act;
	struct md_nest_group *group;
};

struct md_nested;
typedef void md_nest_taken_fn(struct md_nested *nest);

struct md_nested {
	struct md_write *write; /* what the caller sees: its ask, state, error, result */
	struct md_ops *ops;
	struct md_generation *generation;
	struct md_arena *arena; /* of the tree and what becomes known */
	struct md_arena *work;  /* of the step at work */
	struct md_buf text;     /* body of the step at work */
	struct md_buf out;      /* its answer */
	struct md_buf shown;    /* all pieces of the answer of a read */
	struct md_buf lines;    /* a body that was lines of JSON, as one list */
	struct md_nest_group *root;
	struct md_nest_group *base; /* the group that the path names; NULL: it names rows */
	bool root_list;             /* the body is a list */
	enum md_nest_mode mode;
	unsigned rows; /* of all groups */
	struct md_findings findings;
	struct md_nest_step *steps;
	unsigned step_count, step_room, step;
	unsigned at; /* place in the step: a row, or a giver */
	/* The step at work. */
	struct md_write *writing;
	struct md_read *reading;
	struct md_chain *chain;
	md_nest_taken_fn *taken;
	unsigned *map; /* rows of its body → rows of the group */
	unsigned map_count;
	struct md_buf *outs;         /* answers of a chain */
	struct md_nest_group *blame; /* whom an error is about */
	struct md_session *session;
	bool own_session, marked, starting, finished, cancelled, failed;
	bool has_step; /* something runs */
	struct md_error error;
};

/* --- nested_read.c --- */

/** The tree of `body`, JSON that is known to be well-formed. MD413: too large, too deep; mistakes
 * go to nest->findings. */
enum md_code md_nest_read(struct md_nested *nest, struct md_str body, struct md_error *err);
/** Whether the foreign key of `via` (as a child's relation) stands in the child. */
static inline bool md_nest_is_below(const struct md_relation *via)
{
	return via && !via->here && !via->junction;
}
/** Whether `field` of a group's rows is given by its relation. */
bool md_nest_is_inherited(const struct md_nest_group *group, const struct md_field *field);
/** Rows of the group that belong to this row of its parent: *ret_end is behind the last. */
unsigned md_nest_rows_of(const struct md_nest_group *group, unsigned parent, unsigned *ret_end);
bool md_nest_is_given(const struct md_nest_group *group, unsigned parent);

/* --- nested_check.c --- */

/** All groups of declared models. MD_NOMEM. */
enum md_code md_nest_check(struct md_nested *nest, struct md_error *err);
/** The pointer of a row of the body as it was sent. */
void md_nest_put_row(const struct md_nested *nest, const struct md_nest_group *group, unsigned row,
		     struct md_buf *out);
/** … of a member of a row of its parent. */
void md_nest_put_list(const struct md_nested *nest, const struct md_nest_group *group,
		      unsigned parent, struct md_buf *out);
/** A mistake at the member, or in a row (`row` true). */
void md_nest_add_finding(struct md_nested *nest, const struct md_nest_group *group, bool row,
			 unsigned number, const struct md_error *problem);
/** Give the error the pointer of a row, or of a list. */
void md_nest_point(struct md_nested *nest, const struct md_nest_group *group, bool row,
		   unsigned number, struct md_error *err);
/** An error of the write at work: find the row that it is about. */
void md_nest_blame(struct md_nested *nest, const struct md_nest_group *group, struct md_error *err);

/* --- nested_plan.c --- */

/** What each group needs, and the steps. */
enum md_code md_nest_plan(struct md_nested *nest, struct md_error *err);

/* --- nested_text.c --- */

struct md_nest_columns {
	struct md_str *names;
	unsigned count;
};
/** The columns that bodies of this group have. False: no memory. */
bool md_nest_columns(struct md_nested *nest, const struct md_nest_group *group,
		     struct md_nest_columns *ret_columns);
/** The object of a row with its foreign keys; `keyless`: without its key. False: it is empty. */
bool md_nest_put_object(const struct md_nest_group *group, unsigned row, bool keyless,
			struct md_buf *out);
/** The members of a row that are columns, and nothing else. */
void md_nest_put_plain(const struct md_nest_group *group, struct md_str text, bool keyless,
		       struct md_buf *out);
/** "name":value, behind a comma when it is not the first. */
void md_nest_put_member(struct md_buf *out, struct md_str name, struct md_str value);
/** nest->text as a body of these columns (NULL: what it has). */
enum md_code md_nest_open(struct md_nested *nest, const struct md_nest_columns *columns,
			  const struct md_body **ret_body, struct md_error *err);
/** The same of another text. */
enum md_code md_nest_open_text(struct md_nested *nest, struct md_str text,
			       const struct md_nest_columns *columns,
			       const struct md_body **ret_body, struct md_error *err);
/** The value of a field that a row is known by; "null" when there is none. */
struct md_str md_nest_value(struct md_str object, const struct md_field *field);
/** The key of a row, as texts. NULL: no memory. */
const struct md_str *md_nest_key(struct md_nested *nest, const struct md_nest_group *group,
				 unsigned row);
/** A copy of `text` that stays. not given: no memory. */
struct md_str md_nest_keep(struct md_nested *nest, struct md_str text);

/** A query that selects what is needed of a group's rows. NULL: no memory. */
struct md_query *md_nest_query(struct md_nested *nest, const struct md_nest_group *group);
/** field = value, or not given: field is null. False: no memory. */
bool md_nest_where(struct md_nested *nest, struct md_query *query, const struct md_field *field,
		   struct md_str value);
/** The rows `objects` by `fields`, negated or not. False: no memory. */
bool md_nest_where_in(struct md_nested *nest, struct md_query *query,
		      const struct md_field *const *fields, unsigned field_count,
		      const struct md_str *objects, unsigned count, bool negated);

/* --- nested_steps.c --- */

/** Begin what comes next in the step at hand. True: it runs, and md_nest_went_on() or
 * md_nest_fail() follow. False: there is no more to do in it, or nest->failed. */
bool md_nest_start_step(struct md_nested *nest);
/** nested_update.c, nested_links.c, nested_show.c: the same. */
bool md_nest_update(struct md_nested *nest, struct md_nest_group *group);
bool md_nest_clear(struct md_nested *nest, struct md_nest_group *group);
bool md_nest_join(struct md_nested *nest, struct md_nest_group *group);
bool md_nest_cut(struct md_nested *nest, struct md_nest_group *group);
bool md_nest_show(struct md_nested *nest, struct md_nest_group *group);
/** Parts of asks that are the same in all steps. */
struct md_write_ask md_nest_write_ask(struct md_nested *nest, enum md_write_kind kind,
				      const struct md_model *model);
/** Run a write. False: it could not begin, and nest->failed. `taken` is called when it is done. */
bool md_nest_start_write(struct md_nested *nest, const struct md_write_ask *ask,
			 md_nest_taken_fn *taken);
/** The same of a read: route, model, key, query, and what it is written as, are given; its answer
 * is in nest->shown. */
bool md_nest_start_read(struct md_nested *nest, const struct md_read_request *what,
			md_nest_taken_fn *taken);
bool md_nest_fail_nomem(struct md_nested *nest);
/** While a step is prepared, the models are those that the request was made for: returns what has
 * to be put back to nest->ops->newest. */
struct md_generation *md_nest_enter(struct md_nested *nest);
/** An empty map with room for `most` rows. False: nest->failed. */
bool md_nest_make_map(struct md_nested *nest, unsigned most);
/** A copy of `object` is what is known of the row. False: nest->failed. */
bool md_nest_know(struct md_nested *nest, struct md_nest_row *row, struct md_str object);
/** Rows of nest->out, a JSON list, become what is known of the rows of the map. */
void md_nest_take_rows(struct md_nested *nest, struct md_nest_group *group);

/* --- nested.c --- */

/** The step at hand has gone on by one; begin what is next. */
void md_nest_went_on(struct md_nested *nest);
/** Nothing of it is to happen. `err` may be nest->error. */
void md_nest_fail(struct md_nested *nest, const struct md_error *err);
#endif
