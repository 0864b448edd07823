PRAGMA foreign_keys = OFF;
BEGIN;
DELETE FROM toy_tag; DELETE FROM tag; DELETE FROM toy; DELETE FROM maker; DELETE FROM seat;
DELETE FROM note; DELETE FROM badge; DELETE FROM flag; DELETE FROM "öre & co";
INSERT INTO maker VALUES (1, 'Oak & Sons', 'Norway'), (2, 'Tin Works', NULL);
INSERT INTO toy VALUES (1, 'horse', 12.5, 1, 3, '{"wood": true}'), (2, 'train', 30, 2, 1, NULL),
                       (3, 'top', 4, 1, 9, NULL), (4, 'kite', NULL, NULL, 2, NULL);
INSERT INTO tag VALUES ('old', 'classic'), ('red', 'red ones');
INSERT INTO toy_tag VALUES (1, 'old'), (2, 'red');
INSERT INTO seat VALUES ('A', 1, 'ann'), ('A', 2, NULL);
INSERT INTO note VALUES ('first', 'monday'), ('second', 'tuesday');
INSERT INTO badge VALUES (1, 'one', 'first'), (2, 'two', 'second');
INSERT INTO flag VALUES (1, TRUE);
COMMIT;
