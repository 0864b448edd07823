/* What each route does; the names stand in routes.def. Each leaves body, type and status in the
 * request. Private to server/. */
#ifndef MD_SERVER_RUN_H
#define MD_SERVER_RUN_H
#include "server/request.h"

md_step_fn md_run_root;       /* documents.c: the relations, as OpenAPI or as a page */
md_step_fn md_run_rows;       /* write.c: a relation, an item; reads and writes */
md_step_fn md_run_read;       /* steps.c: the same, and a relationship; reads */
md_step_fn md_run_live;       /* admin.c */
md_step_fn md_run_ready;      /* admin.c */
md_step_fn md_run_models;     /* documents.c */
md_step_fn md_run_schema;     /* schema.c */
md_step_fn md_run_migrations; /* migrations_http.c */
md_step_fn md_run_metrics;    /* metrics.c */
md_step_fn md_run_pool;       /* pool.c */
md_step_fn md_run_reload;     /* admin.c */
md_step_fn md_run_log;        /* pool.c */
md_step_fn md_run_batch;      /* batch.c */
md_step_fn md_run_begin;      /* transactions.c */
md_step_fn md_run_commit;     /* transactions.c */
md_step_fn md_run_rollback;   /* transactions.c */
#endif
