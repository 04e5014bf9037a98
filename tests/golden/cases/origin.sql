CREATE TABLE t (id int PRIMARY KEY, v text);
SELECT pg_replication_origin_create('node "a" é𝄞') WHERE NOT EXISTS (SELECT FROM pg_replication_origin WHERE roname = 'node "a" é𝄞');
-- stream
INSERT INTO t VALUES (1, 'local');
SELECT pg_replication_origin_session_setup('node "a" é𝄞'); BEGIN; SELECT pg_replication_origin_xact_setup('16/B374D848', '2024-01-01 00:00:00+00'); INSERT INTO t VALUES (2, 'from a'); UPDATE t SET id = 3 WHERE id = 2; COMMIT; INSERT INTO t VALUES (4, 'no position'); SELECT pg_replication_origin_session_reset();
INSERT INTO t VALUES (5, 'local');
SELECT pg_logical_emit_message(false, 'q', 'n');
