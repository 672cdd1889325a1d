// availability.get: how busy mailboxes are. Split at the limits of Exchange, asked together with the questions of other commands,
// and narrowed down to the mailbox that holds up the others.
#include "agent/commands/identify.hpp"
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"
#include "agent/exchange_access/answer_lists.hpp"
#include "agent/exchange_access/availability_question.hpp"
#include "agent/exchange_access/request_batcher.hpp"
#include "agent/protocol/codec.hpp"
#include "agent/store/loop/outbox.hpp"
#include "common/async/task_group.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <unordered_map>

namespace relay::commands {
namespace {

using namespace exchange_access;
using protocol::checked;

// What a busy period takes as JSON at least, and until it is that.
constexpr std::size_t least_text =
    std::string_view(R"({"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:00Z","status":"oof"},)")
        .size();
constexpr std::size_t while_asking = sizeof(ews::busy_period) + least_text;
constexpr std::size_t as_values = 350;

// The mailboxes that policy lets us ask about, each once however often it was asked for.
struct allowed_mailboxes {
    std::vector<mailbox_address> mailboxes;
    std::vector<std::size_t> asked; // how often, by number
    std::vector<boost::system::result<std::size_t, protocol::fault>>
        numbers; // of each that was asked for, in that order
};

checked<void> allows(const services& s, const mailbox_address& m)
{
    return allows_free_busy(s.policy, s.recipients, m, s.time.now());
}

// Takes out what policy denies, which is answered so, each mailbox on its own.
allowed_mailboxes allowed_of(const std::vector<mailbox_address>& asked, const services& s)
{
    allowed_mailboxes some;
    std::unordered_map<std::string, std::size_t> known; // by mailbox_address::key()
    for (const auto& mailbox : asked) {
        if (const auto allowed = allows(s, mailbox); allowed.has_error()) {
            some.numbers.emplace_back(allowed.error());
            continue;
        }
        const auto [at, is_new] = known.try_emplace(mailbox.key(), some.mailboxes.size());
        if (is_new) {
            some.mailboxes.push_back(mailbox);
            some.asked.push_back(0);
        }
        ++some.asked[at->second];
        some.numbers.emplace_back(at->second);
    }
    return some;
}

protocol::fault too_much_under_way()
{
    return {protocol::fault_code::overloaded,
            "what is under way takes all of the memory that agent.memory_mb gives it",
            {}};
}

// So that there is time for smaller lists: of several mailboxes one may hold up the request. Narrowing 100 down to one takes
// four rounds of such shares.
duration limit_for(const command_run& run, const availability_question& question)
{
    constexpr int shares = 3;
    constexpr duration shortest = 1s;
    const auto whole = run.request_limit();
    return question.is_about_several() ? std::max(std::min(shortest, whole), whole / shares) : whole;
}

// The fault of a command that ends because its time is over.
std::optional<protocol::fault> out_of_time(const std::optional<ending>& over)
{
    if (!over || over->is_suspended() || over->answer().has_value())
        return std::nullopt;
    auto fault = over->answer().error();
    const bool late = fault.code == protocol::fault_code::exchange_unavailable ||
                      fault.code == protocol::fault_code::deadline_exceeded;
    return late ? std::optional(std::move(fault)) : std::nullopt;
}

// What several askers share; the first part that cannot be had ends all.
struct shared_question {
    availability_question question;
    std::vector<std::size_t> asked; // as allowed_mailboxes has it
    std::optional<ending> over{};
};

// How the command ends if what is known of its answer already is more than can be told or held.
std::optional<ending> too_large(command_run& run, const shared_question& shared)
{
    const auto periods = shared.question.least_periods(shared.asked);
    const auto limit = run.use().out.longest_frame();
    if (periods * least_text > limit)
        return ending{protocol::fault{
            protocol::fault_code::result_too_large,
            fmt::format("the result is over the {} bytes that the cloud takes: ask for less at once", limit),
            {}}};
    if (!run.holds(periods * while_asking))
        return ending{too_much_under_way()};
    return std::nullopt;
}

// The command as the batch of free/busy questions knows it.
// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class batched final : public request_batcher::requester {
public:
    explicit batched(command_run& run) : run_(run) {}

    duration request_limit() const override { return run_.request_limit(); }
    bool may_start_now() const override { return run_.may_start_now(); }
    void starts() override { run_.starts(); }
    void wake() override { run_.wake(); }

private:
    command_run& run_;
};

// Policy may restrict since the last try: then it matters who they are.
task<std::optional<ending>> identify_part(command_run& run, const availability_question& all,
                                          const std::vector<std::size_t>& numbers)
{
    std::vector<mailbox_address> mailboxes;
    if (run.use().policy.bounds_mailboxes())
        for (const auto n : numbers)
            mailboxes.push_back(all.mailbox(n));
    co_return co_await identify_mailboxes(run, mailboxes);
}

// Asks for one part until it is answered; how the command ends instead.
task<std::optional<ending>> ask_part(command_run& run, shared_question& shared, availability_part part)
{
    auto& all = shared.question;
    auto& batcher = run.use().batcher;
    concurrency_limiter::permit mine;
    std::vector<std::size_t> numbers;
    const std::function<free_busy_question()> ask = [&] { // policy may have changed while it waited
        if (shared.over)                                  // nobody wants to know any more
            return free_busy_question{};
        auto asked =
            all.still_allowed(part, [&run](const mailbox_address& m) { return allows(run.use(), m); });
        numbers = std::move(asked.numbers);
        return free_busy_question{std::move(asked.mailboxes), part.start, part.end};
    };
    auto& quarantine = batcher.quarantine();
    const auto all_numbers = mailboxes_of(part);
    const bool alone =
        all_numbers.size() == 1 && quarantine.holds(all.mailbox(all_numbers.front()), run.use().time.now());
    auto most = alone ? 0 : run.bounds().batched_mailboxes;
    batched who(run);
    for (;;) {
        auto over = co_await identify_part(run, all, all_numbers);
        if (over)
            co_return over;
        request_batcher::batch_entry entry(batcher, who, mine, most, part.start, part.end, ask);
        const std::function<bool()> taken = [&entry] { return entry.is_taken(); };
        over = co_await run.before_try(mine, taken);
        if (over)
            co_return over;
        free_busy_question question;
        if (!entry.is_taken()) {
            question = ask();
            if (question.mailboxes.empty())
                co_return std::nullopt;
            batcher.take_along(entry, question);
        }
        std::optional<request_batcher::answers> got;
        if (entry.is_taken()) {
            got = co_await batcher.answer_of(entry);
            if (!got) {
                most = 0;
                continue;
            }
        } else {
            got = co_await run.use().exchange.availability(std::move(question.mailboxes), part.start,
                                                           part.end, limit_for(run, all));
        }
        if (got->has_value()) {
            run.succeeded(mine);
            if (alone)
                quarantine.release(all.mailbox(all_numbers.front()));
            all.take_in(part, numbers, got->value());
            co_return std::nullopt;
        }
        if (all.ask_for_less(part, numbers, got->error().fault))
            co_return std::nullopt;
        if (got->error().of_mailboxes) {
            const std::function<void(const mailbox_address&)> found = [&](const mailbox_address& m) {
                quarantine.add(m, run.use().time.now());
            };
            const bool for_good = got->error().retry_action == ews::retry_action::give_up;
            const auto blamed = all.narrow_down(part, numbers, got->error().fault, for_good, found);
            if (blamed == availability_question::blame::mailbox)
                co_return std::nullopt;
        }
        over = co_await run.after_failure(got->error(), mine);
        if (over)
            co_return over;
    }
}

// At most `most` parts, so that a lone asker leaves what a failure splits to several.
task<void> ask_parts(command_run& run, shared_question& shared, std::size_t most)
{
    for (; most > 0 && !shared.over && shared.question.parts_left() > 0; --most) {
        const auto part = shared.question.take_part();
        auto over = co_await ask_part(run, shared, part);
        if (!over)
            over = too_large(run, shared);
        if (const auto late = out_of_time(over); late && shared.question.is_narrowed()) {
            shared.question.fail(mailboxes_of(part), *late); // the others have their answers
        } else if (over) {
            shared.over = std::move(over);
            co_return;
        }
    }
}

json::object output_of_availability(const std::vector<mailbox_address>& mailboxes,
                                    const allowed_mailboxes& allowed,
                                    const std::vector<ews::mailbox_busy>& busy)
{
    json::array list;
    list.reserve(mailboxes.size());
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        const auto& number = allowed.numbers[i];
        const bool ok = number.has_value() && busy[*number].has_value();
        json::object entry{{"mailbox", mailboxes[i].str()}, {"ok", ok}};
        if (ok)
            entry["busy"] = exchange_access::busy_list(*busy[*number]);
        else
            entry["error"] = protocol::to_json(number.has_value() ? busy[*number].error() : number.error());
        list.push_back(std::move(entry));
    }
    return {{"mailboxes", std::move(list)}};
}

class availability_get final : public runnable {
public:
    explicit availability_get(protocol::unread_operation& from);

    std::span<const mailbox_address> asks_about() const override { return mailboxes_; }
    task<ending> carry_out(command_run& run) const override;

private:
    // PROTOCOL.md sets no longest window, but each 42 days cost a request for 100 mailboxes.
    static constexpr std::chrono::days longest_window{5 * 366};

    std::vector<mailbox_address> mailboxes_;
    utc_time start_, end_;
};

availability_get::availability_get(protocol::unread_operation& from)
    : mailboxes_(from.params.needed("mailboxes", protocol::read_mailboxes)),
      start_(from.params.needed("start", protocol::read_time)),
      end_(from.params.needed("end", protocol::read_time))
{
    const auto at = from.params.path_of("end");
    protocol::check_order(start_, end_, at, from.found);
    if (end_ - start_ > longest_window)
        from.found.add(at, fmt::format("must be at most {} days after start", longest_window.count()));
}

task<ending> availability_get::carry_out(command_run& run) const
{
    if (auto over = co_await identify_mailboxes(run, mailboxes_))
        co_return *over;
    const auto allowed = allowed_of(mailboxes_, run.use());
    const availability_question::apart alone = [&](const mailbox_address& m) {
        return run.use().batcher.quarantine().holds(m, run.use().time.now());
    };
    shared_question shared{{allowed.mailboxes, start_, end_, alone}, allowed.asked};
    // A part that fails may leave several: then there is more for others to do.
    while (!shared.over && shared.question.parts_left() > 0) {
        const auto parts = shared.question.parts_left();
        if (parts == 1) {
            co_await ask_parts(run, shared, 1);
            continue;
        }
        task_group askers(co_await asio::this_coro::executor);
        const auto wanted = std::min(parts, static_cast<std::size_t>(run.bounds().parallel_parts));
        for (std::size_t i = 0; i < wanted; ++i)
            askers.spawn(ask_parts(run, shared, parts));
        co_await askers.join();
    }
    if (shared.over)
        co_return *shared.over;
    if (!run.holds(shared.question.least_periods(shared.asked) * as_values))
        co_return reply(too_much_under_way());
    co_return reply(output_of_availability(mailboxes_, allowed, shared.question.answers()));
}

} // namespace

protocol::operation_ptr read_availability_get(protocol::unread_operation& from)
{
    return std::make_shared<availability_get>(from);
}

} // namespace relay::commands
