#include "agent/store/offline/drop_waiting.hpp"

#include "agent/protocol/codec.hpp"
#include "agent/store/sqlite/folder_lock.hpp"
#include "agent/store/sqlite/schema.hpp"
#include "agent/store/tables/queue_tables.hpp"

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <algorithm>

namespace relay::store {
namespace {

protocol::result cancelled(const queue_entry& e, utc_time now)
{
    protocol::fault why{protocol::fault_code::cancelled,
                        "an administrator of the agent dropped it; nothing was changed in Exchange",
                        {}};
    const auto took = std::max(milliseconds(0), milliseconds(now - e.received_at));
    return protocol::result{e.id, std::move(why), e.attempts, took};
}

result<void> finish(sqlite::database& db, const queue_entry& e, utc_time now)
{
    queue_tables tables(
        db, 0, [now] { return now; },
        [] { return boost::uuids::to_string(boost::uuids::random_generator()()); });
    if (auto loaded = tables.load(); loaded.has_error())
        return loaded;
    if (auto begun = tables.begin_commit(); begun.has_error())
        return begun;
    const auto r = cancelled(e, now);
    write_end end{now, std::string(protocol::name(r.output.error().code)), r.attempts, r.took};
    // A try that failed may have carried out one of its two requests.
    if (const auto mailbox = mailbox_address::parse(e.mailbox);
        e.op == "event.update" && e.attempts > 0 && mailbox.has_value())
        end.event = event_write{event_write::effect::doubtful, mailbox->key(), mailbox->str(), {}, {}};
    const step::finish ending{e.id, protocol::encode(r), std::move(end)};
    if (const auto seq = ending(tables); seq.has_error()) {
        tables.roll_back();
        return seq.error();
    }
    const auto done = tables.commit();
    if (done.has_error() && !db.damaged())
        tables.bury_failed_commit(); // before anybody is told that it failed
    return done;
}

} // namespace

drop_verdict may_drop(const queue_entry& e) noexcept
{
    if (e.finished_at)
        return drop_verdict::finished;
    if (e.begun_at)
        return drop_verdict::outcome_unknown;
    return e.redelivered ? drop_verdict::redelivered : drop_verdict::dropped;
}

result<drop_verdict> drop_waiting(const std::filesystem::path& folder, std::string_view id, utc_time now,
                                  std::string* problem)
{
    // Neither of the two is made here: by root they would be, and then the agent could not open them.
    for (const auto* needed : {"lock", "queue.db"}) {
        std::error_code ec;
        if (!std::filesystem::exists(folder / needed, ec))
            return ec ? error_code(ec.value(), boost::system::system_category())
                      : make_error_code(errc::not_found);
    }
    const auto lock = folder_lock::take(folder);
    if (lock.has_error())
        return lock.error();
    auto opened = sqlite::database::open((folder / "queue.db").string(), problem);
    if (opened.has_error())
        return opened.error();
    auto& db = **opened;
    const auto verdict = [&]() -> result<drop_verdict> {
        if (const auto ours = check_is_queue(db); ours.has_error())
            return ours.error();
        if (const auto current = db.migrate(queue_schema()); current.has_error())
            return current.error();
        const auto found = find_entry(db, id);
        if (found.has_error())
            return found.error();
        if (!*found)
            return drop_verdict::unknown;
        const auto may = may_drop(**found);
        if (may != drop_verdict::dropped)
            return may;
        if (const auto ended = finish(db, **found, now); ended.has_error())
            return ended.error();
        return may;
    }();
    if (verdict.has_error() && problem)
        *problem = db.last_problem();
    return verdict;
}

} // namespace relay::store
