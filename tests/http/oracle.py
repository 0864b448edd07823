"""What random reads should answer, worked out in Python from the rows alone: World (the rows and their
relationships), and Asker, which makes requests by a seed. A request is a Level: a tree of what is
selected, with conditions, order and page of each embedded relation; it knows its query string, and
what it answers. Nothing here knows SQL or modeld. Conditions have three values: None is unknown."""
import functools
import json
import random

WORDS = ["ash", "Birch", "cedar", "", "a,b", "it's", 'say "so"', "(x)", "100%", "ü", "Ähre", "x.y",
         "back\\slash", "null", "two words", "under_score", "&=#+"]
TABLES = {
    "city": {"name": "text", "size": "integer"},
    "author": {"name": "text", "born": "integer", "alive": "boolean", "city_id": "integer"},
    "book": {"title": "text", "year": "integer", "price": "integer", "info": "json",
             "author_id": "integer", "editor_id": "integer"},
    "tag": {"name": "text", "weight": "integer"},
}
# relation of a table as it is embedded: (name, table, many, rows of one row)
ONE, MANY, LINKED = "one", "many", "linked"
RELATIONS = {
    "city": [("author", "author", MANY, "city_id")],
    "author": [("city", "city", ONE, "city_id"), ("book!book_author", "book", MANY, "author_id"),
               ("book!book_editor", "book", MANY, "editor_id")],
    "book": [("author!book_author", "author", ONE, "author_id"),
             ("author!book_editor", "author", ONE, "editor_id"),
             ("tag", "tag", LINKED, ("book_id", "tag_id"))],
    "tag": [("book", "book", LINKED, ("tag_id", "book_id"))],
}
MODELS = {"version": 1, "models": {
    "City": {"table": "city", "fields": {"id": "integer pk", "name": "text?", "size": "integer?"}},
    "Author": {"table": "author", "fields": {
        "id": "integer pk", "name": "text?", "born": "integer?", "alive": "boolean?",
        "city_id": {"references": {"model": "City", "name": "author_city"}, "nullable": True}}},
    "Book": {"table": "book", "fields": {
        "id": "integer pk", "title": "text?", "year": "integer?", "price": "integer?",
        "info": "json?",
        "author_id": {"references": {"model": "Author", "name": "book_author"}, "nullable": True},
        "editor_id": {"references": {"model": "Author", "name": "book_editor"}, "nullable": True}}},
    "Tag": {"table": "tag", "fields": {"id": "integer pk", "name": "text?", "weight": "integer?"}},
    "BookTag": {"table": "book_tag", "fields": {"book_id": "-> Book pk", "tag_id": "-> Tag pk"}},
}}


class World:
    """Rows by table, each a dictionary; the same for the same seed."""

    def __init__(self, seed, size=14):
        self.random = random.Random(seed)
        self.rows = {"city": [], "author": [], "book": [], "tag": []}
        for table, columns in TABLES.items():
            for number in range(1, size + 1):
                row = {"id": number}
                for name, kind in columns.items():
                    row[name] = self.value(table, name, kind)
                self.rows[table].append(row)
        pairs = {(self.random.randint(1, size), self.random.randint(1, size))
                 for _ in range(2 * size)}
        self.rows["book_tag"] = [{"book_id": book, "tag_id": tag} for book, tag in sorted(pairs)]

    def value(self, table, name, kind):
        if self.random.random() < 0.2:
            return None
        if name.endswith("_id"):
            return self.random.randint(1, len(self.rows["city"]) or 9)
        if kind == "json":
            return {"k": self.random.choice([None, "x", "y", 5, True]),
                    "l": self.random.sample(range(9), self.random.randint(0, 3)),
                    "o": {"deep key": self.random.choice(WORDS)}}
        return {"text": lambda: self.random.choice(WORDS),
                "integer": lambda: self.random.randint(-3, 3),
                "boolean": lambda: self.random.random() < 0.5}[kind]()

    def related(self, relation, row):
        """The rows of a relation of one row."""
        _, table, kind, key = relation
        if kind == ONE:
            return [other for other in self.rows[table] if other["id"] == row[key]]
        if kind == MANY:
            return [other for other in self.rows[table] if other[key] == row["id"]]
        here, there = key
        wanted = {link[there] for link in self.rows["book_tag"] if link[here] == row["id"]}
        return [other for other in self.rows[table] if other["id"] in wanted]


# --- conditions ----------------------------------------------------------------------------------

def negate(value):
    return None if value is None else not value


def all_of(values):
    values = list(values)
    return False if False in values else None if None in values else True


def any_of(values):
    values = list(values)
    return True if True in values else None if None in values else False


def quoted(text):
    """A value inside of a list or a tree."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def literal(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def like(text, pattern, fold):
    """SQL's LIKE, where * is % and a backslash keeps the next letter as it is."""
    text, pattern = (text.lower(), pattern.lower()) if fold else (text, pattern)

    @functools.lru_cache(None)
    def match(t, p):
        if p == len(pattern):
            return t == len(text)
        if pattern[p] in "*%":
            return match(t, p + 1) or (t < len(text) and match(t + 1, p))
        return (t < len(text) and (pattern[p] == "_" or pattern[p] == text[t])
                and match(t + 1, p + 1))
    return match(0, 0)


COMPARE = {"eq": lambda a, b: a == b, "neq": lambda a, b: a != b, "gt": lambda a, b: a > b,
           "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b}


class Leaf:
    """column operator value, possibly negated."""

    def __init__(self, column, kind, dice):
        self.column, self.kind, self.negated = column, kind, dice.random() < 0.25
        operators = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "isdistinct", "is", "any", "all"]
        if kind == "text":
            operators += ["like", "ilike", "like", "like(any)"]
        if kind == "boolean":
            operators = ["is", "eq", "is"]
        self.operator = dice.choice(operators)
        pick = {"text": lambda: dice.choice(WORDS), "integer": lambda: dice.randint(-4, 4),
                "boolean": lambda: dice.random() < 0.5}[kind]
        if self.operator == "is":
            words = ["null", "not_null"] + ["true", "false", "unknown"] * (kind == "boolean")
            self.values = [dice.choice(words)]
        elif self.operator in ("in", "any", "all", "like(any)"):
            self.values = [pick() for _ in range(dice.randint(1, 4))]
            self.compare = dice.choice([name for name in COMPARE if name != "neq"])
        else:
            self.values = [pick()]
        if self.operator == "in" and self.values == [""]:
            self.values = ["", "ash"]  # in.("") is the empty list, as for PostgREST
        if self.operator in ("like", "ilike", "like(any)"):
            # A backslash at the end of a pattern is an error of its own.
            self.values = [value.replace("\\", "") + dice.choice(["", "*"]) for value in self.values]
            self.values[0] = dice.choice(["", "*"]) + self.values[0]

    def written(self, inside):
        """As operator.value; `inside` a tree, where some letters need quotes."""
        name, values = self.operator, [literal(value) for value in self.values]
        if name == "in":
            text = "in.(" + ",".join(map(quoted, values)) + ")"
        elif name in ("any", "all", "like(any)"):
            text = ("like(any)" if name == "like(any)" else f"{self.compare}({name})")
            text += ".{" + ",".join(map(quoted, values)) + "}"
        else:
            plain = name == "is" or self.kind != "text" or not inside
            text = f"{name}." + (values[0] if plain else quoted(values[0]))
        return "not." * self.negated + text

    def holds(self, row, _asker):
        value = value_of(row, self.column)
        found = self.found(value)
        return negate(found) if self.negated else found

    def found(self, value):
        name, first = self.operator, self.values[0]
        if name == "is":
            return {"null": value is None, "not_null": value is not None, "true": value is True,
                    "false": value is False, "unknown": value is None}[first]
        if name == "isdistinct":
            return value != first
        if value is None:
            return None
        if name in ("like", "ilike"):
            return like(value, first, name == "ilike")
        if name == "like(any)":
            return any(like(value, pattern, False) for pattern in self.values)
        if name == "in":
            return value in self.values
        if name in ("any", "all"):
            return {"any": any, "all": all}[name](COMPARE[self.compare](value, other)
                                                  for other in self.values)
        return COMPARE[name](value, first)


class Tree:
    """and, or over conditions, possibly negated."""

    def __init__(self, kind, negated, parts):
        self.kind, self.negated, self.parts = kind, negated, parts

    def written(self):
        inner = ",".join(part.written() if isinstance(part, Tree)
                         else f"{part.column}.{part.written(True)}" for part in self.parts)
        return "not." * self.negated + f"{self.kind}({inner})"

    def holds(self, row, asker):
        values = (part.holds(row, asker) for part in self.parts)
        found = all_of(values) if self.kind == "and" else any_of(values)
        return negate(found) if self.negated else found


def value_of(row, column):
    """A column, or a place in its JSON: info->o->>key."""
    name, *path = column.replace("->>", "\0>").replace("->", "\0").split("\0")
    value = row[name]
    for step in path:
        as_text, key = step.startswith(">"), step.lstrip(">")
        if isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
        if as_text and value is not None and not isinstance(value, str):
            value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value


# --- requests ------------------------------------------------------------------------------------

AGGREGATES = {"count": len, "sum": sum, "min": min, "max": max}


class Level:
    """A relation as it is asked for: columns [(text, name, function of a row)], aggregates [(text,
    name, function of rows)], embeds [(prefix, relation, level, how)], conditions, order
    [(text, function of a row, descending, nulls first)], page."""

    def __init__(self, table):
        self.table, self.columns, self.embeds, self.leaves, self.trees = table, [], [], [], []
        self.aggregates, self.order, self.limit, self.offset = [], [], None, None

    def select(self):
        parts = [text for text, _, _ in self.columns + self.aggregates]
        for prefix, relation, level, how in self.embeds:
            join = "!inner" * (how == "inner")
            parts.append(f"{prefix}{relation[0]}{join}({level.select()})")
        return ",".join(parts)

    def parameters(self, path=""):
        """Everything but select, as (name, value); `path` is that of the embed, with its dot."""
        found = [(path + leaf.column, leaf.written(False)) for leaf in self.leaves]
        for tree in self.trees:
            written = tree.written()
            name, _, rest = written.partition("(")
            negation = "not." * name.startswith("not.")
            found.append((path + negation + name.removeprefix("not."), "(" + rest))
        if self.order:
            found.append((path + "order", ",".join(text for text, _, _, _ in self.order)))
        found += [(path + name, str(value)) for name, value in
                  (("limit", self.limit), ("offset", self.offset)) if value is not None]
        for prefix, relation, level, how in self.embeds:
            name = prefix.rstrip(":.") or relation[0].split("!")[0]
            if how in ("null", "not_null"):
                found.append((path + name, "is.null" if how == "null" else "not.is.null"))
            found += level.parameters(f"{path}{name}.")
        return found


class Asker:
    """Makes requests, and knows their answers."""

    def __init__(self, world, seed):
        self.world, self.dice = world, random.Random(seed)
        self.names = 0

    # --- making ---

    def level(self, table, depth, spread=False):
        level = Level(table)
        dice = self.dice
        scalar = [(name, kind) for name, kind in TABLES[table].items() if kind != "json"]
        self.put_conditions(level, scalar)
        if not spread and dice.random() < 0.12:
            return self.grouped(level, scalar)
        for name in dice.sample(["id", *TABLES[table]], dice.randint(1, 3)):
            level.columns.append(self.column(name, TABLES[table].get(name, "integer"), spread))
        for relation in RELATIONS[table] if depth > 0 else []:
            if dice.random() < 0.45:
                level.embeds.append(self.embed(relation, depth))
        self.put_order(level, scalar)
        for prefix, relation, inner, _ in level.embeds:
            if relation[2] == ONE and prefix != "..." and dice.random() < 0.4:
                name = next(iter(TABLES[relation[1]]))
                self.put_term(level, f"{prefix[:-1]}({name})",
                              functools.partial(self.of_one, relation, inner, name),
                              dice.choice(["", ".desc"]), "", 0)
        if dice.random() < 0.3:
            level.limit = dice.randint(0, 6)
        if dice.random() < 0.2:
            level.offset = dice.randint(0, 4)
        return level

    def put_conditions(self, level, scalar):
        for _ in range(self.dice.choice([0, 0, 0, 1, 1, 2])):
            level.leaves.append(self.leaf(scalar, level.table))
        if self.dice.random() < 0.2:
            level.trees.append(self.tree(scalar, level.table, 2))

    def grouped(self, level, scalar):
        """Some columns and some aggregates of the others."""
        dice = self.dice
        for name, kind in dice.sample(scalar, dice.randint(0, 2)):
            alias = self.fresh()
            level.columns.append((f"{alias}:{name}", alias, lambda row, name=name: row[name]))
            direction = dice.choice(["", ".desc"]) if kind != "boolean" else ""
            level.order.append((name + direction, lambda row, name=name: row[name],
                                direction == ".desc", direction == ".desc"))
        for name, kind in dice.sample([("id", "integer"), *scalar], dice.randint(1, 2)):
            function = dice.choice(list(AGGREGATES)) if kind == "integer" else "count"
            alias = self.fresh()

            def value(rows, name=name, function=function):
                values = [row[name] for row in rows if row[name] is not None]
                return AGGREGATES[function](values) if values or function == "count" else None
            level.aggregates.append((f"{alias}:{name}.{function}()", alias, value))
        if dice.random() < 0.5:
            level.aggregates.append(("count()", "count", len))
        if level.columns and dice.random() < 0.3:
            level.limit, level.offset = dice.randint(0, 4), dice.choice([None, 1])
        return level

    def fresh(self):
        self.names += 1
        return f"n{self.names}"

    def column(self, name, kind, unique):
        """(text, key, function); `unique`: an alias is needed, several levels share an object."""
        if kind == "json":
            path = self.dice.choice(["info->k", "info->>k", "info->o->>deep key", "info->l->1",
                                     "info->l->>0", "info->l", "info->none"])
            alias = self.fresh()
            return f"{alias}:{path}", alias, lambda row: value_of(row, path)
        cast = kind == "integer" and self.dice.random() < 0.15
        alias = self.fresh() if unique or self.dice.random() < 0.3 else None
        text = (f"{alias}:" if alias else "") + name + "::text" * cast

        def value(row):
            return str(row[name]) if cast and row[name] is not None else row[name]
        return text, alias or name, value

    def embed(self, relation, depth):
        dice = self.dice
        how = dice.choices(["left", "inner", "null", "not_null"], [6, 3, 1, 1])[0]
        if dice.random() < 0.25:
            level = self.level(relation[1], 0, spread=True)
            level.limit = level.offset = None
            # Relations by the same name would share their parameters.
            level.leaves, level.trees = [], []
            if "!" in relation[0]:
                level.order = []
            return "...", relation, level, "inner" if how == "inner" else "left"
        level = self.level(relation[1], depth - 1)
        if relation[2] == ONE:
            level.limit = level.offset = None
            if level.aggregates:
                level.aggregates, level.columns, level.order = [], [self.column("id", "integer", True)], []
        return f"{self.fresh()}:", relation, level, how

    def of_one(self, relation, inner, name, row):
        """A column of the one related row, if the embed shows it."""
        found = [other for other in self.world.related(relation, row) if self.fits(inner, other)]
        return found[0][name] if found else None

    def leaf(self, scalar, table):
        if table == "book" and self.dice.random() < 0.2:
            return Leaf(self.dice.choice(["info->>k", "info->o->>deep key"]), "text", self.dice)
        return Leaf(*self.dice.choice(scalar), self.dice)

    def tree(self, scalar, table, depth):
        parts = [self.tree(scalar, table, depth - 1) if depth > 0 and self.dice.random() < 0.3
                 else self.leaf(scalar, table) for _ in range(self.dice.randint(1, 3))]
        return Tree(self.dice.choice(["and", "or"]), self.dice.random() < 0.3, parts)

    def put_order(self, level, scalar):
        """Always in an order that is certain: the key comes last."""
        dice, terms = self.dice, []
        for name, kind in dice.sample(scalar, dice.randint(0, 2)):
            if kind != "boolean":
                terms.append((name, dice.choice(["", ".asc", ".desc"]),
                              dice.choice(["", ".nullsfirst", ".nullslast"])))
        terms.append(("id", dice.choice(["", ".desc"]), ""))
        for name, direction, nulls in terms:
            self.put_term(level, name, lambda row, name=name: row[name], direction, nulls)

    @staticmethod
    def put_term(level, text, value, direction, nulls, place=None):
        down = direction == ".desc"
        first = nulls == ".nullsfirst" if nulls else down
        term = (text + direction + nulls, value, down, first)
        level.order.insert(len(level.order) if place is None else place, term)

    # --- answering ---

    def target(self, level):
        return level.table, [("select", level.select()), *level.parameters()]

    def rows(self, level, rows):
        """Those of `rows` that the level selects, in its order and page."""
        found = [row for row in rows if self.fits(level, row)]
        for _, value, down, nulls_first in reversed(level.order):
            present = [row for row in found if value(row) is not None]
            missing = [row for row in found if value(row) is None]
            present.sort(key=value, reverse=down)  # equals stay in their order
            found = missing + present if nulls_first else present + missing
        return found

    @staticmethod
    def page(level, found):
        start = level.offset or 0
        return found[start:] if level.limit is None else found[start:start + level.limit]

    def fits(self, level, row):
        if all_of(part.holds(row, self) for part in [*level.leaves, *level.trees]) is not True:
            return False
        for _, relation, inner, how in level.embeds:
            wanted = {"inner": True, "not_null": True, "null": False}.get(how)
            if wanted is None:
                continue
            if self.is_there(inner, self.world.related(relation, row)) != wanted:
                return False
        return True

    def is_there(self, level, rows):
        """Whether an embed has a row on its page; its groups are not looked at."""
        found = [row for row in rows if self.fits(level, row)]
        if level.aggregates:
            return bool(found) and level.limit != 0
        return bool(self.page(level, found))

    def answer(self, level, rows=None):
        rows = self.rows(level, self.world.rows[level.table] if rows is None else rows)
        made = self.groups(level, rows) if level.aggregates else [
            self.shown(level, row) for row in rows]
        self.total = len(made)
        return self.page(level, made)

    @staticmethod
    def groups(level, rows):
        """Neighbours in the order of the level: it names all that rows are grouped by."""
        groups = {}
        for row in rows:
            groups.setdefault(tuple(value(row) for _, _, value in level.columns), []).append(row)
        if not level.columns:
            groups = {(): rows}
        return [{**{key: value for (_, key, _), value in zip(level.columns, values)},
                 **{key: value(members) for _, key, value in level.aggregates}}
                for values, members in groups.items()]

    def shown(self, level, row):
        """A row as the answer has it."""
        made = {key: value(row) for _, key, value in level.columns}
        for prefix, relation, inner, _ in level.embeds:
            related = self.answer(inner, self.world.related(relation, row))
            if prefix != "...":
                made[prefix[:-1]] = related if relation[2] != ONE else related[0] if related else None
            elif relation[2] == ONE:
                made.update(related[0] if related else {key: None for _, key, _ in inner.columns})
            else:
                made.update({key: [other[key] for other in related]
                             for _, key, _ in inner.columns})
        return made
