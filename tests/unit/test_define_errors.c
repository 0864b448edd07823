/* Every mistake of the catalogue, with its exact text. A case may have a second file, "n.json". */
#include "core/model/define.h"

#include "tests/support/suite.h"

static const struct {
	const char *name;
	unsigned targets;
	const char *text, *second; /* files m.json and n.json */
	const char *told;
} cases[] = {
	/* clang-format off */
	{ "syntax", 0,
	  "{\"version\":1,\n"
	  "\"models\": {,}}", NULL,
	  "m.json:2: M101 string or '}' expected near ','\n" },
	{ "comment", 0,
	  "{\"version\":1,\n"
	  "/* no end", NULL,
	  "m.json:2: M101 comment without an end\n" },
	{ "empty", 0,
	  "", NULL,
	  "m.json:1: M101 '[' or '{' expected near end of file\n"
	  "    a file begins with { \"version\": 1, \"models\": {\n" },
	{ "unknown key", 0,
	  "{\"version\":1,\"modles\":{},\n"
	  "\"models\":{\"A\":{\"fields\":{},\"indices\":[]}}}", NULL,
	  "m.json:1: M102 /modles: unknown key \"modles\"\n"
	  "    did you mean \"models\"?\n"
	  "m.json:2: M102 /models/A/indices: unknown key \"indices\"\n"
	  "    did you mean \"indexes\"?\n" },
	{ "unknown key of a field", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"text\",\"uniqe\":true}"
	  "}}}}", NULL,
	  "m.json:1: M102 /models/A/fields/x/uniqe: unknown key \"uniqe\"\n"
	  "    did you mean \"unique\"?\n" },
	{ "duplicate key", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{}},\n"
	  "\"A\":{\"fields\":{}}}}", NULL,
	  "m.json:2: M103 /models/A: \"A\" is there twice, first in line 1\n" },
	{ "model in two files", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{}}}}", 	  "{\"version\":1,\"models\":{\n"
	  "\"A\":{\"fields\":{}}}}",
	  "n.json:2: M103 /models/A: the model \"A\" is also in m.json:1\n" },
	{ "enum in two files", 0,
	  "{\"version\":1,\"enums\":{\"E\":[\"a\"]},\"models\":{}}", 	  "{\"version\":1,\"enums\":{\"E\":[\"a\",\"a\",\"\"]},\"models\":{}}",
	  "n.json:1: M103 /enums/E/1: \"a\" is there twice\n"
	  "n.json:1: M106 /enums/E/2: a label cannot be empty\n"
	  "n.json:1: M103 /enums/E: the enum \"E\" is also in m.json:1\n" },
	{ "names twice in a list", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\"},\"primary_key\":[\"x\","
	  "\"x\"]}}}", NULL,
	  "m.json:1: M103 /models/A/primary_key/1: \"x\" is there twice\n" },
	{ "relation like a field", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\",\"a_id\":\"-> A?\"},\"rel"
	  "ations\":{\"x\":\"A\"}}}}", NULL,
	  "m.json:1: M103 /models/A/relations/x: A has a field with the name of the relation \"x"
	  "\"\n" },
	{ "two parents with one field", 0,
	  "{\"version\":1,\"models\":{\"P\":{\"abstract\":true,\"fields\":{\"x\":\"text\"}},\"Q"
	  "\":{\"abstract\":true,\"fields\":{\"x\":\"text\"}},\"A\":{\"extends\":[\"P\",\"Q\"]}}}", NULL,
	  "m.json:1: M103 /models/A: the field \"x\" comes from /models/P/fields/x and from /mode"
	  "ls/Q/fields/x\n" },
	{ "wrong kinds", 0,
	  "{\"version\":1,\"defaults\":[],\"models\":{\"A\":{\"table\":1,\"fields\":{\"x\":3,\"y"
	  "\":{\"type\":\"text\",\"nullable\":\"yes\",\"max_length\":1.5}},\"unique\":{},\"timest"
	  "amps\":3,\"relations\":{\"r\":null}}}}", NULL,
	  "m.json:1: M104 /defaults: expected an object, not a list\n"
	  "m.json:1: M104 /models/A/table: expected a text, not a number\n"
	  "m.json:1: M104 /models/A/fields/x: expected a shorthand or an object\n"
	  "m.json:1: M104 /models/A/fields/y/nullable: expected true or false, not a text\n"
	  "m.json:1: M104 /models/A/fields/y/max_length: expected a whole number, not a number\n"
	  "m.json:1: M104 /models/A/unique: expected a list, not an object\n"
	  "m.json:1: M104 /models/A/timestamps: expected true, false or an object with \"created"
	  "\" and \"updated\"\n"
	  "m.json:1: M104 /models/A/relations/r: expected a shorthand or an object\n" },
	{ "not an object", 0,
	  "[1]", NULL,
	  "m.json:1: M104 expected an object, not a list\n" },
	{ "missing keys", 0,
	  "{}", NULL,
	  "m.json:1: M105 \"version\" is missing\n"
	  "m.json:1: M105 \"models\" is missing\n" },
	{ "missing keys inside", 0,
	  "{\"version\":1,\"models\":{\"A\":{},\"B\":{\"fields\":{\"a\":{},\"b\":{\"type\":\"arra"
	  "y\"},\"c\":{\"type\":\"enum\"},\"d\":{\"type\":\"decimal\"},\"e\":{\"references\":{}},"
	  "\"f\":{\"type\":\"text\",\"generated\":{}},\"g\":{\"type\":\"datetime\",\"on_update\":"
	  "{}}},\"indexes\":[{}],\"checks\":[{}],\"foreign_keys\":[{}],\"relations\":{\"r\":{}}}}"
	  "}", NULL,
	  "m.json:1: M105 /models/A: \"fields\" is missing\n"
	  "m.json:1: M105 /models/B/fields/a: \"type\", \"enum\" or \"references\" is missing\n"
	  "m.json:1: M105 /models/B/fields/b: \"items\" with the type is missing\n"
	  "m.json:1: M105 /models/B/fields/c: \"enum\" with the labels is missing\n"
	  "m.json:1: M105 /models/B/fields/d: \"precision\" is missing\n"
	  "m.json:1: M105 /models/B/fields/e/references: \"model\" is missing\n"
	  "m.json:1: M105 /models/B/fields/f/generated: \"sql\" is missing\n"
	  "m.json:1: M105 /models/B/fields/g/on_update: \"fn\" is missing\n"
	  "m.json:1: M105 /models/B/indexes/0: \"fields\" is missing\n"
	  "m.json:1: M105 /models/B/checks/0: \"sql\" is missing\n"
	  "m.json:1: M105 /models/B/foreign_keys/0: \"fields\" is missing\n"
	  "m.json:1: M105 /models/B/foreign_keys/0: \"model\" is missing\n"
	  "m.json:1: M105 /models/B/relations/r: \"model\" is missing\n" },
	{ "values not allowed", 0,
	  "{\"version\":2,\"defaults\":{\"auto_id\":\"bigit\",\"table_name\":\"CAMEL\",\"string_m"
	  "ax\":0},\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"text\",\"format\":\"emial\","
	  "\"enforce\":\"never\",\"max_length\":0},\"e\":{\"enum\":[]},\"u\":{\"type\":\"datetime"
	  "\",\"on_update\":{\"fn\":\"today\"}},\"m\":\"integer multiple_of(0)\"},\"indexes\":[["
	  "\"x down\"],[]],\"relations\":{\"r\":{\"model\":\"A\",\"order_by\":[\"x sideways\"],"
	  "\"load\":\"never\"}},\"foreign_keys\":[{\"fields\":[\"x\"],\"model\":\"A\",\"deferrabl"
	  "e\":true}],\"checks\":[\" \"]}}}", NULL,
	  "m.json:1: M106 /version: the version of the format is 1\n"
	  "m.json:1: M106 /defaults/auto_id: \"bigit\" is not bigint, integer, uuid or none\n"
	  "    did you mean \"bigint\"?\n"
	  "m.json:1: M106 /defaults/table_name: \"CAMEL\" is not lower, snake or exact\n"
	  "m.json:1: M106 /defaults/string_max: expected a number from 1 to 10485760, not 0\n"
	  "m.json:1: M106 /models/A/fields/x/format: \"emial\" is not email, uri, hostname, ipv4,"
	  " ipv6, slug or phone\n"
	  "    did you mean \"email\"?\n"
	  "m.json:1: M106 /models/A/fields/x/enforce: \"never\" is not both, api or database\n"
	  "m.json:1: M106 /models/A/fields/x/max_length: expected a number from 1 to 10485760, no"
	  "t 0\n"
	  "m.json:1: M106 /models/A/fields/e/enum: expected 1 to 1000 labels, not 0\n"
	  "m.json:1: M106 /models/A/fields/u/on_update: on_update knows only { \"fn\": \"now\" }"
	  "\n"
	  "m.json:1: M106 /models/A/indexes/0/0: \"x down\" is not a field, with asc or desc and "
	  "nulls first or nulls last behind it\n"
	  "m.json:1: M106 /models/A/indexes/1: expected 1 to 16 fields, not 0\n"
	  "m.json:1: M106 /models/A/relations/r/order_by/0: \"x sideways\" is not a field, with a"
	  "sc or desc and nulls first or nulls last behind it\n"
	  "m.json:1: M106 /models/A/relations/r/load: expected \"request\" or \"always\"\n"
	  "m.json:1: M106 /models/A/foreign_keys/0/deferrable: expected false, \"immediate\" or "
	  "\"deferred\"\n"
	  "m.json:1: M106 /models/A/checks/0: the SQL is empty\n"
	  "m.json:1: M106 /models/A/fields/m: multiple_of must be more than 0\n"
	  "m.json:1: M209 /models/A/foreign_keys/0: \"x\" is text, but A.id is bigint\n" },
	{ "bad names", 0,
	  "{\"version\":1,\"models\":{\"A-B\":{\"table\":\"\",\"fields\":{\"1x\":\"text\",\"y\":{"
	  "\"references\":\"A B\"}}}}}", NULL,
	  "m.json:1: M107 /models/A-B: \"A-B\" is no name: letters, digits and _, at most 63\n"
	  "m.json:1: M107 /models/A-B/table: \"\" is no name: 1 to 63 bytes, no control character"
	  "s\n"
	  "m.json:1: M107 /models/A-B/fields/1x: \"1x\" is no name: letters, digits and _, at mos"
	  "t 63\n"
	  "m.json:1: M107 /models/A-B/fields/y/references: \"A B\" is neither Model nor Model.fie"
	  "ld\n" },
	{ "no primary key", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"id\":\"bigint\"}}}}", NULL,
	  "m.json:1: M110 /models/A/fields/id: A has no primary key: \"id\" is none, and nothing "
	  "else is\n"
	  "    add \"pk\" to the field, or remove it\n" },
	{ "auto_id none", 0,
	  "{\"version\":1,\"defaults\":{\"auto_id\":\"none\"},\"models\":{\"A\":{\"fields\":{\"x"
	  "\":\"text\"}}}}", NULL,
	  "m.json:1: M110 /models/A: A has no primary key, and auto_id is none\n"
	  "    add to its fields: \"id\": \"bigint pk\"\n" },
	{ "bad primary key", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text? pk\",\"y\":\"text pk hidde"
	  "n\",\"z\":{\"type\":\"text\",\"primary_key\":true,\"writeonly\":true}}}}}", NULL,
	  "m.json:1: M111 /models/A/fields/x: \"x\" is part of the primary key and cannot be null"
	  "\n"
	  "m.json:1: M111 /models/A/fields/y: \"y\" is part of the primary key and cannot be hidd"
	  "en\n"
	  "m.json:1: M111 /models/A/fields/z: \"z\" is part of the primary key and cannot be writ"
	  "eonly\n" },
	{ "primary key not named", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text pk\",\"y\":\"text pk\"},\"p"
	  "rimary_key\":[\"x\"]}}}", NULL,
	  "m.json:1: M111 /models/A/fields/y: \"y\" is part of the primary key, but primary_key d"
	  "oes not name it\n" },
	{ "settings that contradict", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":{\"type\":\"integer\",\"max_length"
	  "\":3},\"b\":{\"type\":\"text\",\"enum\":[\"x\"]},\"c\":\"text min(1)\",\"d\":\"boolean"
	  " readonly\",\"e\":{\"type\":\"text\",\"readonly\":true,\"writeonly\":true,\"default\":"
	  "\"\"},\"f\":{\"type\":\"text\",\"generated\":{\"sql\":\"1\"},\"default\":\"x\"},\"g\":"
	  "\"string(3) min_length(4)\",\"h\":\"integer min(2) max(1)\",\"i\":{\"type\":\"text\","
	  "\"auto_increment\":true},\"j\":{\"type\":\"text\",\"default\":{\"fn\":\"now\",\"sql\":"
	  "\"x\"}},\"k\":\"json? unique\"}}}}", NULL,
	  "m.json:1: M112 /models/A/fields/b: \"enum\" does not go with type text\n"
	  "m.json:1: M112 /models/A/fields/j/default: \"fn\" and \"sql\" exclude each other\n"
	  "m.json:1: M112 /models/A/fields/i: auto_increment is for a single integer primary key "
	  "without reference and default\n"
	  "m.json:1: M112 /models/A/fields/a: max_length does not go with type integer\n"
	  "m.json:1: M112 /models/A/fields/c: min does not go with type text\n"
	  "m.json:1: M112 /models/A/fields/d: readonly and required: nobody can give the value\n"
	  "    add a default, or \"?\"\n"
	  "m.json:1: M112 /models/A/fields/e: readonly and writeonly exclude each other\n"
	  "m.json:1: M112 /models/A/fields/f: a generated value has no default\n"
	  "m.json:1: M112 /models/A/fields/g: min_length is more than max_length\n"
	  "m.json:1: M112 /models/A/fields/h: no value is between the minimum and the maximum\n"
	  "m.json:1: M112 /models/A/fields/k: unique does not go with type json\n" },
	{ "more contradictions", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"abstract\":true,\"table\":\"a\",\"fields\":{}},\"B"
	  "\":{\"fields\":{\"x\":\"text\"},\"foreign_keys\":[{\"fields\":[\"x\"],\"model\":\"B\","
	  "\"references\":[\"x\",\"id\"]}],\"relations\":{\"r\":{\"model\":\"B\",\"via\":\"x\","
	  "\"secondary\":\"b\"}}}}}", NULL,
	  "m.json:1: M112 /models/B/foreign_keys/0: \"fields\" and \"references\" differ in numbe"
	  "r: 1 and 2\n"
	  "m.json:1: M112 /models/B/relations/r: \"secondary\" and \"via\" exclude each other\n"
	  "m.json:1: M112 /models/A: an abstract model has no table\n" },
	{ "unknown fields", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"name\":\"text\"},\"primary_key\":[\"nm"
	  "ae\"],\"indexes\":[[\"nam\"],{\"fields\":[\"name\"],\"include\":[\"zzz\"]}],\"foreign_"
	  "keys\":[{\"fields\":[\"nema\"],\"model\":\"A\"}]}}}", NULL,
	  "m.json:1: M113 /models/A: primary_key names \"nmae\", which is no field\n"
	  "    did you mean \"name\"?\n"
	  "m.json:1: M113 /models/A/indexes/0: A has no field \"nam\"\n"
	  "    did you mean \"name\"?\n"
	  "m.json:1: M113 /models/A/indexes/1: A has no field \"zzz\"\n"
	  "m.json:1: M113 /models/A/foreign_keys/0: A has no field \"nema\"\n"
	  "    did you mean \"name\"?\n" },
	{ "order_by", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"name\":\"text\",\"a_id\":\"-> A?\"},"
	  "\"relations\":{\"all\":{\"model\":\"A\",\"uselist\":true,\"order_by\":[\"nam desc\"]}}"
	  "}}}", NULL,
	  "m.json:1: M113 /models/A/relations/all: order_by names \"nam\", which is no field of A"
	  "\n"
	  "    did you mean \"name\"?\n" },
	{ "extends", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"extends\":\"B\",\"fields\":{}},\"B\":{\"fields\":{"
	  "}},\"C\":{\"abstract\":true,\"extends\":\"D\"},\"D\":{\"abstract\":true,\"extends\":"
	  "\"C\"},\"E\":{\"extends\":\"Bb\"}}}", NULL,
	  "m.json:1: M114 /models/A: A cannot extend B: only abstract models can be extended\n"
	  "    add to B: \"abstract\": true\n"
	  "m.json:1: M114 /models/D: C extends itself, by D\n"
	  "m.json:1: M201 /models/E: there is no model \"Bb\"\n"
	  "    did you mean \"B\"?\n" },
	{ "unknown type", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"sting(80)\"}}}}", NULL,
	  "m.json:1: M120 /models/A/fields/x: unknown type \"sting\"\n"
	  "    sting(80)\n"
	  "    ^~~~~\n"
	  "    did you mean \"string\"?\n" },
	{ "unknown type in an object", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"strng\"},\"y\":{\"type"
	  "\":\"string(80)\"},\"z\":{\"type\":\"array\",\"items\":\"txet\"},\"w\":\"array(txet)"
	  "\"}}}}", NULL,
	  "m.json:1: M120 /models/A/fields/x/type: unknown type \"strng\"\n"
	  "    did you mean \"string\"?\n"
	  "m.json:1: M120 /models/A/fields/y/type: unknown type \"string(80)\"\n"
	  "    that is a shorthand: write \"string(80)\" in place of the object\n"
	  "m.json:1: M120 /models/A/fields/z/items: unknown type \"txet\"\n"
	  "    did you mean \"text\"?\n"
	  "m.json:1: M120 /models/A/fields/w: unknown type \"txet\"\n"
	  "    array(txet)\n"
	  "          ^~~~\n"
	  "    did you mean \"text\"?\n" },
	{ "shorthand: modifier", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"string(254) uniqe format(email)"
	  "\"}}}}", NULL,
	  "m.json:1: M121 /models/A/fields/x: unknown modifier \"uniqe\"\n"
	  "    string(254) uniqe format(email)\n"
	  "                ^~~~~\n"
	  "    did you mean \"unique\"?\n" },
	{ "shorthand: what only an object can say", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text writeonly\"}}}}", NULL,
	  "m.json:1: M121 /models/A/fields/x: unknown modifier \"writeonly\"\n"
	  "    text writeonly\n"
	  "         ^~~~~~~~~\n"
	  "    only an object can say it: { \"type\": …, \"writeonly\": … }\n" },
	{ "bytes of another length", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{"
	  "\"a\":{\"type\":\"bytes\",\"max_length\":2,\"default\":\"AAEC\"},"
	  "\"b\":{\"type\":\"bytes\",\"max_length\":2,\"default\":\"AAE=\"},"
	  "\"c\":{\"type\":\"bytes\",\"min_length\":2,\"default\":\"\\\\x00\"},"
	  "\"d\":{\"type\":\"bytes\",\"min_length\":2,\"default\":\"\\\\x0001\"}}}}}", NULL,
	  "m.json:1: M130 /models/A/fields/a: the default \"AAEC\" does not fit bytes: expected "
	  "base64, or \\x and hexadecimal digits of at most 2 bytes\n"
	  "m.json:1: M130 /models/A/fields/c: the default \"\\x00\" does not fit bytes: expected "
	  "base64, or \\x and hexadecimal digits of at least 2 bytes\n" },
	{ "shorthand: nothing", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"\"}}}}", NULL,
	  "m.json:1: M121 /models/A/fields/x: expected a type or \"->\" at the end\n"
	  "    \n"
	  "    ^\n" },
	{ "shorthand: twice", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text unique unique\"}}}}", NULL,
	  "m.json:1: M121 /models/A/fields/x: \"unique\" is there twice\n"
	  "    text unique unique\n"
	  "                ^~~~~~\n" },
	{ "shorthand: on", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"text on delete cascade\",\"b\":"
	  "\"-> A? on delete explode\",\"c\":\"-> A? on remove x\",\"d\":\"-> A? on delete cascad"
	  "e on delete restrict\",\"e\":\"datetime on update now() on update now()\"}}}}", NULL,
	  "m.json:1: M121 /models/A/fields/a: only a reference, as in \"-> User\", has an action"
	  "\n"
	  "    text on delete cascade\n"
	  "            ^~~~~~\n"
	  "m.json:1: M121 /models/A/fields/b: expected no action, restrict, cascade, set null or "
	  "set default\n"
	  "    -> A? on delete explode\n"
	  "                    ^~~~~~~\n"
	  "m.json:1: M121 /models/A/fields/c: expected \"delete\" or \"update\", not \"remove\"\n"
	  "    -> A? on remove x\n"
	  "             ^~~~~~\n"
	  "m.json:1: M121 /models/A/fields/d: \"on delete\" is there twice\n"
	  "    -> A? on delete cascade on delete restrict\n"
	  "                               ^~~~~~\n"
	  "m.json:1: M121 /models/A/fields/e: \"on update\" is there twice\n"
	  "    datetime on update now() on update now()\n"
	  "                                ^~~~~~\n" },
	{ "shorthand: arguments", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"text(3)\",\"b\":\"string(0)\","
	  "\"c\":\"decimal\",\"d\":\"decimal(99,2)\",\"e\":\"enum(a,a)\",\"f\":\"enum('')\",\"g"
	  "\":\"array(json)\",\"h\":\"string(3\",\"i\":\"text pattern(x)\",\"j\":\"text format(em"
	  "ial)\"}}}}", NULL,
	  "m.json:1: M122 /models/A/fields/a: text takes no arguments\n"
	  "    text(3)\n"
	  "        ^\n"
	  "m.json:1: M122 /models/A/fields/b: expected a number from 1 to 10485760, not 0\n"
	  "    string(0)\n"
	  "           ^\n"
	  "m.json:1: M121 /models/A/fields/c: expected the digits, as in decimal(10, 2), at the e"
	  "nd\n"
	  "    decimal\n"
	  "           ^\n"
	  "m.json:1: M122 /models/A/fields/d: expected a number from 1 to 38, not 99\n"
	  "    decimal(99,2)\n"
	  "            ^~\n"
	  "m.json:1: M103 /models/A/fields/e: the label is there twice\n"
	  "    enum(a,a)\n"
	  "           ^\n"
	  "m.json:1: M122 /models/A/fields/f: a label cannot be empty\n"
	  "    enum('')\n"
	  "         ^~\n"
	  "m.json:1: M122 /models/A/fields/g: an array cannot have items of type json\n"
	  "    array(json)\n"
	  "          ^~~~\n"
	  "m.json:1: M121 /models/A/fields/h: expected \")\" at the end\n"
	  "    string(3\n"
	  "            ^\n"
	  "m.json:1: M121 /models/A/fields/i: expected a pattern in single quotes, not \"x\"\n"
	  "    text pattern(x)\n"
	  "                 ^\n"
	  "m.json:1: M121 /models/A/fields/j: unknown format \"emial\"\n"
	  "    text format(emial)\n"
	  "                ^~~~~\n"
	  "    did you mean \"email\"?\n" },
	{ "shorthand: defaults", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"text = hello\",\"b\":\"datetime "
	  "= nwo()\",\"c\":\"integer = 007\",\"d\":\"bigint = 99999999999999999999\",\"e\":\"text"
	  " = 'x\",\"f\":\"text = \"}}}}", NULL,
	  "m.json:1: M121 /models/A/fields/a: only labels of an enum stand without quotes\n"
	  "    text = hello\n"
	  "           ^~~~~\n"
	  "    write 'hello'\n"
	  "m.json:1: M121 /models/A/fields/b: unknown function nwo()\n"
	  "    datetime = nwo()\n"
	  "               ^~~\n"
	  "    did you mean \"now\"?\n"
	  "m.json:1: M121 /models/A/fields/c: expected a value, not \"007\"\n"
	  "    integer = 007\n"
	  "              ^~~\n"
	  "m.json:1: M121 /models/A/fields/d: the number is too big: only a decimal has so "
	  "many digits, and stands in quotes\n"
	  "    bigint = 99999999999999999999\n"
	  "             ^~~~~~~~~~~~~~~~~~~~\n"
	  "m.json:1: M121 /models/A/fields/e: expected a value, not \"'x\"\n"
	  "    text = 'x\n"
	  "           ^~\n"
	  "    the text has no end: a single quote is missing\n"
	  "m.json:1: M121 /models/A/fields/f: expected a value at the end\n"
	  "    text = \n"
	  "           ^\n" },
	{ "shorthand: end", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"text )\",\"b\":\"-> 3\",\"c\":"
	  "\"text \xc3\xa4" "\",\"d\":\"-> A.\"},\"relations\":{\"r\":\"A[] via\",\"s\":\"A x\"}}"
	  "}}", NULL,
	  "m.json:1: M121 /models/A/fields/a: expected a modifier, not \")\"\n"
	  "    text )\n"
	  "         ^\n"
	  "m.json:1: M121 /models/A/fields/b: expected a model, not \"3\"\n"
	  "    -> 3\n"
	  "       ^\n"
	  "m.json:1: M121 /models/A/fields/c: expected a modifier, not \"\xc3\xa4" "\"\n"
	  "    text \xc3\xa4" "\n"
	  "         ^\n"
	  "m.json:1: M121 /models/A/fields/d: expected a field at the end\n"
	  "    -> A.\n"
	  "         ^\n"
	  "m.json:1: M121 /models/A/relations/r: expected a model, a table or a field at the end"
	  "\n"
	  "    A[] via\n"
	  "           ^\n"
	  "m.json:1: M121 /models/A/relations/s: expected \"via\" or \"<->\", not \"x\"\n"
	  "    A x\n"
	  "      ^\n" },
	{ "scale", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"decimal(2, 3)\"}}}}", NULL,
	  "m.json:1: M122 /models/A/fields/x: a scale of 3 is more than the precision of 2\n" },
	{ "items", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"array\",\"items\":\"de"
	  "cimal\"}}}}}", NULL,
	  "m.json:1: M122 /models/A/fields/x/items: an array cannot have items of type decimal\n" },
	{ "unknown enum", 0,
	  "{\"version\":1,\"enums\":{\"Role\":[\"a\"]},\"models\":{\"A\":{\"fields\":{\"x\":\"rol"
	  "e\",\"y\":{\"enum\":\"ROLE\"},\"z\":\"A\",\"t\":\"Text\",\"u\":\"Nothing\"}}}}", NULL,
	  "m.json:1: M120 /models/A/fields/x: unknown type \"role\"\n"
	  "    role\n"
	  "    ^~~~\n"
	  "    did you mean \"double\"?\n"
	  "m.json:1: M123 /models/A/fields/y: \"ROLE\" is neither a type nor an enum\n"
	  "    did you mean \"Role\"?\n"
	  "m.json:1: M123 /models/A/fields/z: \"A\" is neither a type nor an enum\n"
	  "    for a reference write \"-> A\"\n"
	  "m.json:1: M123 /models/A/fields/t: \"Text\" is neither a type nor an enum\n"
	  "    did you mean \"text\"?\n"
	  "m.json:1: M123 /models/A/fields/u: \"Nothing\" is neither a type nor an enum\n"
	  "    did you mean \"string\"?\n" },
	{ "values", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"smallint = 40000\",\"b\":\"strin"
	  "g(3) = 'abcd'\",\"c\":\"boolean = 1\",\"d\":\"datetime = '2026-01-01T00:00:00'\",\"e"
	  "\":\"date = '2026-02-29'\",\"f\":\"uuid = 'A'\",\"g\":\"decimal(4,2) = 100.5\",\"h\":"
	  "\"enum(draft, final) = dratf\",\"i\":\"text = null\",\"j\":{\"type\":\"bytes\",\"defau"
	  "lt\":\"x\"},\"k\":{\"type\":\"array\",\"items\":\"integer\",\"default\":{}},\"l\":\"da"
	  "te = now()\",\"m\":{\"type\":\"integer\",\"example\":\"x\"},\"n\":\"integer min('x')"
	  "\",\"o\":{\"type\":\"float\",\"backfill\":\"x\",\"multiple_of\":\"x\"},\"p\":\"time = "
	  "'25:00:00'\",\"q\":\"datetime_local = 3\",\"r\":\"text max_length(2) = true\"}}}}", NULL,
	  "m.json:1: M130 /models/A/fields/a: the default 40000 does not fit smallint: expected a whole number from -32768 to 32767\n"
	  "m.json:1: M130 /models/A/fields/b: the default \"abcd\" does not fit string: expected a text of at most 3 characters\n"
	  "m.json:1: M130 /models/A/fields/c: the default 1 does not fit boolean: expected true or false\n"
	  "m.json:1: M130 /models/A/fields/d: the default \"2026-01-01T00:00:00\" does not fit datetime: expected a text like 2026-01-31T12:00:00Z\n"
	  "m.json:1: M130 /models/A/fields/e: the default \"2026-02-29\" does not fit date: expected a text like 2026-01-31\n"
	  "m.json:1: M130 /models/A/fields/f: the default \"A\" does not fit uuid: expected a UUID in lower case\n"
	  "m.json:1: M130 /models/A/fields/g: the default 100.5 does not fit decimal: expected a number with at most 2 digits before the point and 2 behind it\n"
	  "m.json:1: M130 /models/A/fields/h: the default \"dratf\" does not fit enum: expected one of the labels draft, final\n"
	  "    did you mean \"draft\"?\n"
	  "m.json:1: M130 /models/A/fields/i: the default is null, but the field cannot be\n"
	  "m.json:1: M130 /models/A/fields/j: the default \"x\" does not fit bytes: expected base64, or \\x and hexadecimal digits\n"
	  "m.json:1: M130 /models/A/fields/k: the default {} does not fit array: expected a list\n"
	  "m.json:1: M130 /models/A/fields/l: the default now() does not fit date\n"
	  "m.json:1: M130 /models/A/fields/m: the example \"x\" does not fit integer: expected a whole number from -2147483648 to 2147483647\n"
	  "m.json:1: M130 /models/A/fields/n: min \"x\" does not fit integer: expected a whole number from -2147483648 to 2147483647\n"
	  "m.json:1: M130 /models/A/fields/o: backfill \"x\" does not fit float: expected a number\n"
	  "m.json:1: M130 /models/A/fields/o: multiple_of is not a number\n"
	  "m.json:1: M130 /models/A/fields/p: the default \"25:00:00\" does not fit time: expected a text like 12:00:00\n"
	  "m.json:1: M130 /models/A/fields/q: the default 3 does not fit datetime_local: expected a text like 2026-01-31T12:00:00\n"
	  "m.json:1: M130 /models/A/fields/r: the default true does not fit text: expected a text of at most 2 characters\n" },
	{ "values that requests could not give", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"integer = 3 min(5)\",\"b\":\"date = '20"
	  "20-01-01' min('2021-01-01')\",\"c\":\"string = 'no' format(email)\",\"d\":\"text = 'b' pattern"
	  "('a+')\",\"e\":\"decimal(5,2) = 1.25 multiple_of(0.5)\",\"f\":{\"type\":\"array\",\"items\":\"i"
	  "nteger\",\"default\":[\"x\"]},\"g\":{\"type\":\"float\",\"exclusive_max\":2,\"example\":2},\"h"
	  "\":\"string(8) = random_hex()\",\"i\":\"string(36) = uuid()\",\"j\":\"text = uuid7() min_length("
	  "37)\",\"k\":\"bigint = 5 min(5)\",\"l\":{\"type\":\"integer\",\"min\":5,\"default\":3,\"enforce"
	  "\":\"database\"},\"m\":\"integer min(5) max(4) = 3\"}}}}", NULL,
	  "m.json:1: M130 /models/A/fields/a: the default 3 is refused: a must be at least 5\n"
	  "m.json:1: M130 /models/A/fields/b: the default 2020-01-01 is refused: b must be at least 2021-01-01\n"
	  "m.json:1: M130 /models/A/fields/c: the default no is refused: invalid input syntax for type email: \"no\"\n"
	  "m.json:1: M130 /models/A/fields/d: the default b is refused: d must match the pattern a+\n"
	  "m.json:1: M130 /models/A/fields/e: the default 1.25 is refused: e must be a multiple of 0.5\n"
	  "m.json:1: M130 /models/A/fields/f: the default [\"x\"] is refused: invalid input syntax for type integer: \"x\"\n"
	  "m.json:1: M130 /models/A/fields/g: the example 2 is refused: g must be less than 2\n"
	  "m.json:1: M130 /models/A/fields/h: the default random_hex() does not fit: it has 32 characters\n"
	  "m.json:1: M130 /models/A/fields/j: the default uuid7() does not fit: it has 36 characters\n"
	  "m.json:1: M112 /models/A/fields/m: no value is between the minimum and the maximum\n" },
	{ "keys that cannot be compared", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"json pk\"}},\"B\":{\"fields\":{\"x\":\"ar"
	  "ray(text)\",\"y\":\"text\"},\"primary_key\":[\"y\",\"x\"]}}}", NULL,
	  "m.json:1: M112 /models/A/fields/x: the primary key does not go with type json\n"
	  "m.json:1: M112 /models/B/fields/x: the primary key does not go with type array\n" },
	{ "patterns", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"a\":\"text pattern('(a+)+')\",\"b\":"
	  "\"text pattern('[a')\",\"c\":\"text pattern('(a')\",\"d\":\"text pattern('a{1,300}')"
	  "\",\"e\":\"text pattern('a{2,1}')\",\"f\":\"text pattern('*a')\",\"g\":\"text pattern("
	  "'\\\\\\\\1')\",\"h\":\"text pattern('a{1')\",\"i\":\"text pattern('a{1,')\"}}}}", NULL,
	  "m.json:1: M131 /models/A/fields/a: bad pattern: a repetition of a repetition\n"
	  "m.json:1: M131 /models/A/fields/b: bad pattern: \"[\" without \"]\"\n"
	  "m.json:1: M131 /models/A/fields/c: bad pattern: \"(\" without \")\"\n"
	  "m.json:1: M131 /models/A/fields/d: bad pattern: a repetition of more than 255\n"
	  "m.json:1: M131 /models/A/fields/e: bad pattern: Invalid content of \\{\\}\n"
	  "m.json:1: M131 /models/A/fields/f: bad pattern: nothing to repeat\n"
	  "m.json:1: M131 /models/A/fields/g: bad pattern: \"\\\" stands only in front of a speci"
	  "al character\n"
	  "m.json:1: M131 /models/A/fields/h: bad pattern: \"{\" needs numbers, as in {2,5}\n"
	  "m.json:1: M131 /models/A/fields/i: bad pattern: \"{\" needs numbers, as in {2,5}\n" },
	{ "unknown model", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"-> Usr\",\"y\":{\"references\":"
	  "\"a.id\"},\"z\":\"-> P\"},\"relations\":{\"r\":\"Bees\"}},\"User\":{\"fields\":{}},\"P"
	  "\":{\"abstract\":true,\"fields\":{}},\"Q\":{\"fields\":{\"a_id\":\"-> A\"},\"relations"
	  "\":{\"p\":\"P\",\"v\":\"A via nowhere\",\"w\":{\"model\":\"A\",\"secondary\":\"nowhere"
	  "\"}}}}}", NULL,
	  "m.json:1: M201 /models/A/fields/x: there is no model \"Usr\"\n"
	  "    did you mean \"User\"?\n"
	  "m.json:1: M201 /models/A/fields/z: P is abstract and has no rows to reference\n"
	  "m.json:1: M201 /models/A/relations/r: there is no model \"Bees\"\n"
	  "m.json:1: M201 /models/Q/relations/p: P is abstract and has no rows\n"
	  "m.json:1: M201 /models/Q/relations/v: \"nowhere\" is neither a model nor a table, nor "
	  "a field of Q or A\n"
	  "m.json:1: M201 /models/Q/relations/w: there is no model \"nowhere\"\n" },
	{ "no foreign key", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{\"posts\":\"Post[] <"
	  "-> author\"}},\n"
	  "\"Post\":{\"fields\":{\"author_id\":\"integer\"},\n"
	  "\"relations\":{\"author\":\"User <-> posts\"}}}}", NULL,
	  "m.json:1: M202 /models/User/relations/posts: no foreign key links User and Post\n"
	  "    did you mean \"author_id\": \"-> User\"?\n"
	  "m.json:3: M202 /models/Post/relations/author: no foreign key links Post and User\n"
	  "    did you mean \"author_id\": \"-> User\"?\n" },
	{ "no foreign key, nothing like it", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{}},\"Post\":{\"fields\":{},\"relation"
	  "s\":{\"author\":\"User\",\"u\":\"User via x_id\"}}}}", NULL,
	  "m.json:1: M201 /models/Post/relations/u: \"x_id\" is neither a model nor a table, nor "
	  "a field of Post or User\n"
	  "m.json:1: M202 /models/Post/relations/author: no foreign key links Post and User\n"
	  "    add to the fields of Post: \"author_id\": \"-> User\"\n" },
	{ "junction without a key", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{},\"relations\":{\"bs\":\"B[] via AB\"}}"
	  ",\"B\":{\"fields\":{}},\"AB\":{\"fields\":{\"a_id\":\"-> A pk\",\"n\":\"integer pk\"}}"
	  "}}", NULL,
	  "m.json:1: M202 /models/A/relations/bs: no foreign key links AB and B\n"
	  "    add to the fields of AB: \"b_id\": \"-> B\"\n" },
	{ "ambiguous", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{}},\"Post\":{\"fields\":{\"author_id"
	  "\":\"-> User\",\"editor_id\":\"-> User\"},\"relations\":{\"user\":\"User\"}}}}", NULL,
	  "m.json:1: M203 /models/Post/relations/user: 2 foreign keys link Post and User\n"
	  "    name one: \"User via author_id\" or \"User via editor_id\"\n" },
	{ "ambiguous junction", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{\"friends\":\"User[]"
	  " via Friend\"}},\"Friend\":{\"fields\":{\"a_id\":\"-> User pk\",\"b_id\":\"-> User pk"
	  "\"}}}}", NULL,
	  "m.json:1: M203 /models/User/relations/friends: 2 foreign keys link Friend and User\n"
	  "    name one: \"local\": \"a_id\" or \"local\": \"b_id\"\n" },
	{ "wrong cardinality", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{\"profile\":\"Profil"
	  "e[]\",\"tags\":\"Tag? via UT\"}},\"Profile\":{\"fields\":{\"user_id\":\"-> User unique"
	  "\"},\"relations\":{\"user\":\"User[]\"}},\"Tag\":{\"fields\":{}},\"UT\":{\"fields\":{"
	  "\"u\":\"-> User pk\",\"t\":\"-> Tag pk\"}}}}", NULL,
	  "m.json:1: M204 /models/User/relations/profile: Profile.user_id is unique: there is at "
	  "most one Profile, not a list\n"
	  "    write \"Profile?\" in place of \"Profile[]\"\n"
	  "m.json:1: M204 /models/User/relations/tags: a relation by way of UT is a list\n"
	  "    write \"Tag[] via UT\"\n"
	  "m.json:1: M204 /models/Profile/relations/user: Profile has the foreign key itself: one"
	  " User, not a list\n"
	  "    write \"User\" in place of \"User[]\"\n" },
	{ "back_populates missing", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{}},\"Post\":{\"fields\":{\"author_id"
	  "\":\"-> User\"},\n"
	  "\"relations\":{\"author\":\"User <-> posts\",\"one\":\"User via author_id <-> posts\"}"
	  "}}}", NULL,
	  "m.json:2: M205 /models/Post/relations/author: back_populates names User.posts, which d"
	  "oes not exist\n"
	  "    add to the relations of User: \"posts\": \"Post[] <-> author\"\n"
	  "m.json:2: M205 /models/Post/relations/one: back_populates names User.posts, which does"
	  " not exist\n"
	  "    add to the relations of User: \"posts\": \"Post[] <-> one\"\n" },
	{ "back_populates not mutual", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{\"posts\":\"Post[]"
	  "\",\"notes\":\"Post[] <-> other\",\"logs\":\"Log[]\"}},\"Log\":{\"fields\":{\"user_id"
	  "\":\"-> User\"}},\"Post\":{\"fields\":{\"author_id\":\"-> User\"},\"relations\":{\"aut"
	  "hor\":\"User <-> posts\",\"other\":\"User via author_id <-> posts\",\"log\":\"User via"
	  " author_id <-> logs\"}}}}", NULL,
	  "m.json:1: M205 /models/User/relations/notes: Post.other names User.posts, not User.not"
	  "es\n"
	  "m.json:1: M205 /models/Post/relations/author: User.posts does not name Post.author bac"
	  "k\n"
	  "    add \"<-> author\" to User.posts\n"
	  "m.json:1: M205 /models/Post/relations/other: User.posts does not name Post.other back"
	  "\n"
	  "    add \"<-> other\" to User.posts\n"
	  "m.json:1: M205 /models/Post/relations/log: User.logs is a relation to Log, not to Post"
	  "\n" },
	{ "back_populates by two keys", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{\"posts\":\"Post[] v"
	  "ia a_id <-> author\"}},\"Post\":{\"fields\":{\"a_id\":\"-> User\",\"b_id\":\"-> User"
	  "\"},\"relations\":{\"author\":\"User via b_id <-> posts\"}}}}", NULL,
	  "m.json:1: M205 /models/User/relations/posts: User.posts and Post.author are not two si"
	  "des of the same foreign key\n" },
	{ "back_populates of tags", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{},\"relations\":{\"bs\":\"B[] via AB <->"
	  " as\"}},\"B\":{\"fields\":{}},\"AB\":{\"fields\":{\"a_id\":\"-> A pk\",\"b_id\":\"-> B"
	  " pk\"}}}}", NULL,
	  "m.json:1: M205 /models/A/relations/bs: back_populates names B.as, which does not exist"
	  "\n"
	  "    add to the relations of B: \"as\": \"A[] via AB <-> bs\"\n" },
	{ "one-to-one not unique", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{},\"relations\":{\"profile\":\"Profil"
	  "e? <-> user\"}},\"Profile\":{\"fields\":{\"user_id\":\"-> User\"},\"relations\":{\"use"
	  "r\":\"User <-> profile\"}}}}", NULL,
	  "m.json:1: M206 /models/User/relations/profile: Profile.user_id is not unique: there ca"
	  "n be many Profile\n"
	  "    add \"unique\" to the field, or write \"Profile[]\" for a list\n" },
	{ "referenced field", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"-> B.nmae\",\"y\":\"-> C\"},\"fo"
	  "reign_keys\":[{\"fields\":[\"x\"],\"model\":\"C\"}]},\"B\":{\"fields\":{\"name\":\"tex"
	  "t\"}},\"C\":{\"fields\":{\"a\":\"text pk\",\"b\":\"text pk\"}}}}", NULL,
	  "m.json:1: M207 /models/A/fields/x: B has no field \"nmae\"\n"
	  "    did you mean \"name\"?\n"
	  "m.json:1: M207 /models/A/fields/y: the primary key of C has 2 fields\n"
	  "    reference all of them, in foreign_keys\n"
	  "m.json:1: M207 /models/A/foreign_keys/0: the primary key of C has 2 fields, not 1\n" },
	{ "referenced field not unique", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"-> B.name\",\"y\":\"text\",\"z"
	  "\":\"text\"},\"foreign_keys\":[{\"fields\":[\"y\",\"z\"],\"model\":\"B\",\"references"
	  "\":[\"name\",\"more\"]}]},\"B\":{\"fields\":{\"name\":\"text\",\"more\":\"text\"}}}}", NULL,
	  "m.json:1: M208 /models/A/fields/x: B.name is neither the primary key nor unique\n"
	  "    add \"unique\" to the field\n"
	  "m.json:1: M208 /models/A/foreign_keys/0: the referenced fields of B are neither its pr"
	  "imary key nor unique\n"
	  "    add them to \"unique\" of the model\n" },
	{ "types differ", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"text\",\"references\":"
	  "\"B\"},\"y\":\"text\",\"l\":\"-> L\"},\"foreign_keys\":[{\"fields\":[\"y\"],\"model\":"
	  "\"B\"}]},\"B\":{\"fields\":{}},\"L\":{\"fields\":{\"id\":\"-> K pk\"}},\"K\":{\"fields"
	  "\":{\"id\":\"-> L pk\"}}}}", NULL,
	  "m.json:1: M209 /models/A/fields/x: the type is text, but B.id is bigint\n"
	  "    leave the type out: a reference takes it over\n"
	  "m.json:1: M209 /models/L/fields/id: the reference ends nowhere: it comes back to itsel"
	  "f\n"
	  "m.json:1: M209 /models/A/foreign_keys/0: \"y\" is text, but B.id is bigint\n" },
	{ "set null and set default", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"-> B on delete set null\",\"y\":"
	  "\"-> B on update set default\"},\"foreign_keys\":[{\"fields\":[\"x\"],\"model\":\"B\","
	  "\"on_delete\":\"set null\"}]},\"B\":{\"fields\":{}}}}", NULL,
	  "m.json:1: M220 /models/A/fields/x: on delete set null, but \"x\" cannot be null\n"
	  "    make it nullable: \"x\": \"-> B? …\"\n"
	  "m.json:1: M221 /models/A/fields/y: on update set default, but \"y\" has no default\n"
	  "    add a default: \"… = 1\"\n"
	  "m.json:1: M220 /models/A/foreign_keys/0: on delete set null, but \"x\" cannot be null"
	  "\n"
	  "    make the field nullable: add \"?\" to its type\n" },
	{ "decimal as text", MD_ENGINE_SQLITE,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"decimal(20, 2)\"}}}}", NULL,
	  "m.json:1: warning: M230 /models/A/fields/x: SQLite keeps decimals of more than 15 digi"
	  "ts as text, which only modeld sorts and compares as numbers\n" },
	{ "engines", MD_ENGINE_SQLITE | MD_ENGINE_POSTGRESQL | MD_ENGINE_MARIADB,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"text\",\"default\":{"
	  "\"sql\":{\"sqlite\":\"1\"}},\"check\":{\"postgresql\":\"true\",\"mariadb\":\"1\"}},\"y"
	  "\":{\"type\":\"integer\",\"generated\":{\"sql\":\"1\",\"stored\":false}},\"z\":{\"refe"
	  "rences\":{\"model\":\"A\",\"deferrable\":\"deferred\",\"on_delete\":\"set default\"},"
	  "\"nullable\":true}},\"indexes\":[{\"fields\":[\"x\"],\"using\":\"gin\"},{\"fields\":["
	  "\"x\"],\"include\":[\"y\"],\"where\":\"x > 1\"}],\"options\":{\"sqlite\":{\"without_ro"
	  "wid\":true}}}}}", NULL,
	  "m.json:1: M231 /models/A/fields/x: the check has no SQL for SQLite\n"
	  "m.json:1: M231 /models/A/indexes/0: SQLite does not support this kind of index\n"
	  "m.json:1: M231 /models/A/indexes/1: SQLite does not support indexes that include field"
	  "s\n"
	  "m.json:1: M231 /models/A: SQLite does not support without_rowid when the key counts by"
	  " itself\n"
	  "    add \"auto_increment\": false to A.id\n"
	  "m.json:1: M231 /models/A/fields/x: the default has no SQL for PostgreSQL\n"
	  "m.json:1: M231 /models/A/fields/y: PostgreSQL does not support generated values that a"
	  "re not stored\n"
	  "m.json:1: M231 /models/A/fields/x: the default has no SQL for MariaDB\n"
	  "m.json:1: M231 /models/A/indexes/0: MariaDB does not support this kind of index\n"
	  "m.json:1: M231 /models/A/indexes/1: MariaDB does not support indexes that include fiel"
	  "ds\n"
	  "m.json:1: M231 /models/A/indexes/1: MariaDB does not support indexes of some rows only"
	  "\n"
	  "m.json:1: M231 /models/A/fields/z: MariaDB does not support set default\n"
	  "m.json:1: M231 /models/A/fields/z: MariaDB does not support deferrable foreign keys\n" },
	{ "keys and unique indexes of engines", MD_ENGINE_SQLITE | MD_ENGINE_POSTGRESQL,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"integer\",\"primary_key\":true,"
	  "\"generated\":{\"sql\":\"1\"}},\"y\":\"text\"},\"unique\":[{\"fields\":[\"y\"],\"using\":"
	  "\"btree\"}]},\"B\":{\"fields\":{\"y\":\"text\"},\"unique\":[{\"fields\":[\"y\"],\"using\":"
	  "\"hash\"}]}}}", NULL,
	  "m.json:1: M231 /models/A/fields/x: SQLite does not support generated primary keys\n"
	  "m.json:1: M231 /models/B/unique/0: SQLite does not support this kind of index\n"
	  "m.json:1: M231 /models/B/unique/0: PostgreSQL does not support unique indexes of this kind\n" },
	{ "cascades in a circle", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"b_id\":\"-> B? on delete cascade\",\"a"
	  "_id\":\"-> A? on delete cascade\"}},\"B\":{\"fields\":{\"c_id\":\"-> C? on delete casc"
	  "ade\"}},\"C\":{\"fields\":{\"a_id\":\"-> A? on delete cascade\"}}}}", NULL,
	  "m.json:1: warning: M232 /models/A/fields/b_id: deletions go round in a circle: A, C, B"
	  ", A\n" },
	{ "table twice", 0,
	  "{\"version\":1,\"models\":{\"User\":{\"fields\":{}},\"Person\":{\"table\":\"USER\",\"f"
	  "ields\":{}}}}", NULL,
	  "m.json:1: M240 /models/Person: User and Person have the same table \"USER\"\n" },
	{ "column twice", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":{\"type\":\"text\",\"column\":\"Y"
	  "\"},\"y\":\"text\"}}}}", NULL,
	  "m.json:1: M241 /models/A/fields/y: \"x\" and \"y\" have the same column \"y\"\n" },
	{ "index name twice", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"fields\":{\"x\":\"text\",\"y\":\"-> A?\",\"z\":{"
	  "\"references\":{\"model\":\"A\",\"name\":\"k\"},\"nullable\":true}},\"indexes\":[{\"fi"
	  "elds\":[\"x\"],\"name\":\"i\"},{\"fields\":[\"id\"],\"name\":\"I\"}],\"checks\":[{\"na"
	  "me\":\"k\",\"sql\":\"1\"}]}}}", NULL,
	  "m.json:1: M242 /models/A/indexes/1: the name \"I\" is used twice\n"
	  "m.json:1: M242 /models/A/checks/0: the name \"k\" is used twice\n" },
	{ "reserved tables", 0,
	  "{\"version\":1,\"models\":{\"A\":{\"table\":\"sqlite_x\",\"fields\":{}},\"B\":{\"table"
	  "\":\"-\",\"fields\":{}},\"C\":{\"table\":\"alembic_version\",\"fields\":{}}}}", NULL,
	  "m.json:1: M243 /models/A: the table name \"sqlite_x\" is reserved\n"
	  "m.json:1: M243 /models/B: the table name \"-\" is reserved\n"
	  "m.json:1: M243 /models/C: the table name \"alembic_version\" is reserved\n" },
	/* clang-format on */
};

static bool seen[MD_DEF_CODE_COUNT];

static void check(unsigned number)
{
	struct md_def_source sources[2] = { { "m.json", md_str_of(cases[number].text) },
					    { "n.json", md_str_of(cases[number].second) } };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	md_auto_buf told = MD_BUF(1 << 20);
	enum md_code code = md_definitions_load(sources, cases[number].second ? 2 : 1, NULL,
						cases[number].targets, &report, &definitions, NULL);

	ck_assert_int_eq(code, report.errors > 0 ? MD_INVALID : MD_OK);
	ck_assert((code == MD_OK) == (definitions != NULL));
	for (unsigned i = 0; i < report.count; i++) {
		seen[report.items[i].code] = true;
		md_def_problem_print(&report.items[i], &told);
	}
	ck_assert_msg(strcmp(md_buf_text(&told), cases[number].told) == 0, "%s:\n%s\nexpected:\n%s",
		      cases[number].name, told.data, cases[number].told);
	md_def_report_release(&report);
	md_definitions_free(definitions);
}

START_TEST(every_mistake_is_told_with_place_and_hint)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(i);
	seen[MD_DEF_M100] = true; /* about files: test_define_files.c */
	seen[MD_DEF_M108] = true; /* limits: test_define.c */
	for (unsigned i = 0; i < MD_DEF_CODE_COUNT; i++)
		ck_assert_msg(seen[i], "no test for %s", md_def_code_name(i));
}
END_TEST

SUITE_MAIN("definition errors", every_mistake_is_told_with_place_and_hint)
