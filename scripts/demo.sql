-- The sample database of scripts/demo: a small blog.
CREATE TABLE users (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	email TEXT NOT NULL UNIQUE,
	joined DATE NOT NULL
);
CREATE TABLE profiles (
	user_id INTEGER PRIMARY KEY REFERENCES users (id),
	bio TEXT,
	links JSON
);
CREATE TABLE posts (
	id INTEGER PRIMARY KEY,
	author_id INTEGER NOT NULL REFERENCES users (id),
	title TEXT NOT NULL,
	body TEXT NOT NULL,
	published BOOLEAN NOT NULL DEFAULT 0,
	views INTEGER NOT NULL DEFAULT 0,
	created TIMESTAMP NOT NULL
);
CREATE INDEX posts_author ON posts (author_id);
CREATE TABLE tags (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
);
CREATE TABLE post_tags (
	post_id INTEGER NOT NULL REFERENCES posts (id),
	tag_id INTEGER NOT NULL REFERENCES tags (id),
	PRIMARY KEY (post_id, tag_id)
);
CREATE INDEX post_tags_tag ON post_tags (tag_id);
CREATE VIEW published_posts AS SELECT id, author_id, title, views, created FROM posts WHERE published;

INSERT INTO users VALUES
	(1, 'Mira Holt', 'mira@example.org', '2023-02-11'),
	(2, 'Tomas Berg', 'tomas@example.org', '2023-05-30'),
	(3, 'Yuki Arai', 'yuki@example.org', '2024-01-07'),
	(4, 'Sam Okoro', 'sam@example.org', '2024-09-19');
INSERT INTO profiles VALUES
	(1, 'Grows tomatoes on a balcony.', '{"site":"https://mira.example.org","photos":12}'),
	(2, 'Repairs old radios.', '{"site":"https://radio.example.org","photos":3}'),
	(3, NULL, NULL);
INSERT INTO posts VALUES
	(1, 1, 'A balcony in March', 'Seeds first, patience second.', 1, 120, '2024-03-02T09:15:00'),
	(2, 1, 'Twelve kinds of red', 'Every tomato I grew, ranked.', 1, 342, '2024-08-20T18:40:00'),
	(3, 1, 'Notes for next year', 'Fewer plants. Larger pots.', 0, 0, '2024-11-03T20:05:00'),
	(4, 2, 'The radio that hummed', 'It was the capacitor. It always is.', 1, 87, '2024-04-14T11:00:00'),
	(5, 2, 'Soldering for the impatient', 'Heat the joint, not the wire.', 1, 560, '2024-06-01T08:30:00'),
	(6, 3, 'Rain in Kyoto', 'Three days, one umbrella.', 1, 215, '2024-06-22T16:20:00');
INSERT INTO tags VALUES (1, 'garden'), (2, 'electronics'), (3, 'travel'), (4, 'how-to');
INSERT INTO post_tags VALUES (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (5, 4), (6, 3), (1, 4);
