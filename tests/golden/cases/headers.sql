CREATE TABLE num (a numeric(8,3), b numeric, c real, d double precision, PRIMARY KEY (a, b, c, d));
CREATE TABLE txt (a text, b varchar(20), c uuid, d bytea, e boolean, f bit(5), PRIMARY KEY (a, b, c, d, e, f));
CREATE TABLE tim (a date, b time, c timestamp, d timestamptz, e interval, f timestamp(3), PRIMARY KEY (a, b, c, d, e, f));
CREATE TABLE uni (a int DEFAULT 4, b money DEFAULT 1.5, n int, UNIQUE (a, b));
ALTER TABLE uni REPLICA IDENTITY FULL;
-- stream
INSERT INTO num VALUES (1.5, 10.50, 1.5, 'NaN'), (0.000, -1e20, 1e10, '-Infinity');
UPDATE num SET a = 2.5, b = 1e3, d = 1e-7 WHERE c = 1.5;
UPDATE num SET a = -0.001 WHERE c = 1e10;
INSERT INTO txt VALUES (E'a"b\\c\nd\te𝄞', 'é''\u2028', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x0001ff', true, '10101');
UPDATE txt SET b = 'x';
UPDATE txt SET d = '', f = '00000', e = false;
INSERT INTO tim VALUES ('2024-02-29', '12:34:56.789', '2024-02-29 00:00:00', '2024-02-29 12:00:00+02', '1 day', '2024-01-02 03:04:05.678');
UPDATE tim SET a = '1970-01-01', b = '00:00:00', c = '1969-12-31 23:59:59.5', f = '1970-01-02';
UPDATE tim SET a = '1969-12-31', c = '1970-01-01 12:00:00', f = '12024-01-02 03:04:05';
INSERT INTO uni VALUES (NULL, NULL, 1), (4, 2.25, 2);
UPDATE uni SET a = 4 WHERE n = 1;
UPDATE uni SET a = NULL WHERE n = 2;
UPDATE uni SET b = 0.01 WHERE n = 2;
