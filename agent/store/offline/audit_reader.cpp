#include "agent/store/offline/audit_reader.hpp"

#include "agent/store/sqlite/schema.hpp"
#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace relay::store {
namespace {

constexpr std::int64_t page_entries = 1'000;
// Numbers are whatever somebody made of them.
constexpr auto before_all = std::numeric_limits<std::int64_t>::min();
constexpr auto after_all = std::numeric_limits<std::int64_t>::max();

std::vector<std::string> split(const std::string& lines)
{
    std::vector<std::string> parts;
    for (std::size_t from = 0;;) {
        const auto end = lines.find('\n', from);
        parts.push_back(lines.substr(from, end - from));
        if (end == lines.npos)
            return parts;
        from = end + 1;
    }
}

stored_entry entry_of(const sql::statement::rows& row)
{
    stored_entry s;
    s.n = row.number(0);
    s.at = row.number(1);
    auto& e = s.entry;
    e.id = row.text(2);
    e.session = row.text(3);
    e.op = row.text(4);
    e.mailbox = row.text(5);
    e.event_id = row.text(6);
    e.outcome = row.text(7);
    // Beyond what an int holds it was not written by us, and must not pass for what was.
    e.attempts = static_cast<int>(std::clamp<std::int64_t>(row.number(8), std::numeric_limits<int>::min(),
                                                           std::numeric_limits<int>::max()));
    e.took = milliseconds(row.number(9));
    e.commands = row.number_or_null(10);
    e.mailboxes = row.number_or_null(11);
    if (!row.null(12))
        e.addresses = split(row.text(12));
    s.hash = row.text(13);
    return s;
}

// Times that can be written down at all (years 1970 to 9999).
bool is_time(std::int64_t at)
{
    return at >= 0 && at < 253'402'300'800'000;
}

// Its text, and nothing where no text of ours can say what it holds.
std::optional<std::string> text_of(stored_entry& s)
{
    if (!is_time(s.at))
        return std::nullopt;
    s.entry.at = utc_time(milliseconds(s.at));
    return audit_text(s.n, s.entry);
}

std::string entries_named(std::int64_t from, std::int64_t to)
{
    return from == to ? fmt::format("entry {} is", from) : fmt::format("entries {} to {} are", from, to);
}

// Follows the chain from one entry to the next.
class follower {
public:
    follower(std::int64_t last, audit_hash hash, audit_verdict& verdict)
        : last_(last),
          hash_(hash),
          verdict_(&verdict)
    {
    }

    void follow(stored_entry& s)
    {
        const bool gap = s.n > last_ + 1;
        if (gap)
            find(fmt::format("{} missing", entries_named(last_ + 1, s.n - 1)));
        const auto text = text_of(s);
        // After a gap there is no hash to go on from: this entry counts as it says.
        if (!text || s.hash.size() != hash_.size() ||
            (!gap && bytes_of(audit_hash_of(hash_, *text)) != s.hash))
            find(
                fmt::format("entry {} was changed, moved or put in, or the hash before it was changed", s.n));
        if (verdict_->entries++ == 0)
            verdict_->first = s.n;
        verdict_->last = s.n;
        last_ = s.n;
        hash_ = to_audit_hash(s.hash);
    }

    // Entries were forgotten meanwhile, in order, up to `head.forgotten`.
    void catch_up(const audit_head& head)
    {
        if (head.forgotten <= last_)
            return;
        last_ = head.forgotten;
        hash_ = head.forgotten_hash;
    }

    void end(const audit_head& head)
    {
        if (last_ < head.last)
            find(fmt::format("{} missing at the end", entries_named(last_ + 1, head.last)));
        else if (last_ > head.last)
            find(fmt::format("{} put in after the end of the log", entries_named(head.last + 1, last_)));
        else if (hash_ != head.last_hash)
            find(fmt::format("the last entry, {}, is not the one that was written", last_));
    }

    void find(std::string what)
    {
        if (verdict_->findings.size() < audit_verdict::most_findings)
            verdict_->findings.push_back(std::move(what));
        else
            ++verdict_->more_findings;
    }

    std::int64_t last() const noexcept { return last_; }

private:
    std::int64_t last_;
    audit_hash hash_;
    audit_verdict* verdict_;
};

} // namespace

audit_reader::audit_reader(std::unique_ptr<sqlite::database> db) : db_(std::move(db))
{
    const auto prepared = [this](std::string_view sql) {
        return std::make_unique<sql::statement>(*db_, sql);
    };
    begin_ = prepared("BEGIN");
    end_ = prepared("COMMIT");
    head_ = prepared("SELECT last, last_hash, forgotten, forgotten_hash FROM audit_head");
    page_ = prepared("SELECT n, at, id, session, op, mailbox, event_id, outcome, attempts, took_ms, "
                     "commands, mailboxes, addresses, hash"
                     " FROM audit WHERE n > ?1 ORDER BY n LIMIT ?2");
    first_since_ = prepared("SELECT min(n) FROM audit INDEXED BY audit_at WHERE at >= ?1");
    before_ = prepared("SELECT n, hash FROM audit WHERE n < ?1 ORDER BY n DESC LIMIT 1");
}

result<audit_reader> audit_reader::open(const std::filesystem::path& data_dir, std::string* problem)
{
    const auto file = data_dir / "queue.db";
    std::error_code ec;
    if (!std::filesystem::exists(file, ec) && !ec)
        return errc::not_found;
    auto opened = sqlite::database::open_to_read(file.string(), problem);
    if (opened.has_error())
        return opened.error();
    auto& db = **opened;
    const auto done = [&]() -> result<void> {
        if (auto ours = check_is_queue(db); ours.has_error())
            return ours;
        const auto version = db.number("PRAGMA user_version");
        if (version.has_error())
            return version.error();
        if (*version > static_cast<std::int64_t>(queue_schema().size()))
            return errc::store_newer;
        const auto tables =
            db.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('audit', 'audit_head')");
        if (tables.has_error())
            return tables.error();
        return *tables == 2 ? result<void>() : result<void>(errc::not_found);
    }();
    if (done.has_error()) {
        if (problem)
            *problem = db.last_problem();
        return done.error();
    }
    return audit_reader(std::move(*opened));
}

result<audit_reader::page> audit_reader::read(std::int64_t after)
{
    page p;
    if (const auto begun = begin_->run({}); begun.has_error())
        return begun.error();
    const auto done = [&]() -> result<void> {
        {
            auto found = head_->query({});
            const auto row = found.next();
            if (row.has_error())
                return row.error();
            p.has_head = *row;
            if (*row)
                p.head = {found.number(0), found.number(2), to_audit_hash(found.text(1)),
                          to_audit_hash(found.text(3))};
        }
        auto found = page_->query({after, page_entries});
        for (;;) {
            const auto row = found.next();
            if (row.has_error())
                return row.error();
            if (!*row)
                return {};
            p.entries.push_back(entry_of(found));
        }
    }();
    if (const auto ended = end_->run({}); ended.has_error() && done.has_value())
        return ended.error();
    if (done.has_error())
        return done.error();
    return p;
}

result<std::int64_t> audit_reader::first_since(utc_time since)
{
    auto found = first_since_->query({static_cast<std::int64_t>(since.time_since_epoch().count())});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return found.number_or_null(0).value_or(after_all);
}

result<std::optional<audit_reader::link>> audit_reader::before(std::int64_t n)
{
    auto found = before_->query({n});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? std::optional(link{found.number(0), to_audit_hash(found.text(1))}) : std::nullopt;
}

result<void> audit_reader::each(utc_time since, const std::function<void(const std::string& line)>& tell)
{
    const auto first = first_since(since);
    if (first.has_error())
        return first.error();
    for (auto after = std::max(*first, before_all + 1) - 1;;) {
        auto p = read(after);
        if (p.has_error())
            return p.error();
        for (auto& s : p->entries) {
            after = s.n;
            if (s.at < since.time_since_epoch().count())
                continue;
            auto line = text_of(s).value_or(fmt::format(R"({{"n":{},"at":null}})", s.n));
            line.pop_back();
            tell(line + fmt::format(R"(,"hash":"{}"}})", audit_hex(to_audit_hash(s.hash))));
        }
        if (p->entries.size() < static_cast<std::size_t>(page_entries))
            return {};
    }
}

result<audit_verdict> audit_reader::verify(std::optional<utc_time> since)
{
    audit_verdict verdict;
    auto p = read(before_all);
    if (p.has_error())
        return p.error();
    follower chain(p->head.forgotten, p->head.forgotten_hash, verdict);
    if (!p->has_head)
        chain.find("the record of where the log begins and ends is missing");
    else if (!p->entries.empty() && p->entries.front().n <= p->head.forgotten)
        chain.find(fmt::format("entry {} was forgotten, and is there again", p->entries.front().n));

    if (since) {
        const auto first = first_since(*since);
        if (first.has_error())
            return first.error();
        const auto anchor = before(*first);
        if (anchor.has_error())
            return anchor.error();
        if (*anchor && (*anchor)->n > p->head.forgotten)
            chain = follower((*anchor)->n, (*anchor)->hash, verdict);
        p = read(chain.last());
        if (p.has_error())
            return p.error();
    }
    for (;;) {
        chain.catch_up(p->head);
        for (auto& s : p->entries)
            if (s.n > chain.last())
                chain.follow(s);
        verdict.head = p->head;
        if (p->entries.size() < static_cast<std::size_t>(page_entries))
            break;
        p = read(chain.last());
        if (p.has_error())
            return p.error();
    }
    if (p->has_head)
        chain.end(p->head);
    return verdict;
}

} // namespace relay::store
