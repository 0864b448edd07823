/* Mistakes that people make who know SQL or another format, and slips of the finger: what is told
 * says what to write instead, and one mistake hides no other. */
#include "core/model/define.h"

#include "tests/support/suite.h"

static const struct {
	const char *name, *text, *told;
} cases[] = {
	/* clang-format off */
	{ "keys that stand twice hide nothing",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"tex\"}},\n"
	  "\"A\":{\"fields\":{\"y\":\"int\"}},\n"
	  "\"B\":{\"fields\":{\"y\":\"int\",\n"
	  "\"y\":{\"type\":\"text\",\"enum\":[{\"}\":\"]\"}]},\"z\":\"txet\"}}}}",
	  "m.json:1: M120 /models/A/fields/x: unknown type \"tex\"\n"
	  "    tex\n"
	  "    ^~~\n"
	  "    did you mean \"text\"?\n"
	  "m.json:2: M103 /models/A: \"A\" is there twice, first in line 1\n"
	  "m.json:4: M103 /models/B/fields/y: \"y\" is there twice, first in line 3\n"
	  "m.json:4: M120 /models/B/fields/z: unknown type \"txet\"\n"
	  "    txet\n"
	  "    ^~~~\n"
	  "    did you mean \"text\"?\n" },
	{ "a key that stands twice, written otherwise",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\",\"\\u0078\":\"int\"}}}}",
	  "m.json:1: M103 /models/A/fields/x: \"x\" is there twice\n" },
	{ "a key that stands twice, without a value",
	  "{\"version\":1,\n"
	  "\"models\":{},\"models\":[}",
	  "m.json:2: M103 /models: \"models\" is there twice, first in line 2\n" },
	{ "a key with a slash that stands twice",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{},\"checks\":[{\"sql\":\"a\"},{\"a/b\""
	  ":1,\"a/b\":2}]}}}",
	  "m.json:1: M103 /models/A/checks/1/a~1b: \"a/b\" is there twice, first in line 1\n"
	  "m.json:1: M102 /models/A/checks/1/a~1b: unknown key \"a/b\"\n"
	  "m.json:1: M105 /models/A/checks/1: \"sql\" is missing\n" },
	{ "another syntax",
	  "{'version':1}",
	  "m.json:1: M101 string or '}' expected near '''\n"
	  "    keys and texts stand in double quotes\n" },
	{ "another syntax of keys",
	  "{version:1}",
	  "m.json:1: M101 string or '}' expected near 'version'\n"
	  "    keys and texts stand in double quotes\n" },
	{ "another syntax of comments",
	  "{\"version\":1, # one\n"
	  "\"models\":{}}",
	  "m.json:1: M101 string or '}' expected near '#'\n"
	  "    comments begin with //, or stand between /* and */\n" },
	{ "NUL in a text",
	  "{\"version\":1,\"models\":{\"A\\u0000\":{}}}",
	  "m.json:1: M101 \\u0000 cannot stand in a text\n" },
	{ "a number too long",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"bigint\",\"default\""
	  ":99999999999999999999}}}}}",
	  "m.json:1: M101 too big integer near '99999999999999999999'\n"
	  "    a number of so many digits is written as a text\n" },
	{ "types of SQL",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"varchar(20)\",\"b\":{\"type\":"
	  "\"JSONB\"},\"c\":\"array(int4)\",\"d\":\"itn\"}}}}",
	  "m.json:1: M120 /models/A/fields/a: unknown type \"varchar\"\n"
	  "    varchar(20)\n"
	  "    ^~~~~~~\n"
	  "    did you mean \"string\"?\n"
	  "m.json:1: M120 /models/A/fields/b/type: unknown type \"JSONB\"\n"
	  "    did you mean \"json\"?\n"
	  "m.json:1: M120 /models/A/fields/c: unknown type \"int4\"\n"
	  "    array(int4)\n"
	  "          ^~~~\n"
	  "    did you mean \"integer\"?\n"
	  "m.json:1: M120 /models/A/fields/d: unknown type \"itn\"\n"
	  "    itn\n"
	  "    ^~~\n"
	  "    did you mean \"int\"?\n" },
	{ "modifiers of SQL",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"text not null\",\"b\":\"text n"
	  "ullable\",\"c\":\"int primary_key\",\"d\":\"text default 'x'\",\"e\":\"int reference"
	  "s B\",\"f\":\"text?, unique\"}}}}",
	  "m.json:1: M121 /models/A/fields/a: unknown modifier \"not\"\n"
	  "    text not null\n"
	  "         ^~~\n"
	  "    a field cannot be null unless \"?\" stands behind its type\n"
	  "m.json:1: M121 /models/A/fields/b: unknown modifier \"nullable\"\n"
	  "    text nullable\n"
	  "         ^~~~~~~~\n"
	  "    write \"?\" behind the type\n"
	  "m.json:1: M121 /models/A/fields/c: unknown modifier \"primary_key\"\n"
	  "    int primary_key\n"
	  "        ^~~~~~~~~~~\n"
	  "    did you mean \"pk\"?\n"
	  "m.json:1: M121 /models/A/fields/d: unknown modifier \"default\"\n"
	  "    text default 'x'\n"
	  "         ^~~~~~~\n"
	  "    write \"= …\"\n"
	  "m.json:1: M121 /models/A/fields/e: unknown modifier \"references\"\n"
	  "    int references B\n"
	  "        ^~~~~~~~~~\n"
	  "    write \"-> Model\" in place of the type\n"
	  "m.json:1: M121 /models/A/fields/f: expected a modifier, not \",\"\n"
	  "    text?, unique\n"
	  "         ^\n" },
	{ "on what",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"-> A? on delet cascade\",\"b\""
	  ":\"-> A? on_delete cascade\"}}}}",
	  "m.json:1: M121 /models/A/fields/a: expected \"delete\" or \"update\", not \"delet\""
	  "\n"
	  "    -> A? on delet cascade\n"
	  "             ^~~~~\n"
	  "    did you mean \"delete\"?\n"
	  "m.json:1: M121 /models/A/fields/b: unknown modifier \"on_delete\"\n"
	  "    -> A? on_delete cascade\n"
	  "          ^~~~~~~~~\n"
	  "    write \"on delete …\"\n" },
	{ "words as defaults",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"boolean = True\",\"b\":\"datet"
	  "ime = now\",\"c\":\"text = \\\"x\\\"\"}}}}",
	  "m.json:1: M121 /models/A/fields/a: only labels of an enum stand without quotes\n"
	  "    boolean = True\n"
	  "              ^~~~\n"
	  "    did you mean \"true\"?\n"
	  "m.json:1: M121 /models/A/fields/b: only labels of an enum stand without quotes\n"
	  "    datetime = now\n"
	  "               ^~~\n"
	  "    for the function write now(), for the text 'now'\n"
	  "m.json:1: M121 /models/A/fields/c: expected a value, not \"\"x\"\"\n"
	  "    text = \"x\"\n"
	  "           ^~~\n"
	  "    texts stand in single quotes\n" },
	{ "values that do not fit",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"decimal(5, 2) = 1.234\",\"b\":"
	  "\"string(3) min_length(2) = 'a'\",\"c\":\"text min_length(2) = 'a'\",\"d\":{\"type\""
	  ":\"integer\",\"min\":null},\"e\":\"enum(a,b,c,d,e,f,g,h,i) = z\"}}}}",
	  "m.json:1: M130 /models/A/fields/a: the default 1.234 does not fit decimal: expected "
	  "a number with at most 3 digits before the point and 2 behind it\n"
	  "m.json:1: M130 /models/A/fields/b: the default \"a\" does not fit string: expected a"
	  " text of 2 to 3 characters\n"
	  "m.json:1: M130 /models/A/fields/c: the default \"a\" does not fit text: expected a t"
	  "ext of at least 2 characters\n"
	  "m.json:1: M130 /models/A/fields/d: min cannot be null\n"
	  "m.json:1: M130 /models/A/fields/e: the default \"z\" does not fit enum: expected one"
	  " of the labels a, b, c, d, e, f, g, h, …\n" },
	{ "nothing between", "{\"version\":1,\"models\":{\"A\":{\"fields\":{"
	  "\"a\":\"decimal(20, 2) min('10') max('9')\","
	  "\"b\":\"decimal(20, 2) min('9') max('10')\","
	  "\"c\":\"datetime min('2024-01-01T00:00:00+05:00') max('2023-12-31T20:00:00Z')\","
	  "\"d\":\"datetime min('2023-12-31T20:00:00Z') max('2024-01-01T00:00:00+05:00')\","
	  "\"e\":\"bigint exclusive_min(9007199254740992) max(9007199254740993)\","
	  "\"f\":\"bigint exclusive_min(9007199254740993) max(9007199254740993)\","
	  "\"g\":\"integer min(5) exclusive_max(5)\","
	  "\"h\":\"decimal(4, 2) min(1.50) max(1.5)\","
	  "\"i\":\"date exclusive_min('2024-01-01') exclusive_max('2024-01-01')\"}}}}",
	  "m.json:1: M112 /models/A/fields/a: no value is between the minimum and the maximum\n"
	  "m.json:1: M112 /models/A/fields/d: no value is between the minimum and the maximum\n"
	  "m.json:1: M112 /models/A/fields/f: no value is between the minimum and the maximum\n"
	  "m.json:1: M112 /models/A/fields/g: no value is between the minimum and the maximum\n"
	  "m.json:1: M112 /models/A/fields/i: no value is between the minimum and the maximum\n" },
	{ "an enum, nearly", "{\"version\":1,\"enums\":{\"Role\":[\"a\"]},\"models\":{\"A\":{"
	  "\"fields\":{\"r\":\"Rolle\",\"s\":\"ROLE\",\"t\":\"Strng\"}}}}",
	  "m.json:1: M123 /models/A/fields/r: \"Rolle\" is neither a type nor an enum\n"
	  "    did you mean \"Role\"?\n"
	  "m.json:1: M123 /models/A/fields/s: \"ROLE\" is neither a type nor an enum\n"
	  "    did you mean \"Role\"?\n"
	  "m.json:1: M123 /models/A/fields/t: \"Strng\" is neither a type nor an enum\n"
	  "    did you mean \"string\"?\n" },
	{ "types in capitals", "{\"version\":1,\"models\":{\"A\":{"
	  "\"fields\":{\"r\":\"VARCHAR(20)\",\"s\":\"String(20)\",\"t\":\"NUMERIC\"}}}}",
	  "m.json:1: M120 /models/A/fields/r: unknown type \"VARCHAR\"\n"
	  "    VARCHAR(20)\n"
	  "    ^~~~~~~\n"
	  "    did you mean \"string\"?\n"
	  "m.json:1: M120 /models/A/fields/s: unknown type \"String\"\n"
	  "    String(20)\n"
	  "    ^~~~~~\n"
	  "    did you mean \"string\"?\n"
	  "m.json:1: M123 /models/A/fields/t: \"NUMERIC\" is neither a type nor an enum\n"
	  "    did you mean \"decimal\"?\n" },
	{ "labels that cannot be read",
	  "{\"version\":1,\"enums\":{\"Role\":[]},\"models\":{\"A\":{\"fields\":{\"r\":\"Role ="
	  " a\"}}}}",
	  "m.json:1: M106 /enums/Role: expected 1 to 1000 labels, not 0\n" },
	{ "a reference of another kind",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":{\"references\":[]}}}}}",
	  "m.json:1: M104 /models/A/fields/a/references: expected \"Model\", \"Model.field\" or"
	  " an object\n" },
	{ "unique fields without a list",
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\"},\"unique\":[\"x\"]}}}",
	  "m.json:1: M104 /models/A/unique/0: expected a list of fields or an object\n"
	  "    write [\"x\"]: a list for each of them\n" },
	{ "the other side, nearly",
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\n"
	  "\"relations\":{\"posts\":\"Post[] <-> auhtor\"}},\"Post\":{\"fields\":{\"author_id\""
	  ":\"-> User\"},\n"
	  "\"relations\":{\"author\":\"User <-> posts\"}}}}",
	  "m.json:2: M205 /models/User/relations/posts: back_populates names Post.auhtor, which"
	  " does not exist\n"
	  "    did you mean \"<-> author\"?\n"
	  "m.json:3: M205 /models/Post/relations/author: User.posts names Post.auhtor, not Post"
	  ".author\n" },
	{ "the other side of a key that is missing",
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{}},\"Post\":{\"fields\":{},\"relati"
	  "ons\":{\"author\":\"User <-> posts\"}}}}",
	  "m.json:1: M202 /models/Post/relations/author: no foreign key links Post and User\n"
	  "    add to the fields of Post: \"author_id\": \"-> User\"\n"
	  "m.json:1: M205 /models/Post/relations/author: back_populates names User.posts, which"
	  " does not exist\n"
	  "    add to the relations of User: \"posts\": \"Post[] <-> author\"\n" },
	{ "by way of nearly",
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{}},\"Post\":{\"fields\":{\"author_i"
	  "d\":\"-> User\"},\"relations\":{\"author\":\"User via autor_id\",\"tags\":\"Tag[] vi"
	  "a PostTags\"}},\"Tag\":{\"fields\":{}},\"PostTag\":{\"fields\":{\"p\":\"-> Post pk\""
	  ",\"t\":\"-> Tag pk\"}}}}",
	  "m.json:1: M201 /models/Post/relations/author: \"autor_id\" is neither a model nor a "
	  "table, nor a field of Post or User\n"
	  "    did you mean \"author_id\"?\n"
	  "m.json:1: M201 /models/Post/relations/tags: \"PostTags\" is neither a model nor a ta"
	  "ble, nor a field of Post or Tag\n"
	  "    did you mean \"PostTag\"?\n" },
	{ "one page to one, both sides alike",
	  "{\"version\":1,\"models\":{\"Page\":{\"fields\":{\"next_id\":\"-> Page? unique\"},\""
	  "relations\":{\"next\":\"Page? <-> before\",\"before\":\"Page? <-> next\"}}}}",
	  "m.json:1: M205 /models/Page/relations/next: Page.next and Page.before are not two si"
	  "des of the same foreign key\n"
	  "    write \"Page\" without \"?\" at the one that follows the field of its own row\n" },
	/* clang-format on */
};

static void check(unsigned number)
{
	struct md_def_source source = { "m.json", md_str_of(cases[number].text) };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	md_auto_buf told = MD_BUF(1 << 20);

	ck_assert_int_eq(md_definitions_load(&source, 1, NULL, 0, &report, &definitions, NULL),
			 MD_INVALID);
	for (unsigned i = 0; i < report.count; i++)
		md_def_problem_print(&report.items[i], &told);
	ck_assert_msg(strcmp(md_buf_text(&told), cases[number].told) == 0, "%s:\n%s\nexpected:\n%s",
		      cases[number].name, told.data, cases[number].told);
	md_def_report_release(&report);
}

START_TEST(mistakes_say_what_to_write_instead)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(i);
}
END_TEST

START_TEST(endless_repetitions_of_a_key_end)
{
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	md_auto_buf text = MD_BUF(1 << 20);
	struct md_def_source source = { "m.json", { NULL, 0 } };

	md_buf_puts(&text, "{\"version\": 1, \"models\": {}");
	for (unsigned i = 0; i < 60; i++)
		md_buf_puts(&text, ",\n\"version\": 1");
	md_buf_puts(&text, "}");
	source.text = (struct md_str){ text.data, text.len };
	ck_assert_int_eq(md_definitions_load(&source, 1, NULL, 0, &report, &definitions, NULL),
			 MD_INVALID);
	ck_assert_uint_eq(report.count, 21);
	ck_assert_uint_eq(report.items[0].place.line, 2);
	ck_assert_uint_eq(report.items[20].place.line, 22);
	md_def_report_release(&report);
}
END_TEST

/* The side without "?" has the key, whichever comes first. */
START_TEST(a_model_may_reference_itself_one_row_to_one)
{
	static const char *const texts[] = {
		"{\"version\":1,\"models\":{\"Page\":{\"fields\":{\"next_id\":\"-> Page? unique\"},"
		"\"relations\":{\"next\":\"Page <-> before\",\"before\":\"Page? <-> next\"}}}}",
		"{\"version\":1,\"models\":{\"Page\":{\"fields\":{\"next_id\":\"-> Page? unique\"},"
		"\"relations\":{\"before\":\"Page? <-> next\",\"next\":\"Page <-> before\"}}}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct md_def_source source = { "m.json", md_str_of(texts[i]) };
		struct md_def_report report = { .count = 0 };
		const struct md_definitions *definitions = NULL;
		const struct md_def_relation *next, *before;

		ck_assert_int_eq(
			md_definitions_load(&source, 1, NULL, 0, &report, &definitions, NULL),
			MD_OK);
		next = &definitions->models[0].relations[i == 0 ? 0 : 1];
		before = &definitions->models[0].relations[i == 0 ? 1 : 0];
		ck_assert_str_eq(next->name, "next");
		ck_assert(next->here && next->to_one && !before->here && before->to_one);
		ck_assert_ptr_eq(next->key, before->key);
		ck_assert_ptr_eq(next->inverse, before);
		md_def_report_release(&report);
		md_definitions_free(definitions);
	}
}
END_TEST

SUITE_MAIN("definition hints", mistakes_say_what_to_write_instead, endless_repetitions_of_a_key_end,
	   a_model_may_reference_itself_one_row_to_one)
