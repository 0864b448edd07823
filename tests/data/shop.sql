-- What the HTTP tests write to. The rows are in shop_rows.sql.
PRAGMA journal_mode = WAL;
CREATE TABLE maker (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	country TEXT DEFAULT 'nowhere'
);
CREATE TABLE toy (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	price NUMERIC CONSTRAINT price_is_fair CHECK (price >= 0),
	maker_id INTEGER REFERENCES maker (id),
	stock INTEGER NOT NULL DEFAULT 1,
	facts JSON
);
CREATE TABLE tag (code TEXT PRIMARY KEY, label TEXT);
CREATE TABLE toy_tag (
	toy_id INTEGER NOT NULL REFERENCES toy (id) ON DELETE CASCADE,
	tag_code TEXT NOT NULL REFERENCES tag (code),
	PRIMARY KEY (toy_id, tag_code)
);
CREATE TABLE seat (
	room TEXT,
	number INTEGER,
	owner TEXT,
	PRIMARY KEY (room, number)
)
WITHOUT ROWID -- sqlite only
;
CREATE TABLE note (line TEXT, day TEXT);
CREATE TABLE badge (id INTEGER PRIMARY KEY, code TEXT UNIQUE, label TEXT);
CREATE TABLE flag (id INTEGER PRIMARY KEY, up BOOLEAN NOT NULL DEFAULT FALSE);
CREATE TABLE "öre & co" ("der Name" TEXT PRIMARY KEY, wert INTEGER);
-- Written through triggers; PostgreSQL writes a view like this by itself.
CREATE VIEW cheap_toy AS SELECT id, name, price FROM toy WHERE price < 10;
CREATE TRIGGER cheap_toy_insert INSTEAD OF INSERT ON cheap_toy BEGIN -- sqlite only
	INSERT INTO toy (id, name, price) VALUES (new.id, new.name, new.price); -- sqlite only
END; -- sqlite only
CREATE TRIGGER cheap_toy_update INSTEAD OF UPDATE ON cheap_toy BEGIN -- sqlite only
	UPDATE toy SET name = new.name, price = new.price WHERE id = old.id; -- sqlite only
END; -- sqlite only
CREATE TRIGGER cheap_toy_delete INSTEAD OF DELETE ON cheap_toy BEGIN -- sqlite only
	DELETE FROM toy WHERE id = old.id; -- sqlite only
END; -- sqlite only
-- Written with POST only.
CREATE VIEW inbox AS SELECT DISTINCT line FROM note;
CREATE FUNCTION inbox_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN -- postgresql only
	INSERT INTO note (line, day) VALUES (new.line, 'today'); -- postgresql only
	RETURN new; -- postgresql only
END $$; -- postgresql only
CREATE TRIGGER inbox_insert INSTEAD OF INSERT ON inbox -- postgresql only
	FOR EACH ROW EXECUTE FUNCTION inbox_insert(); -- postgresql only
CREATE TRIGGER inbox_insert INSTEAD OF INSERT ON inbox BEGIN -- sqlite only
	INSERT INTO note (line, day) VALUES (new.line, 'today'); -- sqlite only
END; -- sqlite only
-- Not written at all.
CREATE VIEW price_list AS SELECT DISTINCT name, price FROM toy;
