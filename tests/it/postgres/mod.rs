//! The edge to PostgreSQL: each test starts the servers it needs, set up as it needs them.

mod auth;
mod publication;
mod server;
mod slot;
mod tls;
mod wire;

use minicdc::config::DatabaseConfig;
use minicdc::postgres::{PostgresError, ReplicationConnection, connect};
use std::error::Error as _;

/// What both kinds of connection make of a configuration: they must agree.
async fn both(config: &DatabaseConfig) -> Result<(), PostgresError> {
    let sql = connect(config, "test").await;
    let replication = ReplicationConnection::connect(config).await;
    match (sql, replication) {
        (Ok(client), Ok(connection)) => {
            client.query_one("SELECT 1", &[]).await?;
            connection.close().await;
            Ok(())
        }
        (Err(one), Err(other)) => {
            assert_eq!(chain(&one), chain(&other));
            Err(one)
        }
        (Ok(_), Err(error)) => panic!("only replication fails: {}", chain(&error)),
        (Err(error), Ok(_)) => panic!("only SQL fails: {}", chain(&error)),
    }
}

/// An error and its causes as the program prints them.
fn chain(error: &PostgresError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The error's chain and its hint, for looking into both.
fn told(error: &PostgresError) -> String {
    format!("{} | {}", chain(error), error.hint().unwrap_or_default())
}

#[track_caller]
fn assert_tells(error: &PostgresError, words: &[&str]) {
    let text = told(error);
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}
