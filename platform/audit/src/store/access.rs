//! `access_index`: from software or a person to the patients whose records they touched.

use sqlx::{FromRow, PgConnection};

use super::signed;

/// An HMAC under the service's index key.
pub type Token = [u8; 32];

/// One access to a record.
pub struct Access {
    /// Of the entry that tells of it.
    pub index: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// `read`, `search` or `write`.
    pub kind: &'static str,
    pub patient: Token,
    pub software: Token,
    pub version: Token,
    pub person: Token,
    pub establishment: Option<Token>,
}

/// Whose accesses are meant; `from` ≤ time < `to`, in milliseconds since 1970. Software or a person leads.
pub struct Of {
    pub software: Option<Token>,
    pub version: Option<Token>,
    pub person: Option<Token>,
    pub establishment: Option<Token>,
    pub from: i64,
    pub to: i64,
}

/// The accesses of one patient among them.
#[derive(FromRow)]
pub struct Touched {
    pub patient: Vec<u8>,
    /// An entry that speaks of the patient.
    pub idx: i64,
    pub first: i64,
    pub last: i64,
    pub reads: i64,
    pub searches: i64,
    pub writes: i64,
}

/// Adds accesses; that they are looked at is said beside it, in the same transaction.
pub async fn add(tx: &mut PgConnection, origin: &str, accesses: &[Access]) -> Result<(), sqlx::Error> {
    let each = |token: fn(&Access) -> &Token| -> Vec<&[u8]> {
        accesses.iter().map(|access| token(access).as_slice()).collect()
    };
    let establishments: Vec<Option<&[u8]>> = accesses
        .iter()
        .map(|access| access.establishment.as_ref().map(<[u8; 32]>::as_slice))
        .collect();
    sqlx::query(
        "insert into access_index (origin, idx, at, kind, patient, software, version, person, establishment)
         select $1, * from unnest($2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[],
                                  $8::bytea[], $9::bytea[])",
    )
    .bind(origin)
    .bind(accesses.iter().map(|access| signed(access.index)).collect::<Vec<i64>>())
    .bind(accesses.iter().map(|access| access.at).collect::<Vec<i64>>())
    .bind(accesses.iter().map(|access| access.kind).collect::<Vec<&str>>())
    .bind(each(|access| &access.patient))
    .bind(each(|access| &access.software))
    .bind(each(|access| &access.version))
    .bind(each(|access| &access.person))
    .bind(establishments)
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds what entries `from` to `end` of before tell of, and says they have been looked at, unless another replica was faster.
pub async fn fill(
    tx: &mut PgConnection,
    origin: &str,
    (from, end): (u64, u64),
    accesses: &[Access],
) -> Result<(), sqlx::Error> {
    let moved = sqlx::query("update source set accessed = $3 where origin = $1 and accessed = $2")
        .bind(origin)
        .bind(signed(from))
        .bind(signed(end))
        .execute(&mut *tx)
        .await?;
    if moved.rows_affected() == 0 {
        return Ok(());
    }
    add(tx, origin, accesses).await
}

/// The accesses that [`Of`] means: an index of who leads, by time; the rest is looked at in what that finds.
macro_rules! accesses {
    ($leads:literal) => {
        concat!(
            "from access_index where ",
            $leads,
            " = $1 and at >= $2 and at < $3
              and ($4::bytea is null or version = $4) and ($5::bytea is null or person = $5)
              and ($6::bytea is null or establishment = $6) "
        )
    };
}

macro_rules! counting {
    ($leads:literal) => {
        concat!("select count(distinct patient) ", accesses!($leads))
    };
}

macro_rules! paging {
    ($leads:literal) => {
        concat!(
            "select patient, min(idx) as idx, min(at) as first, max(at) as last,
                    count(*) filter (where kind = 'read') as reads,
                    count(*) filter (where kind = 'search') as searches,
                    count(*) filter (where kind = 'write') as writes ",
            accesses!($leads),
            "and ($7::bytea is null or patient > $7) group by patient order by patient limit $8"
        )
    };
}

/// Statements by who leads, for their plans to be looked at.
pub const COUNT_OF_SOFTWARE: &str = counting!("software");
pub const COUNT_OF_PERSON: &str = counting!("person");
pub const PAGE_OF_SOFTWARE: &str = paging!("software");
pub const PAGE_OF_PERSON: &str = paging!("person");

/// Patients in all.
pub async fn count(conn: &mut PgConnection, of: &Of) -> Result<i64, sqlx::Error> {
    let statement = match of.software {
        Some(_) => COUNT_OF_SOFTWARE,
        None => COUNT_OF_PERSON,
    };
    sqlx::query_scalar(statement)
        .bind(of.leads())
        .bind(of.from)
        .bind(of.to)
        .bind(of.version.as_ref().map(<[u8; 32]>::as_slice))
        .bind(of.person.as_ref().map(<[u8; 32]>::as_slice))
        .bind(of.establishment.as_ref().map(<[u8; 32]>::as_slice))
        .fetch_one(conn)
        .await
}

/// Patients after the one of token `after`, in the order of their tokens, at most `limit`.
pub async fn page(
    conn: &mut PgConnection,
    of: &Of,
    after: Option<&[u8]>,
    limit: i64,
) -> Result<Vec<Touched>, sqlx::Error> {
    let statement = match of.software {
        Some(_) => PAGE_OF_SOFTWARE,
        None => PAGE_OF_PERSON,
    };
    sqlx::query_as(statement)
        .bind(of.leads())
        .bind(of.from)
        .bind(of.to)
        .bind(of.version.as_ref().map(<[u8; 32]>::as_slice))
        .bind(of.person.as_ref().map(<[u8; 32]>::as_slice))
        .bind(of.establishment.as_ref().map(<[u8; 32]>::as_slice))
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await
}

impl Of {
    /// Nobody's accesses are none: `= null` finds nothing.
    fn leads(&self) -> Option<&[u8]> {
        self.software
            .as_ref()
            .or(self.person.as_ref())
            .map(<[u8; 32]>::as_slice)
    }
}
