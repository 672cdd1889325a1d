#include "agent/store/sqlite/schema.hpp"

namespace relay::store {
namespace {

// A shipped step is never edited: what comes later is appended. Times are UTC milliseconds.
//
// store     one row. next_seq and acked are kept, not derived from the rows: a seq is never given out twice, also
//           where everything was acknowledged and deleted. sent: no message above it was ever given to a link, as far as
//           this file knows (identity::sent). history_bytes, message_bytes: the sums over acknowledged commands and over
//           the outbox, so that no start has to count. buried: what queue_tables::bury_failed_commit() changes.
// commands  the writes that were accepted. Kept until acknowledged and then for queue.history_days (prune()). params
//           is dropped when the result is stored. The partial indexes hold only what is owed, those without a result
//           first (so that a start finds these among a million results), and only what may be pruned; of this those by
//           themselves that changed nothing in Exchange. bytes: what a finished one takes, as it is counted
//           (commands_table.cpp); those from before it was counted are taken for an average one.
// outbox    what the cloud has not acknowledged; rows go with the acknowledgement. A result is kept once, in commands;
//           other messages carry their body. `command` is no declared foreign key: deleting a command would then look
//           for children, and only acknowledged ones, which have none, are deleted.
//           bytes: of the body, where it has one.
//           about: which state a message tells that a newer one may replace in place; null once it may have been sent.
// watches   what availability.watch asked for; command_id: the command that made it.
// watched   the mailboxes of each watch, numbered without reuse. told: what the cloud was told last, as the watching part
//           wrote it down; null: not looked at yet.
// own_events  the items that the agent made and that live: as it wrote them last, and as others were seen to have changed
//           them since (tracked_event.hpp). sure: start_at and end_at are known. series: somebody made a series of it, as
//           the cloud was told.
// audit     what became of every command, chained by hash (audit_entry.hpp): the hash is made over all other columns, so a
//           column that is added later is null in older rows, and then no part of their text. Kept for
//           audit.retention_days (forget()).
// audit_head  one row: where the chain ends, and with what hash the first entry that is kept begins. A cut off end shows.
//           bytes: what all entries take, as it is counted (audit_tables.cpp).
constexpr sqlite::migration steps[] = {
    R"sql(
    PRAGMA application_id = 1464554060;
    CREATE TABLE store (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        id       TEXT    NOT NULL,
        next_seq INTEGER NOT NULL,
        acked    INTEGER NOT NULL,
        buried   INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE commands (
        n            INTEGER PRIMARY KEY,
        id           TEXT    NOT NULL UNIQUE,
        fingerprint  BLOB    NOT NULL,
        op           TEXT    NOT NULL,
        mailbox      TEXT    NOT NULL,
        event_id     TEXT    NOT NULL,
        received_at  INTEGER NOT NULL,
        ttl_ms       INTEGER NOT NULL,
        redelivered  INTEGER NOT NULL,
        attempts     INTEGER NOT NULL DEFAULT 0,
        begun_at     INTEGER,
        last_error   TEXT    NOT NULL DEFAULT '',
        finished_at  INTEGER,
        seq          INTEGER,
        acknowledged INTEGER NOT NULL DEFAULT 0,
        params       TEXT,
        result       TEXT
    ) STRICT;
    CREATE INDEX commands_event ON commands(event_id) WHERE event_id <> '';
    CREATE INDEX commands_owed ON commands(finished_at) WHERE acknowledged = 0;
    CREATE INDEX commands_history ON commands(finished_at) WHERE acknowledged = 1;
    CREATE TABLE outbox (
        seq        INTEGER PRIMARY KEY,
        command    INTEGER,
        body       TEXT,
        command_id TEXT    NOT NULL,
        expires_at INTEGER,
        stored_at  INTEGER NOT NULL,
        CHECK ((command IS NULL) <> (body IS NULL))
    ) STRICT
    )sql",
    R"sql(
    ALTER TABLE commands ADD COLUMN session TEXT NOT NULL DEFAULT '';
    CREATE TABLE audit (
        n         INTEGER PRIMARY KEY,
        at        INTEGER NOT NULL,
        id        TEXT    NOT NULL,
        session   TEXT    NOT NULL,
        op        TEXT    NOT NULL,
        mailbox   TEXT    NOT NULL,
        event_id  TEXT    NOT NULL,
        outcome   TEXT    NOT NULL,
        attempts  INTEGER NOT NULL,
        took_ms   INTEGER NOT NULL,
        commands  INTEGER,
        mailboxes INTEGER,
        addresses TEXT,
        hash      BLOB    NOT NULL
    ) STRICT;
    CREATE INDEX audit_at ON audit(at);
    CREATE TABLE audit_head (
        one            INTEGER PRIMARY KEY CHECK (one = 1),
        last           INTEGER NOT NULL,
        last_hash      BLOB    NOT NULL,
        forgotten      INTEGER NOT NULL,
        forgotten_hash BLOB    NOT NULL
    ) STRICT;
    INSERT INTO audit_head VALUES (1, 0, zeroblob(32), 0, zeroblob(32))
    )sql",
    R"sql(
    ALTER TABLE outbox ADD COLUMN about TEXT;
    CREATE UNIQUE INDEX outbox_about ON outbox(about) WHERE about IS NOT NULL;
    CREATE TABLE watches (
        n            INTEGER PRIMARY KEY,
        watch_id     TEXT    NOT NULL UNIQUE,
        command_id   TEXT    NOT NULL,
        horizon_days INTEGER NOT NULL,
        interval_s   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE watched (
        n       INTEGER PRIMARY KEY AUTOINCREMENT,
        watch   INTEGER NOT NULL REFERENCES watches(n) ON DELETE CASCADE,
        key     TEXT    NOT NULL,
        mailbox TEXT    NOT NULL,
        told    BLOB,
        UNIQUE (watch, key)
    ) STRICT;
    CREATE INDEX watched_key ON watched(key);
    CREATE INDEX watched_unseen ON watched(n) WHERE told IS NULL
    )sql",
    R"sql(
    CREATE TABLE own_events (
        n          INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id   TEXT    NOT NULL,
        key        TEXT    NOT NULL,
        mailbox    TEXT    NOT NULL,
        item_id    TEXT    NOT NULL,
        start_at   INTEGER NOT NULL,
        end_at     INTEGER NOT NULL,
        sure       INTEGER NOT NULL,
        version    INTEGER NOT NULL DEFAULT 1,
        written_at INTEGER NOT NULL,
        answers    TEXT    NOT NULL DEFAULT '',
        command_id TEXT    NOT NULL DEFAULT '',
        elsewhere  INTEGER NOT NULL DEFAULT 0,
        UNIQUE (event_id, key)
    ) STRICT;
    CREATE INDEX own_events_key ON own_events(key, n)
    )sql",
    R"sql(
    ALTER TABLE store ADD COLUMN sent INTEGER NOT NULL DEFAULT 9223372036854775807
    )sql",
    R"sql(
    ALTER TABLE own_events ADD COLUMN series INTEGER NOT NULL DEFAULT 0
    )sql",
    R"sql(
    ALTER TABLE commands ADD COLUMN bytes INTEGER NOT NULL DEFAULT 800;
    ALTER TABLE outbox ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE outbox SET bytes = length(body) WHERE body IS NOT NULL;
    ALTER TABLE store ADD COLUMN history_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE store ADD COLUMN message_bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE store SET history_bytes = (SELECT coalesce(sum(bytes), 0) FROM commands WHERE acknowledged = 1),
                     message_bytes = (SELECT coalesce(sum(bytes), 0) FROM outbox);
    ALTER TABLE audit_head ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE audit_head SET bytes = (SELECT coalesce(sum(120 + length(id) + length(session) + length(op) +
        length(mailbox) + length(event_id) + length(outcome) + coalesce(length(addresses), 0)), 0) FROM audit);
    CREATE INDEX commands_repeatable ON commands(finished_at) WHERE acknowledged = 1
        AND op IN ('availability.watch', 'availability.unwatch')
    )sql",
};

} // namespace

std::span<const sqlite::migration> queue_schema() noexcept
{
    return steps;
}

result<void> check_is_queue(sqlite::database& db)
{
    constexpr std::int64_t ours = 1'464'554'060; // set by the first step
    const auto id = db.number("PRAGMA application_id");
    if (id.has_error())
        return id.error();
    if (*id == ours)
        return {};
    const auto tables = db.number("SELECT count(*) FROM sqlite_schema");
    if (tables.has_error())
        return tables.error();
    if (*id != 0 || *tables != 0)
        return db.found_damaged("it is the database of another program");
    return {};
}

} // namespace relay::store
