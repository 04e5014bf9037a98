//! The settings that change how values are written.

/// All settings of this layer, with Debezium's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueOptions {
    /// `decimal.handling.mode`.
    pub decimal: DecimalMode,
    /// `time.precision.mode`.
    pub time: TimePrecision,
    /// `interval.handling.mode`.
    pub interval: IntervalMode,
    /// `hstore.handling.mode`.
    pub hstore: HstoreMode,
    /// `binary.handling.mode`.
    pub binary: BinaryMode,
    /// `money.fraction.digits`.
    pub money_fraction_digits: u16,
    /// `include.unknown.datatypes`.
    pub include_unknown: bool,
    /// `unavailable.value.placeholder`, already decoded when it was written as `hex:…`.
    pub unavailable_placeholder: Vec<u8>,
    /// `event.converting.failure.handling.mode`.
    pub conversion_failure: ConversionFailure,
    /// `field.name.adjustment.mode`.
    pub field_names: NameAdjustment,
    /// `values.mode` is `exact`.
    pub exact: bool,
    /// `debezium.version`.
    pub release: Release,
    /// `value.converter.*`.
    pub json: JsonFormat,
    /// `key.converter.*`.
    pub key_json: JsonFormat,
}

impl ValueOptions {
    /// The same settings for a struct that is written in another JSON format.
    #[must_use]
    pub fn with_json(&self, json: JsonFormat) -> Self {
        Self { json, ..self.clone() }
    }
}

/// `debezium.version`: whose types are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 3.6, which leaves all geometric types but `point` out.
    V3_6,
    /// 3.7, with structs for them.
    V3_7,
}

impl Release {
    /// What `source.version` says.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::V3_6 => "3.6.3.Final",
            Self::V3_7 => "3.7.0.Final",
        }
    }
}

/// How Kafka Connect's JsonConverter is told to write values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonFormat {
    /// `decimal.format` is `numeric`: a Decimal is a number, not the bytes of its digits.
    pub decimal_numbers: bool,
    /// `replace.null.with.default`: NULL becomes the default of the schema.
    pub null_defaults: bool,
}

impl Default for JsonFormat {
    fn default() -> Self {
        Self { decimal_numbers: false, null_defaults: true }
    }
}

/// `header.converter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFormat {
    /// SimpleHeaderConverter.
    Simple,
    /// JsonConverter.
    Json {
        /// `header.converter.schemas.enable`.
        schemas: bool,
        /// Its other settings.
        json: JsonFormat,
    },
}

impl HeaderFormat {
    /// How structs in headers are written before anything is left to do to them.
    #[must_use]
    pub fn json(self) -> JsonFormat {
        match self {
            Self::Simple => JsonFormat { decimal_numbers: true, null_defaults: true },
            Self::Json { json, .. } => json,
        }
    }
}

impl Default for ValueOptions {
    fn default() -> Self {
        Self {
            decimal: DecimalMode::Precise,
            time: TimePrecision::Adaptive,
            interval: IntervalMode::Numeric,
            hstore: HstoreMode::Json,
            binary: BinaryMode::Bytes,
            money_fraction_digits: 2,
            include_unknown: false,
            unavailable_placeholder: b"__debezium_unavailable_value".to_vec(),
            conversion_failure: ConversionFailure::Warn,
            field_names: NameAdjustment::None,
            exact: false,
            release: Release::V3_6,
            json: JsonFormat::default(),
            key_json: JsonFormat::default(),
        }
    }
}

/// `decimal.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMode {
    /// Unscaled bytes with a Decimal schema, or a VariableScaleDecimal struct.
    Precise,
    /// A float64.
    Double,
    /// Plain text.
    String,
}

/// `time.precision.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePrecision {
    /// Milliseconds or microseconds by the column's precision.
    Adaptive,
    /// As adaptive, but times always in microseconds.
    AdaptiveTimeMicroseconds,
    /// Kafka Connect's own types, in milliseconds.
    Connect,
    /// Always microseconds.
    Microseconds,
    /// Always nanoseconds.
    Nanoseconds,
    /// ISO 8601 text.
    IsoString,
    /// Structs of calendar fields.
    Structured,
}

/// `interval.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalMode {
    /// Approximate microseconds.
    Numeric,
    /// ISO 8601 text.
    String,
}

/// `hstore.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HstoreMode {
    /// JSON text.
    Json,
    /// A map.
    Map,
}

/// `binary.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryMode {
    /// Connect bytes.
    Bytes,
    /// Base64 text.
    Base64,
    /// Base64 text with the URL-safe alphabet.
    Base64UrlSafe,
    /// Hexadecimal text.
    Hex,
}

/// `event.converting.failure.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversionFailure {
    /// The field becomes null, with a warning.
    Warn,
    /// The capture stops.
    Fail,
    /// The field becomes null.
    Skip,
}

/// `schema.name.adjustment.mode` and `field.name.adjustment.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameAdjustment {
    /// Names stay as they are.
    None,
    /// Characters that Avro refuses become `_`.
    Avro,
    /// Characters that Avro refuses become `_uXXXX`.
    AvroUnicode,
}
