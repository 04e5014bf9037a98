//! How Kafka Connect's converters are set.

use super::error::ConfigError;
use super::values::Values;
use crate::value::{HeaderFormat, JsonFormat};

/// Settings of a JsonConverter; `converter` is `key.converter` and the like.
pub(super) fn json(values: &Values, converter: &str) -> Result<JsonFormat, ConfigError> {
    Ok(JsonFormat {
        decimal_numbers: values.word(
            &format!("{converter}.decimal.format"),
            &[("base64", false), ("numeric", true)],
        )?,
        null_defaults: values.is_true(&format!("{converter}.replace.null.with.default")),
    })
}

/// `header.converter` and its settings.
pub(super) fn headers(values: &Values) -> Result<HeaderFormat, ConfigError> {
    if values.text("header.converter").ends_with(".SimpleHeaderConverter") {
        return Ok(HeaderFormat::Simple);
    }
    let schemas = values.is_true("header.converter.schemas.enable");
    Ok(HeaderFormat::Json { schemas, json: json(values, "header.converter")? })
}
