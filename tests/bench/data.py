#!/usr/bin/env python3
"""Makes the bench's databases: data.py FOLDER [main] [small] [large] [wide] [write]

main.db    items (100,000 rows of 10 columns), category; country, author, book for embeds
small.db   the same with 1,000 items and authors
large.db   one table of 1,000,000 rows
wide.db    50 related tables, nearly empty
write.db   an empty table like items, to write to; row.json and rows.json are what is written
The same numbers each time: the pseudo-random part is a fixed sequence.
"""
import json
import os
import random
import sqlite3
import sys

ITEMS, CATEGORIES = 100_000, 100
AUTHORS, COUNTRIES, BOOKS_EACH = 10_000, 50, 5
SMALL = BODY_ROWS = 1_000
LARGE_ROWS, TABLES = 1_000_000, 50
WORDS = "red green blue old new small large quick slow bright dark plain fine".split()

MAIN_SQL = """
CREATE TABLE category (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE items (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, age INTEGER,
    active BOOLEAN NOT NULL, score REAL, created_at TIMESTAMP NOT NULL, bio TEXT,
    category_id INTEGER REFERENCES category (id), price REAL);
CREATE TABLE country (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE author (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, country_id INTEGER REFERENCES country (id));
CREATE TABLE book (
    id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id),
    title TEXT NOT NULL, price REAL NOT NULL);
CREATE INDEX book_author ON book (author_id);
"""


def words(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def bio(rng):
    """45 characters, quotes among them."""
    return ('says "' + words(rng, 9))[:43] + '".'


def item(rng, number):
    name = words(rng, 2).title()
    return (number, name, f"user{number}@example.com", rng.randrange(18, 90), rng.randrange(2),
            round(rng.random() * 100, 3),
            f"2024-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:30:00Z",
            bio(rng), rng.randrange(1, CATEGORIES + 1), rng.randrange(100, 100_000) / 100)


def fill_main(db, rng, items=ITEMS, authors=AUTHORS):
    db.executescript(MAIN_SQL)
    db.executemany("INSERT INTO category VALUES (?, ?)",
                   ((n, words(rng, 1)) for n in range(1, CATEGORIES + 1)))
    db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   (item(rng, n) for n in range(1, items + 1)))
    db.executemany("INSERT INTO country VALUES (?, ?)",
                   ((n, words(rng, 1).title()) for n in range(1, COUNTRIES + 1)))
    db.executemany("INSERT INTO author VALUES (?, ?, ?)",
                   ((n, words(rng, 2).title(), rng.randrange(1, COUNTRIES + 1) if n % 10 else None)
                    for n in range(1, authors + 1)))
    db.executemany("INSERT INTO book VALUES (?, ?, ?, ?)",
                   ((n, (n - 1) // BOOKS_EACH + 1, words(rng, 3), rng.randrange(100, 9_000) / 100)
                    for n in range(1, authors * BOOKS_EACH + 1)))


def fill_small(db, rng):
    fill_main(db, rng, SMALL, SMALL)


def fill_large(db, rng):
    db.execute("CREATE TABLE large (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value REAL)")
    name = words(rng, 3)
    db.executemany("INSERT INTO large VALUES (?, ?, ?)",
                   ((n, name, n / 4) for n in range(1, LARGE_ROWS + 1)))


def fill_wide(db, _rng):
    for number in range(1, TABLES + 1):
        other = f"REFERENCES table_{number - 1} (id)" if number > 1 else ""
        db.execute(f"CREATE TABLE table_{number} (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
                   f" amount NUMERIC, born DATE, note VARCHAR(80) DEFAULT 'none', active BOOLEAN,"
                   f" size REAL CHECK (size > 0), other_id INTEGER {other})")
    db.execute("INSERT INTO table_1 (id, name) VALUES (1, 'one')")


def fill_write(db, rng):
    db.executescript(MAIN_SQL.replace("TABLE items", "TABLE made"))
    db.executemany("INSERT INTO category VALUES (?, ?)",
                   ((n, words(rng, 1)) for n in range(1, CATEGORIES + 1)))


def write_bodies(folder):
    """What is posted: one row, and a list of BODY_ROWS."""
    rng, names = random.Random(2), ("name", "email", "age", "active", "score", "created_at", "bio",
                                    "category_id", "price")
    rows = []
    for number in range(BODY_ROWS):
        row = dict(zip(names, item(rng, number)[1:]))
        rows.append({**row, "active": bool(row["active"])})
    for name, value in (("row", rows[0]), ("rows", rows)):
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(value, file)


def make(folder, name, fill):
    path = os.path.join(folder, name + ".db")
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    with db:
        fill(db, random.Random(1))
    db.execute("ANALYZE")
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    if name == "write":
        write_bodies(folder)


def main():
    fills = {"main": fill_main, "small": fill_small, "large": fill_large, "wide": fill_wide,
             "write": fill_write}
    if len(sys.argv) < 2 or any(name not in fills for name in sys.argv[2:]):
        sys.exit(__doc__)
    for name in sys.argv[2:] or fills:
        make(sys.argv[1], name, fills[name])


if __name__ == "__main__":
    main()
