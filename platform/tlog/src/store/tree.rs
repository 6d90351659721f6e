//! `tlog_tree`: the one row that says what has been integrated.

use sqlx::PgConnection;
use tlog_tiles::Hash;

use super::{hash, signed, unsigned};

pub struct Tree {
    pub size: u64,
    pub root: Hash,
}

/// Begins the log if the database holds none. Answers the origin of the log it holds.
pub async fn init(conn: &mut PgConnection, origin: &str) -> Result<String, sqlx::Error> {
    sqlx::query("insert into tlog_tree (origin, size, root) values ($1, 0, $2) on conflict do nothing")
        .bind(origin)
        .bind(tlog_tiles::EMPTY_HASH.0.as_slice())
        .execute(&mut *conn)
        .await?;
    sqlx::query_scalar("select origin from tlog_tree")
        .fetch_one(conn)
        .await
}

pub async fn read(conn: &mut PgConnection) -> Result<Tree, sqlx::Error> {
    let (size, root): (i64, Vec<u8>) = sqlx::query_as("select size, root from tlog_tree")
        .fetch_one(conn)
        .await?;
    Ok(Tree {
        size: unsigned(size),
        root: hash(&root)?,
    })
}

pub async fn write(conn: &mut PgConnection, tree: &Tree) -> Result<(), sqlx::Error> {
    sqlx::query("update tlog_tree set size = $1, root = $2, changed_at = now()")
        .bind(signed(tree.size))
        .bind(tree.root.0.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether something waits for an index, and whether something waits for a signature: one question, asked often.
pub async fn work(conn: &mut PgConnection) -> Result<(bool, bool), sqlx::Error> {
    sqlx::query_as(
        "select exists(select 1 from tlog_pending),
                t.size is distinct from (select max(size) from tlog_checkpoint)
         from tlog_tree t",
    )
    .fetch_one(conn)
    .await
}
