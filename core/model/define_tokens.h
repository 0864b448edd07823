/* Only for define_shorthand.c: the tokens of a shorthand, one at a time, and its first mistake,
 * which is told with the token it is about. A parser is its caller's, on the stack; texts that are
 * taken are copies in the arena of the result. Once it has failed nothing is taken any more, so it
 * is enough to look at `failed` at the end. One thread. */
#ifndef MD_CORE_MODEL_DEFINE_TOKENS_H
#define MD_CORE_MODEL_DEFINE_TOKENS_H
#include "core/model/define_private.h"

enum md_token {
	MD_T_END,
	MD_T_NAME,
	MD_T_NUMBER,
	MD_T_STRING, /* in single quotes */
	MD_T_ARROW,  /* -> */
	MD_T_LINK,   /* <-> */
	MD_T_LIST,   /* [] */
	MD_T_OPEN,
	MD_T_CLOSE,
	MD_T_COMMA,
	MD_T_DOT,
	MD_T_OPTIONAL, /* ? */
	MD_T_EQUALS,
	MD_T_BAD
};

struct md_tokens {
	struct md_def_loader *loader;
	const struct md_def_here *at;
	const char *text;
	size_t pos; /* behind the token */
	enum md_token token;
	struct md_str word; /* the token's text */
	bool failed;
};

/** Begin with the first token of `text`, which stands at `at`. */
void md_tokens_start(struct md_tokens *p, struct md_def_loader *loader,
		     const struct md_def_here *at, const char *text);
/** Go on to the next token. */
void md_tokens_next(struct md_tokens *p);
/** A mistake at `word`. Only the first is told. */
void md_tokens_wrong(struct md_tokens *p, enum md_def_code code, struct md_str word,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** The mistake that the token is not `what`. */
void md_tokens_expected(struct md_tokens *p, const char *what);
/** Pass over this token. False: it is another, which is a mistake; `what` was expected. */
bool md_tokens_take(struct md_tokens *p, enum md_token token, const char *what);
/** The same; another is no mistake. */
bool md_tokens_take_if(struct md_tokens *p, enum md_token token);
/** Is the token this name? */
bool md_tokens_at_word(const struct md_tokens *p, const char *text);
/** Take a name. NULL: it is none, which is a mistake. */
const char *md_tokens_take_name(struct md_tokens *p, const char *what);
/** Take a number or a string. MD_DEF_NO_VALUE: it is neither, which is a mistake. */
struct md_def_value md_tokens_take_value(struct md_tokens *p, const char *what);
/** What stands between the quotes of a string. Never NULL. */
const char *md_tokens_unquote(struct md_tokens *p, struct md_str word);
#endif
