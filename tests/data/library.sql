-- The database of the HTTP tests: a small lending library. Every row is here for some test; change
-- nothing without looking for who counts on it.
CREATE TABLE publisher (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);
CREATE TABLE author (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	born INTEGER,
	country TEXT,
	mentor_id INTEGER CONSTRAINT author_mentor REFERENCES author (id)
);
-- Two ways to author: embedding it needs a hint.
CREATE TABLE book (
	id INTEGER PRIMARY KEY,
	title TEXT NOT NULL,
	author_id INTEGER NOT NULL CONSTRAINT book_writer REFERENCES author (id),
	editor_id INTEGER CONSTRAINT book_editor REFERENCES author (id),
	publisher_id INTEGER REFERENCES publisher (id),
	pages INTEGER,
	price DOUBLE PRECISION,
	in_print BOOLEAN,
	published DATE,
	info JSON
);
-- One to one: the key is the foreign key.
CREATE TABLE cover (
	book_id INTEGER PRIMARY KEY REFERENCES book (id),
	colour TEXT NOT NULL
);
CREATE TABLE genre (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL
);
-- Many to many: both foreign keys are the primary key.
CREATE TABLE book_genre (
	book_id INTEGER NOT NULL REFERENCES book (id),
	genre_id INTEGER NOT NULL REFERENCES genre (id),
	PRIMARY KEY (book_id, genre_id)
);
CREATE TABLE shelf (
	room TEXT NOT NULL,
	number INTEGER NOT NULL,
	label TEXT,
	PRIMARY KEY (room, number)
);
CREATE TABLE copy (
	id INTEGER PRIMARY KEY,
	book_id INTEGER NOT NULL REFERENCES book (id),
	room TEXT,
	number INTEGER,
	FOREIGN KEY (room, number) REFERENCES shelf (room, number)
);
CREATE VIEW short_book AS SELECT id, title, pages FROM book WHERE pages < 200;
CREATE TABLE visit (day TEXT, visitors INTEGER);
CREATE TABLE vacancy (id INTEGER PRIMARY KEY, note TEXT);
CREATE TABLE "reading room" (
	"seat no" INTEGER PRIMARY KEY,
	"größe" TEXT,
	"a.b" TEXT,
	"say ""hi""" TEXT
);
CREATE TABLE measure (
	id INTEGER PRIMARY KEY,
	whole BIGINT,
	part DOUBLE PRECISION,
	exact NUMERIC,
	flag BOOLEAN,
	raw BLOB, -- sqlite only
	raw BYTEA, -- postgresql only
	words TEXT
);

INSERT INTO publisher VALUES (1, 'North Press'), (2, 'Quill & Co'), (3, 'Unsold Ltd');
INSERT INTO author VALUES
	(1, 'Ada Brook', 1950, 'SE', NULL),
	(2, 'Bo Cedar', 1961, 'NO', 1),
	(3, 'Cleo Dunn', NULL, 'SE', 1),
	(4, 'Dag Elm', 1980, NULL, 2);
INSERT INTO book VALUES
	(1, 'The Quiet Harbour', 1, 2, 1, 320, 12.5, TRUE, '1999-03-01',
	 '{"isbn":"111","tags":["sea","calm"],"size":{"w":12,"h":19}}'),
	(2, 'Harbour Lights', 1, NULL, 1, 210, 8.0, TRUE, '2003-06-15',
	 '{"isbn":"222","tags":["sea"],"size":{"w":11,"h":18}}'),
	(3, 'Étude', 2, 1, 2, 95, 5.25, FALSE, '2010-01-20', '{"isbn":"333","tags":[],"size":null}'),
	(4, 'Night, Rain', 2, NULL, NULL, 150, NULL, NULL, NULL, NULL),
	(5, '100% Wool_en', 3, 1, 2, 400, 23.45, TRUE, '2020-11-05',
	 '{"isbn":"555","tags":["craft","wool"],"size":{"w":20,"h":30}}');
INSERT INTO cover VALUES (1, 'blue'), (3, 'white');
INSERT INTO genre VALUES (1, 'novel'), (2, 'music'), (3, 'craft');
INSERT INTO book_genre VALUES (1, 1), (2, 1), (3, 2), (3, 1), (5, 3);
INSERT INTO shelf VALUES ('A', 1, 'sea'), ('A', 2, NULL), ('b,c', 1, 'odd "room"');
INSERT INTO copy VALUES (1, 1, 'A', 1), (2, 1, 'b,c', 1), (3, 2, 'A', 1), (4, 5, NULL, NULL);
INSERT INTO visit VALUES ('mon', 3), ('mon', 4), ('tue', 0);
INSERT INTO "reading room" VALUES (1, 'groß', 'x', 'y'), (2, NULL, NULL, NULL);
INSERT INTO measure VALUES
	(1, 9223372036854775807, 0.1, 10, TRUE, NULL, 'plain'),
	(2, -9223372036854775808, 23.45, 0.5, FALSE, NULL, 'a "quote" and \ and / and
newline'),
	(3, 0, 1e300, NULL, NULL, NULL, 'Ünïcødé 😀'),
	(4, 9007199254740993, -0.0, 100, TRUE, NULL, '');
UPDATE measure SET raw = X'00FF' WHERE id = 1; -- sqlite only
UPDATE measure SET raw = X'' WHERE id = 3; -- sqlite only
UPDATE measure SET raw = '\x00ff' WHERE id = 1; -- postgresql only
UPDATE measure SET raw = '' WHERE id = 3; -- postgresql only
