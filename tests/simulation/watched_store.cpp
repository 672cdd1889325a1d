#include "tests/simulation/watched_store.hpp"

#include <algorithm>
#include <utility>

namespace relay::simulation {
namespace {

constexpr std::size_t everything = 1'000'000;

} // namespace

// A call that was made is carried out also where the one who made it goes away, in the order the calls were
// made.
template <class T>
task<result<T>> watched_store::pass(call<T> c, told<T> t)
{
    if (crashed_)
        co_return errc::store_io;
    if (state_.hang > duration::zero())
        state_.hangs_until = time_.now() + state_.hang;
    const auto takes = state_.latency + std::exchange(state_.hang, duration::zero());
    if (takes == duration::zero() && line_.empty() && !working_) {
        auto answer = co_await c();
        if (t)
            t(answer);
        co_return answer;
    }
    struct place {
        explicit place(const asio::any_io_executor& e) : done(e) {}
        notifier done;
        std::optional<result<T>> answer;
    };
    const auto mine =
        std::make_shared<place>(executor_); // shared with the errand, which may outlast this call
    auto run = [mine, c = std::move(c), t = std::move(t)]() -> task<void> {
        mine->answer.emplace(co_await c());
        if (t)
            t(*mine->answer);
        mine->done.notify();
    };
    auto drop = [mine] {
        mine->answer.emplace(errc::store_io);
        mine->done.notify();
    };
    line_.push_back({time_.now() + takes, std::move(run), std::move(drop)});
    if (!std::exchange(working_, true))
        disk_.spawn(work());
    while (!mine->answer)
        if (const auto ec = co_await mine->done.wait())
            co_return ec;
    co_return *std::move(mine->answer);
}

task<void> watched_store::work()
{
    while (!line_.empty() && !crashed_) {
        const auto& next = line_.front(); // stays where it is while others queue up behind it
        co_await time_.sleep_for(next.due - time_.now());
        if (crashed_)
            break;
        co_await next.run();
        line_.pop_front();
    }
    line_.clear();
    working_ = false;
}

void watched_store::crash()
{
    crashed_ = true;
    for (const auto& e : line_)
        e.drop();
}

task<void> watched_store::stop()
{
    if (crashed_)
        disk_.stop();
    co_await disk_.join();
}

task<result<store::identity>> watched_store::who()
{
    return pass<store::identity>([this] { return behind_.who(); });
}

task<result<std::vector<store::unfinished_command>>> watched_store::unfinished()
{
    return pass<std::vector<store::unfinished_command>>([this] { return behind_.unfinished(); });
}

task<result<store::admission>> watched_store::admit(store::new_command c)
{
    if (!crashed_)
        model_.admitting(c.command.id);
    auto id = c.command.id;
    return pass<store::admission>([this, c = std::move(c)] { return behind_.admit(c); },
                                  [this, id = std::move(id)](const auto& found) {
                                      if (found.has_value() &&
                                          std::holds_alternative<store::stored_now>(*found))
                                          model_.stored(id);
                                  });
}

task<result<std::optional<store::admission>>> watched_store::look_up(std::string id, std::string fingerprint)
{
    return pass<std::optional<store::admission>>(
        [this, id = std::move(id), print = std::move(fingerprint)] { return behind_.look_up(id, print); });
}

task<result<void>> watched_store::begin(std::string id, utc_time at)
{
    return pass<void>([this, id, at] { return behind_.begin(id, at); },
                      [this, id](const auto& done) {
                          if (done.has_value())
                              model_.begun(id);
                      });
}

task<result<void>> watched_store::retract(std::string id, std::string fault_code)
{
    return pass<void>([this, id, code = std::move(fault_code)] { return behind_.retract(id, code); },
                      [this, id](const auto& done) {
                          if (done.has_value())
                              model_.retracted(id);
                      });
}

task<result<store::sequence>> watched_store::finish(std::string id, std::string body, store::write_end end)
{
    return pass<store::sequence>(
        [this, id, body, end = std::move(end)] { return behind_.finish(id, body, end); },
        [this, id, body](const auto& seq) {
            if (seq.has_value())
                model_.finished(id, *seq, body);
        });
}

task<result<store::sequence>> watched_store::append(std::string body, std::string command_id,
                                                    std::optional<utc_time> expires_at)
{
    return pass<store::sequence>(
        [this, body, command_id, expires_at] { return behind_.append(body, command_id, expires_at); },
        [this, body, command_id](const auto& seq) {
            if (seq.has_value())
                model_.appended(command_id, *seq, body);
        });
}

task<result<std::vector<store::stored_message>>> watched_store::read(store::sequence after, std::size_t most,
                                                                     std::size_t most_bytes)
{
    return pass<std::vector<store::stored_message>>(
        [this, after, most, most_bytes] { return behind_.read(after, most, most_bytes); });
}

task<result<std::vector<store::stored_message>>>
watched_store::read_to_send(store::sequence after, std::size_t most, std::size_t most_bytes)
{
    return pass<std::vector<store::stored_message>>(
        [this, after, most, most_bytes] { return behind_.read_to_send(after, most, most_bytes); });
}

task<result<store::watch_put>> watched_store::put_watch(store::new_watch w)
{
    return pass<store::watch_put>([this, w = std::move(w)] { return behind_.put_watch(w); });
}

task<result<store::watch_removal>> watched_store::remove_watch(std::string watch_id)
{
    return pass<store::watch_removal>([this, id = std::move(watch_id)] { return behind_.remove_watch(id); });
}

task<result<std::vector<store::known_watch>>> watched_store::watches()
{
    return pass<std::vector<store::known_watch>>([this] { return behind_.watches(); });
}

task<result<std::vector<store::watched_mailbox>>> watched_store::watched(store::watched_query q)
{
    return pass<std::vector<store::watched_mailbox>>([this, q = std::move(q)] { return behind_.watched(q); });
}

task<result<std::vector<std::string>>> watched_store::watched_mailboxes(std::string after, std::size_t most)
{
    return pass<std::vector<std::string>>(
        [this, after = std::move(after), most] { return behind_.watched_mailboxes(after, most); });
}

task<result<std::vector<store::stored_sighting>>> watched_store::tell(std::vector<store::sighting> seen,
                                                                      bool at_once)
{
    return pass<std::vector<store::stored_sighting>>(
        [this, seen = std::move(seen), at_once] { return behind_.tell(seen, at_once); });
}

task<result<std::vector<store::own_event>>> watched_store::own_events(std::string key, std::int64_t after,
                                                                      std::size_t most)
{
    return pass<std::vector<store::own_event>>(
        [this, key = std::move(key), after, most] { return behind_.own_events(key, after, most); });
}

task<result<std::vector<std::string>>> watched_store::own_event_mailboxes(std::string after, std::size_t most)
{
    return pass<std::vector<std::string>>(
        [this, after = std::move(after), most] { return behind_.own_event_mailboxes(after, most); });
}

task<result<std::vector<store::stored_sighting>>>
watched_store::tell_changes(std::vector<store::event_sighting> seen, bool at_once)
{
    return pass<std::vector<store::stored_sighting>>(
        [this, seen = std::move(seen), at_once] { return behind_.tell_changes(seen, at_once); });
}

task<result<void>> watched_store::acknowledge(store::sequence seq)
{
    return pass<void>([this, seq] { return behind_.acknowledge(seq); },
                      [this, seq](const auto& done) {
                          if (done.has_value())
                              model_.acknowledged(seq);
                      });
}

task<result<store::identity>> watched_store::renew()
{
    return pass<store::identity>([this] { return behind_.renew(); },
                                 [this](const auto& done) {
                                     if (done.has_value())
                                         model_.renewed();
                                 });
}

task<result<store::owed_again>> watched_store::owe_again(store::sequence held)
{
    return pass<store::owed_again>([this, held]() -> task<result<store::owed_again>> {
        auto done = co_await behind_.owe_again(held);
        if (done.has_error())
            co_return done;
        const auto owed = co_await behind_.read(0, everything, everything);
        if (owed.has_error())
            co_return owed.error();
        std::vector<std::string> bodies;
        for (const auto& m : *owed)
            bodies.push_back(m.body);
        model_.owed_again(held, bodies);
        co_return done;
    });
}

task<result<std::size_t>> watched_store::prune(utc_time before, utc_time latest, std::size_t most)
{
    return pass<std::size_t>([this, before, latest, most] { return behind_.prune(before, latest, most); });
}

task<result<void>> watched_store::record(std::vector<store::audit_entry> entries)
{
    return pass<void>([this, entries = std::move(entries)] { return behind_.record(entries); });
}

task<result<std::size_t>> watched_store::forget_audit(utc_time before, std::int64_t most_kept,
                                                      std::size_t most)
{
    return pass<std::size_t>(
        [this, before, most_kept, most] { return behind_.forget_audit(before, most_kept, most); });
}

task<result<store::audit_status>> watched_store::audit()
{
    return pass<store::audit_status>([this] { return behind_.audit(); });
}

task<result<store::queue_status>> watched_store::status()
{
    return pass<store::queue_status>([this] { return behind_.status(); });
}

} // namespace relay::simulation
