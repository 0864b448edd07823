"""Random definitions and random changes of them, by a seed: pair(seed) → Pair with `before` and `after`
(definition documents), and rows that fit into both."""
import copy
import random

# type: values that fit, as they are written in SQL on each engine
TRUE = {"sqlite": "1", "postgresql": "true"}
FALSE = {"sqlite": "0", "postgresql": "false"}
MOMENT = {"sqlite": "'2024-02-29T12:00:00.000000+00:00'", "postgresql": "'2024-02-29T12:00:00Z'"}
VALUES = {
    "smallint": ["1", "0", "-7"],
    "integer": ["1", "-20", "70000"],
    "bigint": ["1", "-2", "9000000000"],
    "float": ["0.5", "-1.25"],
    "decimal": ["1.5", "20.25"],
    "string": ["'abc'", "'ü'", "''"],
    "text": ["'long text'", "'it''s'", "''"],
    "boolean": [TRUE, FALSE],
    "date": ["'2024-02-29'", "'1999-12-31'"],
    "datetime": [MOMENT],
    "uuid": ["'6ba7b810-9dad-11d1-80b4-00c04fd430c8'"],
    "json": ["'{\"a\":1}'", "'[]'"],
    "enum": ["'a'", "'b'"],
}
DEFAULTS = {"smallint": 3, "integer": 4, "bigint": 5, "float": 0.5, "decimal": 2.5, "string": "x",
            "text": "some", "boolean": True, "date": "2020-01-01", "json": {"k": 1}, "enum": "a",
            "datetime": {"fn": "now"}, "uuid": {"fn": "uuid"}}
# Changes of type that keep every value of VALUES.
WIDER = {"smallint": ["integer", "bigint"], "integer": ["bigint", "decimal"], "bigint": ["decimal"],
         "string": ["text"], "enum": ["text", "string"], "date": ["text"], "uuid": ["text"],
         "boolean": ["integer"], "float": ["text"]}


class Pair:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = iter(f"n{number}" for number in range(1, 1000))
        self.before = self.definitions()
        self.rows = self.row_texts()
        self.after = copy.deepcopy(self.before)
        self.models_renamed = {}  # model of before: model of after
        self.renamed = {}  # (table, column) of before: (table, column) of after
        for _ in range(self.random.randint(1, 6)):
            self.random.choice(self.CHANGES)(self)

    # --- definitions ---

    def field(self):
        kind = self.random.choice(list(VALUES))
        field = {"enum": ["a", "b", "c"]} if kind == "enum" else {"type": kind}
        if kind == "string":
            field["max_length"] = self.random.choice([10, 40, 200])
        if kind == "decimal":
            field.update(precision=12, scale=2)
        if self.random.random() < 0.5:
            field["nullable"] = True
        if self.random.random() < 0.4:
            field["default"] = DEFAULTS[kind]
        return field

    def definitions(self):
        models = {}
        for number in range(self.random.randint(1, 4)):
            fields = {next(self.names): self.field() for _ in range(self.random.randint(1, 5))}
            if models and self.random.random() < 0.6:
                fields[next(self.names)] = {
                    "references": {"model": self.random.choice(list(models)),
                                   "on_delete": self.random.choice(["cascade", "restrict"])},
                    **({"nullable": True} if self.random.random() < 0.5 else {}),
                    **({"index": True} if self.random.random() < 0.5 else {})}
            model = {"table": f"t{number}", "fields": {"id": {"type": "bigint", "primary_key": True},
                                                      **fields}}
            self.add_index(model)
            models[f"M{number}"] = model
        return models

    def plain(self, model):
        """Fields that a change may be about."""
        return [name for name, field in model["fields"].items()
                if name != "id" and "references" not in field and not self.is_used(model, name)]

    @staticmethod
    def is_used(model, name):
        return any(name in text.split() for index in model.get("indexes", [])
                   for text in index["fields"])

    def add_index(self, model):
        names = [name for name, field in model["fields"].items() if name != "id" and field.get("type") != "json"]
        if not names or self.random.random() < 0.5:
            return
        index = {"fields": [self.random.choice(names) + self.random.choice(["", " desc"])]}
        if index not in model.get("indexes", []):
            model.setdefault("indexes", []).append(index)

    # --- changes ---

    def model(self):
        return self.after[self.random.choice(list(self.after))]

    def with_field(self):
        model = self.model()
        names = self.plain(model)
        return (model, self.random.choice(names)) if names else (model, None)

    def add_field(self):
        field = self.field()
        if not field.get("nullable") and "default" not in field:
            field["backfill"] = DEFAULTS["enum" if "enum" in field else field["type"]]
            if isinstance(field["backfill"], dict) and "fn" in field["backfill"]:
                field["nullable"] = True
                del field["backfill"]
        self.model()["fields"][next(self.names)] = field

    def drop_field(self):
        model, name = self.with_field()
        if name and len(model["fields"]) > 2:
            del model["fields"][name]

    def rename_field(self):
        model, name = self.with_field()
        was = self.before_of(model)
        if name and was and name in was["fields"]:
            new = next(self.names)
            model["fields"] = {(new if key == name else key): field
                               for key, field in model["fields"].items()}
            model["fields"][new]["renamed_from"] = name
            self.renamed[(was["table"], name)] = new

    def before_of(self, model):
        """The model as it was; None: it is new."""
        name = next(name for name, one in self.after.items() if one is model)
        return self.before.get(next((old for old, new in self.models_renamed.items() if new == name),
                                    name))

    def widen(self):
        model, name = self.with_field()
        if not name:
            return
        field = model["fields"][name]
        kind = "enum" if "enum" in field else field["type"]
        if kind not in WIDER or "backfill" in field:
            return
        new = self.random.choice(WIDER[kind])
        for key in ("enum", "max_length", "precision", "scale", "default"):
            field.pop(key, None)
        field["type"] = new
        if new == "decimal":
            field.update(precision=20, scale=2)

    def longer(self):
        model, name = self.with_field()
        if name and model["fields"][name].get("type") == "string" and "backfill" not in model["fields"][name]:
            model["fields"][name]["max_length"] += self.random.choice([10, 50])

    def nullable(self):
        _, field = self.changed_field()
        if field is not None:
            field["nullable"] = True
            field.pop("backfill", None)

    def not_null(self):
        _, field = self.changed_field()
        if field is not None and field.pop("nullable", None):
            kind = "enum" if "enum" in field else field["type"]
            value = DEFAULTS[kind]
            field["backfill"] = "2020-01-01T00:00:00Z" if kind == "datetime" else \
                "6ba7b810-9dad-11d1-80b4-00c04fd430c8" if kind == "uuid" else value

    def default(self):
        _, field = self.changed_field()
        if field is None:
            return
        if "default" in field and (field.get("nullable") or "backfill" in field):
            del field["default"]
        else:
            field["default"] = DEFAULTS["enum" if "enum" in field else field["type"]]

    def changed_field(self):
        model, name = self.with_field()
        return name, model["fields"][name] if name else None

    def label(self):
        _, field = self.changed_field()
        if field and "enum" in field:
            field["enum"] = field["enum"] + ["d"]

    def fewer_labels(self):
        _, field = self.changed_field()
        if field and "enum" in field:
            field["enum"] = ["b", "a"]  # what rows have

    def shorter(self):
        model, name = self.with_field()
        if name and model["fields"][name].get("type") == "string":
            model["fields"][name]["max_length"] = 9  # the longest of VALUES

    def describe(self):
        _, field = self.changed_field()
        if field is not None:
            field["description"] = "what it's for"

    def rename_model(self):
        name = self.random.choice(list(self.after))
        if name not in self.before or self.after[name].get("renamed_from"):
            return
        new = f"R{next(self.names)}"
        self.after = {(new if key == name else key): model for key, model in self.after.items()}
        self.after[new].update(renamed_from=name, table=new.lower())
        self.models_renamed[name] = new
        for model in self.after.values():
            for field in model["fields"].values():
                if field.get("references", {}).get("model") == name:
                    field["references"]["model"] = new

    def index(self):
        model = self.model()
        if model.get("indexes") and self.random.random() < 0.5:
            model["indexes"].pop()
            if not model["indexes"]:
                del model["indexes"]
        else:
            self.add_index(model)

    def check(self):
        model = self.model()
        if model.pop("checks", None) is None:
            model["checks"] = [{"name": f"c_{model['table']}", "sql": "id > 0"}]

    def action(self):
        for field in self.model()["fields"].values():
            if "references" in field:
                field["references"]["on_delete"] = self.random.choice(["cascade", "restrict"])

    def new_model(self):
        name = f"N{len(self.after)}x{next(self.names)}"
        self.after[name] = {"table": name.lower(), "fields": {
            "id": {"type": "bigint", "primary_key": True}, next(self.names): self.field(),
            next(self.names): {"references": {"model": self.random.choice(list(self.after))},
                               "nullable": True}}}

    def drop_model(self):
        name = self.random.choice(list(self.after))
        used = any(field.get("references", {}).get("model") == name
                   for other, model in self.after.items() if other != name
                   for field in model["fields"].values())
        if not used and len(self.after) > 1:
            del self.after[name]

    CHANGES = [add_field, add_field, drop_field, rename_field, widen, longer, nullable, not_null,
               default, label, fewer_labels, shorter, describe, rename_model, index, index, check,
               action, new_model, drop_model]

    # --- rows ---

    def row_texts(self):
        """[(table, {column: value})], parents first."""
        rows = []
        for model in self.before.values():
            for number in range(1, self.random.randint(2, 6)):
                row = {"id": str(number)}
                for name, field in model["fields"].items():
                    if name == "id":
                        continue
                    if field.get("nullable") and self.random.random() < 0.3:
                        row[name] = "NULL"
                    elif "references" in field:
                        row[name] = "1"  # every table has one
                    else:
                        kind = "enum" if "enum" in field else field["type"]
                        row[name] = self.random.choice(VALUES[kind])
                rows.append((model["table"], row))
        return rows

    def inserts(self, engine, schema=None):
        quote = f'"{schema}".' if schema else ""
        return ";\n".join(
            f"""INSERT INTO {quote}"{table}" ({', '.join(f'"{name}"' for name in row)}) VALUES (""" +
            ", ".join(value[engine] if isinstance(value, dict) else value for value in row.values()) + ")"
            for table, row in self.rows) + ";"
