/* Private to core/model: what the files of the rules share. */
#ifndef MD_CORE_MODEL_RULES_PRIVATE_H
#define MD_CORE_MODEL_RULES_PRIVATE_H
#include "core/base/str.h"
#include "core/model/define.h"

/** Whether a JSON text is a list of values of `items`; NULL is everywhere allowed. 22P02 and 22003
 * in PostgreSQL's words when it is none. */
enum md_code md_rules_check_array(enum md_def_type items, struct md_str json, struct md_error *err);
/** 22003 when a whole number does not fit its type. */
enum md_code md_rules_check_range(enum md_def_type type, int64_t number, struct md_error *err);
#endif
