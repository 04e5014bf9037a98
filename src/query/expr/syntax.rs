//! SQL text to a syntax tree, and small questions about it.

use crate::query::error::QueryError;
use sqlparser::ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// How deep parentheses and operators can be nested.
const DEPTH_MAX: usize = 64;

/// Parses the whole text with `parse`.
pub(in crate::query) fn parse<T>(
    text: &str,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T, QueryError> {
    let parsed = || {
        let dialect = PostgreSqlDialect {};
        let mut parser =
            Parser::new(&dialect).with_recursion_limit(DEPTH_MAX).try_with_sql(text)?;
        let tree = parse(&mut parser)?;
        while parser.consume_token(&Token::SemiColon) {}
        let rest = parser.peek_token();
        match rest.token {
            Token::EOF => Ok(tree),
            _ => parser.expected("the end of the statement", rest),
        }
    };
    parsed().map_err(|error| QueryError::from_parser(&error).or_at_end_of(text).within(text))
}

/// An expression.
pub(super) fn expression(text: &str) -> Result<ast::Expr, QueryError> {
    parse(text, |parser| parser.parse_expr())
}

/// A name as PostgreSQL understands it: lower case unless quoted.
pub(in crate::query) fn folded(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The name of a function without `pg_catalog.`, in lower case.
pub(in crate::query) fn function_name(name: &ast::ObjectName) -> String {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map(folded).unwrap_or_default()
}
