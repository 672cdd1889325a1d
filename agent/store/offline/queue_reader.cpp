#include "agent/store/offline/queue_reader.hpp"

#include "agent/store/sqlite/schema.hpp"

#include <boost/json/parse.hpp>

#include <utility>

namespace relay::store {
namespace {

namespace json = boost::json;

utc_time to_time(std::int64_t n)
{
    return utc_time(milliseconds(n));
}

std::optional<utc_time> to_time(std::optional<std::int64_t> n)
{
    return n ? std::optional(to_time(*n)) : std::nullopt;
}

std::string text_of(const json::object& o, std::string_view key)
{
    const auto* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::optional<std::int64_t> number_of(const json::object& o, std::string_view key)
{
    const auto* v = o.if_contains(key);
    error_code ec;
    const auto n = v ? v->to_number<std::int64_t>(ec) : 0;
    return v && !ec ? std::optional(n) : std::nullopt;
}

// What of a stored result may be told. One that no longer parses tells nothing.
void take_outcome(queue_entry& e, const std::string& body)
{
    error_code ec;
    const auto parsed = json::parse(body, ec, {}, {.max_depth = 64});
    if (ec || !parsed.is_object())
        return;
    const auto& r = parsed.get_object();
    if (const auto* fault = r.if_contains("error"); fault && fault->is_object()) {
        e.last_error = text_of(fault->get_object(), "code");
        e.exchange = text_of(fault->get_object(), "exchange");
    }
    if (const auto attempts = number_of(r, "attempts"))
        e.attempts = static_cast<int>(*attempts);
    if (const auto took = number_of(r, "took_ms"))
        e.took = milliseconds(*took);
}

// As to_entry() reads them.
const std::string& columns()
{
    static const std::string list = "SELECT n, id, op, mailbox, event_id, received_at, ttl_ms, redelivered, "
                                    "attempts, begun_at, last_error,"
                                    " finished_at, seq, acknowledged, result FROM commands ";
    return list;
}

std::string_view page_question()
{
    static const std::string sql = columns() + "WHERE n > ?1 ORDER BY n LIMIT ?2";
    return sql;
}

std::string_view find_question()
{
    static const std::string sql = columns() + "WHERE id = ?1";
    return sql;
}

entry_state state_of(const queue_entry& e, bool acknowledged)
{
    if (!e.finished_at)
        return e.begun_at ? entry_state::running : entry_state::waiting;
    return acknowledged ? entry_state::acknowledged : entry_state::finished;
}

queue_entry to_entry(const sql::statement::rows& row)
{
    queue_entry e;
    e.n = row.number(0);
    e.id = row.text(1);
    e.op = row.text(2);
    e.mailbox = row.text(3);
    e.event_id = row.text(4);
    e.received_at = to_time(row.number(5));
    e.ttl = milliseconds(row.number(6));
    e.redelivered = row.number(7) != 0;
    e.attempts = static_cast<int>(row.number(8));
    e.begun_at = to_time(row.number_or_null(9));
    e.last_error = row.text(10);
    e.finished_at = to_time(row.number_or_null(11)); // from here on the result says what became of it
    e.seq = row.number_or_null(12);
    e.state = state_of(e, row.number(13) != 0);
    if (e.finished_at) {
        e.last_error.clear();
        take_outcome(e, row.text(14));
    }
    return e;
}

} // namespace

std::string_view name(entry_state s) noexcept
{
    switch (s) {
    case entry_state::waiting:
        return "waiting";
    case entry_state::running:
        return "running";
    case entry_state::finished:
        return "finished";
    case entry_state::acknowledged:
        return "acknowledged";
    }
    return "waiting";
}

result<std::optional<queue_entry>> find_entry(sqlite::database& db, std::string_view id)
{
    sql::statement question(db, find_question());
    auto found = question.query({id});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? std::optional(to_entry(found)) : std::nullopt;
}

queue_reader::queue_reader(std::unique_ptr<sqlite::database> db)
    : db_(std::move(db)),
      page_(*db_, page_question())
{
}

result<std::unique_ptr<queue_reader>> queue_reader::open(const std::filesystem::path& folder,
                                                         std::string* problem)
{
    const auto file = folder / "queue.db";
    std::error_code ec;
    const bool there = std::filesystem::exists(file, ec);
    if (ec)
        return error_code(ec.value(), boost::system::system_category());
    if (!there)
        return errc::not_found;
    auto opened = sqlite::database::open_to_read(file.string(), problem);
    if (opened.has_error())
        return opened.error();
    std::unique_ptr<queue_reader> reader(new queue_reader(std::move(*opened)));
    auto& db = *reader->db_;
    const auto fits = [&]() -> result<void> {
        const auto version = db.number("PRAGMA user_version");
        if (version.has_error())
            return version.error();
        if (*version > static_cast<std::int64_t>(queue_schema().size()))
            return errc::store_newer;
        reader->empty_ = *version == 0;
        return check_is_queue(db);
    }();
    if (fits.has_error()) {
        if (problem)
            *problem = db.last_problem();
        return fits.error();
    }
    return reader;
}

result<std::vector<queue_entry>> queue_reader::page(std::int64_t after, std::size_t most)
{
    std::vector<queue_entry> entries;
    if (empty_)
        return entries;
    auto found = page_.query({after, static_cast<std::int64_t>(most)});
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return entries;
        entries.push_back(to_entry(found));
    }
}

result<std::optional<queue_entry>> queue_reader::find(std::string_view id)
{
    if (empty_)
        return std::optional<queue_entry>();
    return find_entry(*db_, id);
}

result<std::int64_t> queue_reader::other_messages()
{
    if (empty_)
        return 0;
    return db_->number("SELECT count(*) FROM outbox WHERE command IS NULL");
}

} // namespace relay::store
