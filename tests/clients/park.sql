-- The database that the client libraries are tried on. Reads count on the rows of all tables but
-- ticket, which is written to and filled anew by each test that writes.
CREATE TABLE keeper (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	boss_id INTEGER CONSTRAINT keeper_boss REFERENCES keeper (id)
);
CREATE TABLE animal (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	weight DOUBLE PRECISION,
	born DATE,
	tame BOOLEAN,
	keeper_id INTEGER REFERENCES keeper (id),
	facts JSON, -- sqlite only
	facts JSONB, -- postgresql only
	tags JSON -- sqlite only
	tags TEXT[] -- postgresql only
);
CREATE TABLE visitor (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE visit (
	animal_id INTEGER NOT NULL REFERENCES animal (id),
	visitor_id INTEGER NOT NULL REFERENCES visitor (id),
	PRIMARY KEY (animal_id, visitor_id)
);
CREATE TABLE show (
	id INTEGER PRIMARY KEY,
	about TEXT,
	hours TEXT -- sqlite only
	hours INT4RANGE -- postgresql only
);
CREATE TABLE ticket (
	id INTEGER PRIMARY KEY,
	code TEXT UNIQUE,
	price NUMERIC DEFAULT 5,
	seats INTEGER NOT NULL DEFAULT 1,
	note TEXT
);

INSERT INTO keeper VALUES (1, 'Ann', NULL), (2, 'Bob', 1), (3, 'Cyd', 1);
INSERT INTO animal (id, name, kind, weight, born, tame, keeper_id, facts) VALUES
	(1, 'Leo', 'lion', 190.5, '2015-03-01', FALSE, 1, '{"legs":4,"diet":{"meat":true}}'),
	(2, 'Mia', 'cat', 4.25, '2019-07-12', TRUE, 2, '{"legs":4,"names":["Mia","Mi"]}'),
	(3, 'Rex', 'dog', 32, NULL, TRUE, 2, '{"legs":3}'),
	(4, 'Kiwi', 'bird', 0.5, '2021-01-05', NULL, NULL, NULL),
	(5, '50% (a,b)_"c"', 'snake', NULL, NULL, FALSE, 3, '{"legs":0}');
UPDATE animal SET tags = '["big","cat"]' WHERE id = 1; -- sqlite only
UPDATE animal SET tags = '["small","cat"]' WHERE id = 2; -- sqlite only
UPDATE animal SET tags = '[]' WHERE id = 3; -- sqlite only
UPDATE animal SET tags = '{big,cat}' WHERE id = 1; -- postgresql only
UPDATE animal SET tags = '{small,cat}' WHERE id = 2; -- postgresql only
UPDATE animal SET tags = '{}' WHERE id = 3; -- postgresql only
INSERT INTO visitor VALUES (1, 'Vic'), (2, 'Wes');
INSERT INTO visit VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO show VALUES (1, 'the lions are fed', '[10,12)'), (2, 'a bird flies', '[12,14)'),
	(3, NULL, '[20,22)');
-- So that keys of the database's choice are others than those of the tests.
INSERT INTO ticket (id) VALUES (1000);
