//! Values against what Debezium wrote, and the page that lists the types.

mod recorded;
mod types_page;
