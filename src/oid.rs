//! Object identifiers of PostgreSQL's built-in types.

/// An object identifier as PostgreSQL's catalogue and protocol use it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(pub u32);

/// Declares one constant per built-in type.
macro_rules! builtin {
    ($($name:ident = $oid:literal, $doc:literal;)*) => {
        /// Types whose identifier is the same in every database (`pg_type.dat`).
        impl Oid {
            $(#[doc = $doc] pub const $name: Self = Self($oid);)*
        }
    };
}

builtin! {
    BOOL = 16, "`boolean`";
    BYTEA = 17, "`bytea`";
    CHAR = 18, "`\"char\"`, one byte";
    NAME = 19, "`name`";
    INT8 = 20, "`bigint`";
    INT2 = 21, "`smallint`";
    INT2VECTOR = 22, "`int2vector`";
    INT4 = 23, "`integer`";
    TEXT = 25, "`text`";
    OID = 26, "`oid`";
    OIDVECTOR = 30, "`oidvector`";
    JSON = 114, "`json`";
    XML = 142, "`xml`";
    POINT = 600, "`point`";
    LSEG = 601, "`lseg`";
    PATH = 602, "`path`";
    BOX = 603, "`box`";
    POLYGON = 604, "`polygon`";
    LINE = 628, "`line`";
    CIDR = 650, "`cidr`";
    FLOAT4 = 700, "`real`";
    FLOAT8 = 701, "`double precision`";
    CIRCLE = 718, "`circle`";
    MACADDR8 = 774, "`macaddr8`";
    MONEY = 790, "`money`";
    MACADDR = 829, "`macaddr`";
    INET = 869, "`inet`";
    BPCHAR = 1042, "`character(n)`";
    VARCHAR = 1043, "`character varying`";
    DATE = 1082, "`date`";
    TIME = 1083, "`time without time zone`";
    TIMESTAMP = 1114, "`timestamp without time zone`";
    TIMESTAMPTZ = 1184, "`timestamp with time zone`";
    INTERVAL = 1186, "`interval`";
    TIMETZ = 1266, "`time with time zone`";
    BIT = 1560, "`bit(n)`";
    VARBIT = 1562, "`bit varying`";
    NUMERIC = 1700, "`numeric`";
    REFCURSOR = 1790, "`refcursor`";
    UUID = 2950, "`uuid`";
    TSVECTOR = 3614, "`tsvector`";
    JSONB = 3802, "`jsonb`";
    INT4RANGE = 3904, "`int4range`";
    NUMRANGE = 3906, "`numrange`";
    TSRANGE = 3908, "`tsrange`";
    TSTZRANGE = 3910, "`tstzrange`";
    DATERANGE = 3912, "`daterange`";
    INT8RANGE = 3926, "`int8range`";
}

impl std::fmt::Display for Oid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
