//! Header values as Kafka Connect's converters write them.

use super::connect::Schema;
use crate::value::HeaderForm;
use crate::value::HeaderFormat;
use crate::value::write_header;

/// The bytes of a header; the inner `None` is a null header. Nothing when the value is not of the
/// schema.
pub(super) fn header_value(
    schema: &Schema,
    json: &str,
    format: HeaderFormat,
) -> Option<Option<Vec<u8>>> {
    match format {
        HeaderFormat::Simple if json == "null" => Some(None),
        HeaderFormat::Simple => {
            let mut out = Vec::new();
            write_header(&HeaderForm::of(schema.text())?, json, &mut out)?;
            Some(Some(out))
        }
        HeaderFormat::Json { schemas: false, .. } => Some(Some(json.as_bytes().to_vec())),
        HeaderFormat::Json { schemas: true, .. } => {
            let schema = schema.text();
            Some(Some(format!("{{\"schema\":{schema},\"payload\":{json}}}").into_bytes()))
        }
    }
}
