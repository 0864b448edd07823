/* Forms that a text can have by its field's `format`. Leaf module, no state, any thread. */
#ifndef MD_CORE_MODEL_FORMAT_H
#define MD_CORE_MODEL_FORMAT_H
#include "core/model/define.h"

/** Whether the text, well-formed UTF-8, has this form. */
bool md_format_fits(enum md_def_format format, struct md_str text);
#endif
