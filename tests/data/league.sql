-- What the tests of violated constraints write to. PostgreSQL takes it, too: its words for each of
-- them stand in test_write_errors.py.
CREATE TABLE team (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	"Code" TEXT UNIQUE,
	"order" INTEGER UNIQUE
);
CREATE TABLE player (
	id INTEGER PRIMARY KEY,
	team_id INTEGER NOT NULL REFERENCES team (id),
	shirt INTEGER CHECK (shirt BETWEEN 1 AND 99),
	mail TEXT,
	is_keeper BOOLEAN NOT NULL DEFAULT FALSE,
	chief INTEGER REFERENCES player (id),
	rival INTEGER,
	CHECK (rival <> id),
	CONSTRAINT no_thirteen CHECK (shirt <> 13),
	CONSTRAINT shirt_once UNIQUE (team_id, shirt),
	CONSTRAINT has_rival FOREIGN KEY (rival) REFERENCES player (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX one_keeper ON player (team_id) WHERE is_keeper;
CREATE UNIQUE INDEX one_mail ON player (lower(mail));
CREATE TABLE goal (
	player_id INTEGER NOT NULL REFERENCES player (id) ON DELETE CASCADE,
	at REAL,
	PRIMARY KEY (player_id, at)
);
CREATE TABLE letter (
	id INTEGER PRIMARY KEY,
	team_id INTEGER,
	shirt INTEGER,
	FOREIGN KEY (team_id, shirt) REFERENCES player (team_id, shirt) ON DELETE CASCADE
);
CREATE TABLE trophy (id INTEGER PRIMARY KEY, holder INTEGER DEFAULT 77, giver INTEGER,
	FOREIGN KEY (holder) REFERENCES team (id) DEFERRABLE INITIALLY DEFERRED,
	FOREIGN KEY (giver) REFERENCES team (id) ON UPDATE CASCADE);
INSERT INTO team VALUES (1, 'Reds', 'R', 1), (2, 'Blues', 'B', 2), (3, 'Free', NULL, NULL);
INSERT INTO player VALUES (1, 1, 7, 'a@x', TRUE, NULL, NULL), (2, 1, 8, 'b@x', FALSE, 1, 1),
	(3, 2, 7, 'c@x', FALSE, 1, NULL);
INSERT INTO goal VALUES (3, 1.5);
INSERT INTO letter VALUES (1, 1, 8);
INSERT INTO trophy VALUES (1, 2, NULL), (2, NULL, 3);
