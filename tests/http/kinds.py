"""Random values of every type that PostgreSQL has, as expressions of SQL: KINDS for the types that
come with the server, extra_kinds() for those of extensions that it has. What they say is not judged
here; the server does that."""
import functools
import json

# Where texts go wrong: quotes, backslashes, delimiters, control characters, every plane of Unicode.
ODD_PIECES = [*"\"'\\,{}()[] \n\r\t\b\f\v\x01\x1f\x7f\x80\x9f\u00a0éßİǆ\u0301\u200b\u2028\u2029",
              *"\ufeff\ufffd\uffff\U00010000\U0001f600\U0002f800\U000e0001\U0010ffff",
              *"aZ0-.:;&=?#%*+/<>|_", "  ", "\\\\", "NULL", "null", "$1", "u0041", "\\u0041", "日本",
              "عربي"]
LABELS = ["calm", "so, so", 'a "b" \\ c', "", "NULL", "ünï 😀", "(x)", "{y}", "it's", " ", "0"]


def quote(text):
    """A text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def some_text(dice, longest=8):
    shape = dice.randrange(8)
    if shape == 0:
        return ""
    if shape == 1:
        planes = [range(1, 0xd800), range(0xe000, 0x110000)]
        return "".join(chr(dice.choice(dice.choice(planes)))
                       for _ in range(dice.randrange(1, longest)))
    if shape == 2:
        return dice.choice(["x", "y"]) * dice.choice([1, 16, 31, 63, 64, 65, 127, 128])
    return "".join(dice.choice(ODD_PIECES) for _ in range(dice.randrange(1, longest)))


def some_json(dice, depth=3, white=True):
    """A text of JSON: keys that come twice, white space, numbers of any length, escapes."""
    blank = (lambda: dice.choice(["", "", "", " ", "\n", "\t ", "\r\n"])) if white else lambda: ""
    shape = dice.randrange(10 if depth else 7)
    if shape < 2:
        return json.dumps(some_text(dice), ensure_ascii=dice.random() < 0.5)
    if shape < 4:
        return dice.choice(["0", "-0", "1", "-1.50", "1E400", "1e-400", "0.1000", "1.0e+2",
                            "12345678901234567890", "9007199254740993", "-9223372036854775809"])
    if shape < 7:
        return dice.choice(["null", "true", "false", '""', "{}", "[]", '"a\\u0041\\/\\n"'])
    parts = [blank() + some_json(dice, depth - 1, white) + blank()
             for _ in range(dice.randrange(1, 4))]
    if shape == 7:
        return "[" + ",".join(parts) + "]"
    keys = dice.choices(['"a"', '"b"', '"a b"', '"\\""', '""', '"0"', '"é"', '"->"'], k=len(parts))
    return "{" + ",".join(f"{blank()}{key}{blank()}:{part}" for key, part in zip(keys, parts)) + "}"


def digits(dice, most):
    return "".join(dice.choice("0123456789") for _ in range(dice.randrange(1, most + 1)))


def some_numeric(dice):
    return dice.choice(["NaN", "Infinity", "-Infinity", "0", "0.000", "-0.5", "1e-20", "1e30",
                        "10.00", digits(dice, 60), f"-{digits(dice, 30)}.{digits(dice, 40)}",
                        f"{digits(dice, 3)}.{digits(dice, 3)}", f"0.{'0' * dice.randrange(60)}1"])


def some_float(dice):
    return dice.choice(["NaN", "Infinity", "-Infinity", "0", "-0", "1e-30", "1.5", "-1", "0.1",
                        "1e15", "1e16", "123456789", "3.4e38", "1.17549e-38",
                        repr(dice.uniform(-1e3, 1e3)),
                        repr(dice.uniform(-1, 1) * 10 ** dice.randrange(-30, 30))])


def some_double(dice):
    return dice.choice([some_float(dice), "1e-320", "5e-324", "1.7976931348623157e308", "1e100",
                        repr(dice.uniform(-1, 1) * 10.0 ** dice.randrange(-300, 300))])


def some_day(dice):
    year = dice.choice([1, 4, 99, 1582, 1899, 1970, 2000, 2024, 2038, 9999, 10000, 123456])
    era = " BC" if dice.random() < 0.15 and year < 4000 else ""
    return f"{year:04}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}", era


def some_clock(dice):
    return dice.choice(["00:00:00", "23:59:59.999999", "12:30:00.5", "01:02:03.000001",
                        f"{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.randrange(60):02}"])


def some_date(dice):
    return dice.choice(["infinity", "-infinity", *["".join(some_day(dice)) for _ in range(6)]])


def some_offset(dice):
    return dice.choice(["+00", "Z", "-08", "+05:30", "+12:45", "-03:30", "+14"])


def some_timestamp(dice, offset=lambda _: ""):
    day, era = some_day(dice)
    plain = f"{day} {some_clock(dice)}{offset(dice)}{era}"
    return dice.choice(["infinity", "-infinity", *6 * [plain]])


def some_interval(dice):
    return dice.choice(["0", "1 day", "-1 mon +3 days -04:05:06.789", "178000000 years",
                        "P1Y2M3DT4H5M6S", "-00:00:00.000001", "100:00:00", "1 year -1 day", "-2 years",
                        f"{dice.randrange(-99, 99)} mons {dice.randrange(-99, 99)} days"])


def some_bytes(dice):
    return "\\x" + bytes(dice.randrange(256) for _ in range(dice.choice([0, 1, 2, 7, 40]))).hex()


def some_bits(dice, count=None):
    count = dice.randrange(0, 70) if count is None else count
    return "".join(dice.choice("01") for _ in range(count))


def some_uuid(dice):
    return f"{dice.getrandbits(128):032x}"


def some_inet(dice):
    four = ".".join(str(dice.randrange(256)) for _ in range(4))
    six = ":".join(f"{dice.randrange(65536):x}" for _ in range(8))
    return dice.choice([four, f"{four}/{dice.randrange(33)}", six, f"{six}/{dice.randrange(129)}",
                        "::1", "::ffff:1.2.3.4", "0.0.0.0/0"])


def some_cidr(dice):
    return dice.choice(["10.0.0.0/8", "0.0.0.0/0", "192.168.1.0/24", "1.2.3.4/32", "2001:db8::/32",
                        "::/0", f"{dice.randrange(256)}.0.0.0/8"])


def some_mac(dice, count):
    return ":".join(f"{dice.randrange(256):02x}" for _ in range(count))


def some_point(dice):
    return f"({some_double(dice)},{some_float(dice)})"


def some_place(dice):
    """A point of plain numbers."""
    return f"({dice.randrange(-99, 99)},{dice.choice(['0', '1.5', '-2', '1e20', '0.1'])})"


def some_places(dice, opening="(", closing=")"):
    return opening + ",".join(some_place(dice) for _ in range(dice.randrange(1, 5))) + closing


def some_xml(dice):
    return dice.choice(["", "text", "<a/>", "<a b='c'>d</a>", "<a>é &amp; &lt; \"q\" 😀</a>",
                        "<?xml version=\"1.0\"?><x/>", "<!-- c --><x>\n</x>", "a<b/>c"])


def some_words(dice):
    return dice.choice(["", "a:1 b:2", "'so, so':3A \"q\":1", "fat:2,4B cat:3D", "é:1 '😀':2",
                        "x y z"])


def some_question(dice):
    return dice.choice(["a & b", "!a", "a <-> b", "'so, so':A*", "a | (b & !c)", ""])


class Kind:
    """A type, and how its values are made. `bare` makes texts that the type reads; without it `sql`
    makes whole expressions. `plain`: CSV says the text that a client can post again."""

    def __init__(self, name, bare=None, sql=None, plain=True):
        self.name, self.bare, self.plain = name, bare, bool(plain)
        self.listed = plain is None  # an array
        self.make = sql or (lambda dice: f"{quote(bare(dice))}::{name}")

    def value(self, dice, nulls=0.12):
        return f"NULL::{self.name}" if dice.random() < nulls else self.make(dice)

    def __repr__(self):
        return self.name


def integers(bits):
    top = 1 << (bits - 1)
    return lambda dice: str(dice.choice([0, 1, -1, 7, top - 1, -top, dice.randrange(-top, top)]))


SCALARS = [
    Kind("smallint", integers(16)), Kind("integer", integers(32)), Kind("bigint", integers(64)),
    Kind("numeric", some_numeric), Kind("numeric(20,5)", lambda dice: dice.choice(
        ["NaN", "0", f"-{digits(dice, 14)}.{digits(dice, 5)}", digits(dice, 15)])),
    Kind("numeric(3,-2)", lambda dice: str(dice.randrange(-9999, 9999))), Kind("real", some_float),
    Kind("double precision", some_double), Kind("boolean", lambda dice: dice.choice("tf")),
    Kind("text", some_text), Kind("varchar", some_text),
    Kind("varchar(9)", lambda dice: some_text(dice)[:9]),
    Kind("char(5)", lambda dice: some_text(dice)[:5]),
    Kind('"char"', lambda dice: dice.choice(["", "a", '"', "\\", "é", "\x01", " "])),
    Kind("name", lambda dice: some_text(dice)[:15]), Kind("bytea", some_bytes),
    Kind("uuid", some_uuid),
    Kind("date", some_date), Kind("time", some_clock), Kind("time(2)", some_clock),
    Kind("timetz", lambda dice: some_clock(dice) + some_offset(dice)),
    Kind("timestamp", some_timestamp), Kind("timestamp(3)", some_timestamp),
    Kind("timestamptz", lambda dice: some_timestamp(dice, some_offset)),
    Kind("interval", some_interval), Kind("interval day to second", some_interval),
    Kind("money", lambda dice: str(dice.randrange(-10**12, 10**12) / 100)),
    Kind("bit(5)", lambda dice: some_bits(dice, 5)), Kind("varbit", some_bits),
    Kind("inet", some_inet), Kind("cidr", some_cidr), Kind("macaddr", lambda dice: some_mac(dice, 6)),
    Kind("macaddr8", lambda dice: some_mac(dice, 8)),
    Kind("oid", lambda dice: str(dice.getrandbits(32))),
    Kind("regclass", lambda dice: dice.choice(["pg_class", "pg_type", "0"])),
    Kind("xid8", lambda dice: str(dice.getrandbits(63))),
    Kind("pg_lsn", lambda dice: "16/B374D848"),
    Kind("point", some_point), Kind("lseg", lambda d: f"[{some_place(d)},{some_place(d)}]"),
    Kind("box", lambda dice: f"{some_place(dice)},{some_place(dice)}"), Kind("path", some_places),
    Kind("polygon", some_places),
    Kind("circle", lambda dice: f"<{some_place(dice)},{dice.randrange(9)}>"),
    Kind("line", lambda dice: f"{{{dice.randrange(1, 9)},2,{dice.choice(['0', '-1.5'])}}}"),
    Kind("tsvector", some_words), Kind("tsquery", some_question),
    Kind("xml", some_xml), Kind("mood", lambda dice: dice.choice(LABELS)),
    Kind("small", lambda dice: str(dice.randrange(100))), Kind("tiny", lambda d: str(d.randrange(9))),
    Kind("shout", some_text), Kind("feeling", lambda dice: dice.choice(LABELS)),
    Kind("moment", lambda dice: some_timestamp(dice, some_offset)),
    Kind("flag", lambda dice: dice.choice("tf")), Kind("exact", some_numeric),
    Kind("json", some_json, plain=False),
    Kind("jsonb", lambda dice: some_json(dice).replace("1E400", "1e40").replace("1e-400", "1e-40"),
         plain=False),
    Kind("doc", lambda dice: some_json(dice), plain=False),
    Kind("jsonpath", lambda dice: dice.choice(["$", "$.a[*] ? (@ > 1)", 'strict $."a b"']))]
BY_NAME = {kind.name: kind for kind in SCALARS}


def some_array(element, of, dice):
    """An array: empty, with NULLs, of two dimensions, with bounds of its own."""
    count, shape = dice.randrange(1, 4), dice.randrange(8)
    if shape == 0:
        return f"'{{}}'::{of}"
    def row():
        return "ARRAY[" + ",".join(element.value(dice, 0.2) for _ in range(count)) + "]"
    if shape == 1:
        made = f"ARRAY[{row()},{row()}]::{of}"
        bounds = f"[0:1][{7 - count}:6]"
    else:
        made = f"{row()}::{of}"
        bounds = f"[{3 - count}:2]"
    if dice.random() < 0.15:
        return f"({quote(bounds + '=')} || {made}::text)::{of}"
    return made


def array_kind(element, of=None):
    of = of or f"{element.name}[]"
    return Kind(of, sql=functools.partial(some_array, element, of), plain=None)


def some_range(element, of, dice):
    low, high = element.make(dice), element.make(dice)
    bounds = dice.choice(["[)", "[]", "(]", "()"])
    shape = dice.randrange(8)
    if shape == 0:
        return f"'empty'::{of}"
    if shape == 1:
        return f"{of}(NULL, {high}, '{bounds}')"
    if shape == 2:
        return f"{of}({low}, NULL, '{bounds}')"
    return f"{of}(least({low}, {high}), greatest({low}, {high}), '{bounds}')"


def some_multirange(single, of, dice):
    return f"{of}({','.join(single.make(dice) for _ in range(dice.randrange(4)))})"


def composite_kind(name, *members):
    def make(dice):
        return f"ROW({','.join(member.value(dice, 0.25) for member in members)})::{name}"
    return Kind(name, sql=make, plain=False)


# Ends that can be counted on from, which those of int4range, int8range and daterange must be.
STEADY = {"int4range": Kind("integer", lambda dice: str(dice.randrange(-2**31, 2**31 - 1))),
          "int8range": Kind("bigint", lambda dice: str(dice.randrange(-2**63, 2**63 - 1))),
          "daterange": BY_NAME["date"]}
RANGES = [Kind(of, sql=functools.partial(some_range, STEADY.get(of) or BY_NAME[element], of))
          for of, element in [
           ("int4range", None), ("int8range", None), ("daterange", None), ("numrange", "numeric"),
           ("tsrange", "timestamp"), ("tstzrange", "timestamptz"), ("wordrange", "text"),
           ("lapse", "interval")]]
MULTIRANGES = [Kind(of, sql=functools.partial(some_multirange, single, of)) for single, of in
               zip(RANGES, ["int4multirange", "int8multirange", "datemultirange", "nummultirange",
                            "tsmultirange", "tstzmultirange", "wordmultirange", "lapses"])]
PAIR = composite_kind("pair", BY_NAME["integer"], BY_NAME["text"])
DEEP = composite_kind("deep", PAIR, array_kind(BY_NAME["text"]), BY_NAME["mood"], array_kind(PAIR),
                      BY_NAME["timestamptz"], BY_NAME["jsonb"], BY_NAME["bytea"], BY_NAME["json"])
COMPOSITES = [PAIR, DEEP, composite_kind("single", BY_NAME["tiny"]), Kind(
    "couple", sql=lambda dice: PAIR.make(dice) + "::couple", plain=False)]
ARRAYS = [array_kind(kind) for kind in SCALARS + RANGES + MULTIRANGES[:2] + COMPOSITES
          if kind.name not in ("interval day to second", '"char"', "regclass")]
ARRAYS += [array_kind(BY_NAME['"char"']), array_kind(BY_NAME["integer"], "numbers"),
           array_kind(BY_NAME["text"], "words"), array_kind(PAIR, "pairs")]
KINDS = SCALARS + RANGES + MULTIRANGES + COMPOSITES + ARRAYS

TYPES = f'''
    CREATE TYPE mood AS ENUM ({','.join(quote(label) for label in LABELS)});
    CREATE DOMAIN small AS integer CHECK (VALUE >= 0);
    CREATE DOMAIN tiny AS small CHECK (VALUE < 100);
    CREATE DOMAIN shout AS text DEFAULT '!';
    CREATE DOMAIN feeling AS mood;
    CREATE DOMAIN moment AS timestamptz;
    CREATE DOMAIN flag AS boolean;
    CREATE DOMAIN exact AS numeric;
    CREATE DOMAIN doc AS json;
    CREATE DOMAIN numbers AS integer[];
    CREATE DOMAIN words AS text[];
    CREATE TYPE wordrange AS RANGE (subtype = text, collation = "C");
    CREATE TYPE lapse AS RANGE (subtype = interval, multirange_type_name = lapses);
    CREATE TYPE pair AS (a integer, b text);
    CREATE TYPE single AS ("x y" tiny);
    CREATE DOMAIN couple AS pair;
    CREATE DOMAIN pairs AS pair[];
    CREATE TYPE deep AS ("Odd ""name""" pair, tags text[], mood mood, pairs pair[], at timestamptz,
        data jsonb, raw bytea, text json);
'''


def extra_kinds(database):
    """The types of extensions, made in the database where the server has them."""
    there = {name for name, in database.rows("SELECT name FROM pg_available_extensions")}
    kinds = []
    for extension, kind in [
            ("citext", Kind("citext", some_text)), ("ltree", Kind("ltree", lambda d: "a.b.c")),
            ("hstore", Kind("hstore", lambda dice: dice.choice(
                ["", "a=>1", 'a=>NULL,"b c"=>"\\"q\\""', '"é"=>"1e5",t=>t']), plain=False))]:
        if extension in there:
            database.run(f"CREATE EXTENSION {extension}")
            kinds += [kind, array_kind(kind)]
    return kinds


__all__ = ["BY_NAME", "KINDS", "Kind", "TYPES", "array_kind", "extra_kinds", "quote", "some_json",
           "some_text"]
