"""A project as Alembic's users have it: shop/ with its models, two revisions made by autogenerate, a
database at the second, rows written by SQLModel; and what to look at such a database with."""
import datetime
import decimal
import importlib
import io
import itertools
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import urllib.parse
import uuid

import alembic.command
import alembic.config
import engines
import sqlalchemy as sa
import sqlmodel

HERE = pathlib.Path(__file__).resolve().parent
SQLITE = os.environ["MODELD_ENGINE"] == "sqlite"
OURS = "_modeld_"
CONFIG = "[alembic]\nscript_location = {}\npath_separator = os\nprepend_sys_path = {}\nsqlalchemy.url = {}\n"
numbers = itertools.count(1)


class Server:
    """The PostgreSQL server that the runner started."""

    def __init__(self):
        self.parts = urllib.parse.urlsplit(os.environ["MODELD_DB"])
        self.admin = engines.Connection(os.environ["MODELD_DB"])

    def url_of(self, name):
        return self.parts._replace(path="/" + name).geturl()


server = None if SQLITE else Server()


def new_database(folder, like=None):
    """A database of its own, empty or a copy of another one."""
    if SQLITE:
        database = engines.Database(folder / "shop.db")
        if like:
            shutil.copy(like.path, database.path)
        return database
    name = f"alembic_{os.getpid()}_{next(numbers)}"
    server.admin.execute(f'CREATE DATABASE "{name}" ' + (
        f'TEMPLATE "{like.name}"' if like else "TEMPLATE template0 LOCALE 'C.UTF-8'"))
    return engines.PostgresDatabase(server, name)


def url_for_alchemy(database):
    return database.url if SQLITE else "postgresql+psycopg" + database.url[len("postgresql"):]


def engine_of(database):
    return sqlmodel.create_engine(url_for_alchemy(database), poolclass=sa.pool.NullPool)


class Project:
    def __init__(self, folder, database):
        self.folder, self.database = folder, database
        versions = folder / "alembic" / "versions"
        if not versions.exists():
            versions.mkdir(parents=True)
            for name in ("env.py", "script.py.mako"):
                shutil.copy(HERE / "shop" / name, folder / "alembic")
        (folder / "alembic.ini").write_text(
            CONFIG.format(folder / "alembic", folder, url_for_alchemy(database).replace("%", "%%")),
            encoding="utf-8")

    def alembic(self, *words):
        """A command as programmers type it."""
        done = subprocess.run([sys.executable, "-m", "alembic", *words], cwd=self.folder,
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def config(self):
        """For Alembic's commands in this process, with the models at the second revision."""
        return alembic.config.Config(self.folder / "alembic.ini", stdout=io.StringIO())

    def check(self):
        """Alembic finds that models and tables agree; raises what does not."""
        alembic.command.check(self.config())

    def revise(self, message, second):
        """What a programmer does: models change, autogenerate, upgrade."""
        lines = (HERE / "shop" / "models.py").read_text(encoding="utf-8").splitlines(True)
        (self.folder / "models.py").write_text(
            "".join(line for line in lines if second or not line.rstrip().endswith("# second")),
            encoding="utf-8")
        self.alembic("revision", "--autogenerate", "-m", message)
        self.alembic("upgrade", "head")

    def copy(self, folder):
        shutil.copytree(self.folder / "alembic", folder / "alembic")
        shutil.copy(self.folder / "models.py", folder)
        return Project(folder, new_database(folder, self.database))


def load_models(project):
    sys.path.insert(0, str(project.folder))
    return importlib.import_module("models")


def fill(project, models):
    """Rows by SQLModel's sessions."""
    when = datetime.datetime(2026, 1, 31, 10, 30, 15, 250000, datetime.timezone.utc)
    engine = engine_of(project.database)
    with sqlmodel.Session(engine) as session:
        tags = [models.Tag(name=name) for name in ("c", "python", "sql")]
        for i in range(1, 9):
            user = models.User(
                username=f"user{i}", email=f"u{i}@example.org", full_name=f"User {i}" if i % 2 else None,
                role=list(models.Role)[i % 3], is_active=i != 4, balance=decimal.Decimal(i) * 100 / 8,
                rating=i / 2 if i % 3 else None, settings={"theme": "dark", "n": [i, None]},
                created_at=when + datetime.timedelta(days=i), seen_at=when if i > 4 else None,
                born=datetime.date(1970 + i, 2, 28), token=uuid.UUID(int=i), visits=i, note=f"n{i}")
            user.posts = [models.Post(title=f"Post {i}.{k}", slug=f"p{k}", body="…", views=2**40 + k,
                                      published_at=when.replace(tzinfo=None), tags=tags[k:])
                          for k in range(3)]
            session.add(user)
        session.flush()
        session.add(models.Upload(id=uuid.UUID(int=77), name="a.png", content=b"\0\1\xff", user_id=3))
        session.add(models.Upload(id=uuid.UUID(int=78), name="b.png", content=b"", user_id=None))
        session.commit()
    engine.dispose()


def rows_of(database, table, *columns):
    names = ", ".join(f'"{name}"' for name in columns) or "*"
    return sorted(database.rows(f'SELECT {names} FROM "{table}"'), key=repr)


def all_rows(database):
    return {table: rows_of(database, table)
            for table in database.tables() if not table.startswith(OURS)}


def theirs(names):
    return [name for name in names if not name.startswith((OURS, "sqlite_"))]


# --- what a database is, to the letter ----------------------------------------------------------

POSTGRES = """
SELECT 'relation', c.relname, '', c.relkind::text, c.oid::text, c.relfilenode::text
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    concat(a.attnotnull, a.attidentity, a.attgenerated, ' ', a.attcollation::regcollation),
    coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid),
    convalidated::text, '' FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid),
    indisvalid::text, '' FROM pg_index JOIN pg_class c ON c.oid = indexrelid
WHERE c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'label', enumtypid::regtype::text, enumlabel, enumsortorder::text, '', '' FROM pg_enum
UNION ALL SELECT 'sequence', sequencename, data_type::text, start_value::text, increment_by::text, ''
FROM pg_sequences WHERE schemaname = 'public'"""


def letters(database):
    """Everything of other programs' in the catalog, including where it is stored."""
    if SQLITE:
        rows = database.rows("SELECT tbl_name, type, name, rootpage, sql FROM sqlite_schema")
        return sorted(row for row in rows if theirs([row[0]]))
    return sorted(row for row in database.rows(POSTGRES) if OURS not in row[1].strip('"')[:8])


def shape(database):
    """The same without places and the order of columns; of SQLite's tables what their text says."""
    if not SQLITE:
        return [row[:4] if row[0] == "relation" else row for row in letters(database)]
    found = []
    with sqlite3.connect(database.path) as connection:
        def ask(sql, *values):
            return connection.execute(sql, values).fetchall()
        inspector = sa.inspect(sa.create_engine(database.url))
        for table, in ask("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            if not theirs([table]):
                continue
            found += [(table, "column", *row[1:]) for row in
                      ask("SELECT * FROM pragma_table_xinfo(?)", table)]
            found += [(table, "key", *row[2:]) for row in
                      ask("SELECT * FROM pragma_foreign_key_list(?)", table)]
            for _, name, unique, origin, partial in ask("SELECT * FROM pragma_index_list(?)", table):
                columns = ask('SELECT name, "desc", coll, "key" FROM pragma_index_xinfo(?)', name)
                found.append((table, "index", name if origin == "c" else "", unique, origin, partial,
                              str(columns)))
            found += [(table, "check", check["sqltext"])
                      for check in inspector.get_check_constraints(table)]
            found.append((table, "table", *ask("SELECT wr, strict FROM pragma_table_list(?)", table)[0]))
            text = ask("SELECT sql FROM sqlite_schema WHERE name = ?", table)[0][0]
            found.append((table, "counts", "AUTOINCREMENT" in text.upper()))
    connection.close()
    return sorted(found, key=repr)


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
