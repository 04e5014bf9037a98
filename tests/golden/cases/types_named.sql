-- PostGIS and pgvector are known by the names of their types: any text under those names will do.
CREATE TYPE geometry; CREATE FUNCTION geometry_in(cstring) RETURNS geometry LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE FUNCTION geometry_out(geometry) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; CREATE TYPE geometry (INPUT = geometry_in, OUTPUT = geometry_out, LIKE = text);
CREATE TYPE geography; CREATE FUNCTION geography_in(cstring) RETURNS geography LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE FUNCTION geography_out(geography) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; CREATE TYPE geography (INPUT = geography_in, OUTPUT = geography_out, LIKE = text);
CREATE TYPE vector; CREATE FUNCTION vector_in(cstring) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, LIKE = text);
CREATE TYPE halfvec; CREATE FUNCTION halfvec_in(cstring) RETURNS halfvec LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE FUNCTION halfvec_out(halfvec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; CREATE TYPE halfvec (INPUT = halfvec_in, OUTPUT = halfvec_out, LIKE = text);
CREATE TYPE sparsevec; CREATE FUNCTION sparsevec_in(cstring) RETURNS sparsevec LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; CREATE TYPE sparsevec (INPUT = sparsevec_in, OUTPUT = sparsevec_out, LIKE = text);
CREATE TABLE gis (id int PRIMARY KEY, g geometry, gg geography, gn geometry NOT NULL, ga geometry[], gga geography[]);
CREATE TABLE vec (id int PRIMARY KEY, v vector, h halfvec, s sparsevec, vn vector NOT NULL, sn sparsevec NOT NULL, va vector[]);
INSERT INTO gis VALUES (1, '0101000020730C00001C7C613255DE6540787AA52C435C42C0', '0101000020E6100000000000000000F03F000000000000F03F', '0101000000000000000000F03F000000000000F03F', '{0101000000000000000000F03F000000000000F03F,NULL}', '{0101000020E6100000000000000000F03F000000000000F03F}');
INSERT INTO vec VALUES (1, '[1,2.5,-3e-05]', '[101,102]', '{1:3,5:4,17:0.5}/25', '[0]', '{}/3', '{"[1,2]"}');
-- stream
INSERT INTO gis VALUES (2, '0101000020730C00001C7C613255DE6540787AA52C435C42C0', '0101000020E6100000000000000000F03F000000000000F03F', '0101000000000000000000F03F000000000000F03F', '{0101000000000000000000F03F000000000000F03F,NULL}', '{0101000020E6100000000000000000F03F000000000000F03F}');
INSERT INTO gis VALUES (3, NULL, NULL, '010700000000000000', NULL, '{}');
INSERT INTO vec VALUES (2, '[1,2.5,-3e-05]', '[101,102]', '{1:3,5:4,17:0.5}/25', '[0]', '{}/3', '{"[1,2]"}'), (3, NULL, NULL, NULL, '[1]', '{2:1.5}/3', NULL);
DELETE FROM gis WHERE id < 3;

