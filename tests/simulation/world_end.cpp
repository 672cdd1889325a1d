// When a list is over: everything is healed, and then nothing may be owed, lost or there twice.
#include "tests/simulation/world.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace relay::simulation {
namespace {

constexpr duration recovery_step = 20s;
constexpr int most_recovery_steps =
    90; // half an hour: any backoff, a hanging dial, settle and the looks after it

} // namespace

// ---- the end ----

void world::heal()
{
    exchange_.heal();
    cloud_.weather(cloud::network::up);
    cloud_.latency(duration::zero());
    cloud_.withhold(false);
    disk_.latency = disk_.hang = duration::zero();
    time_.advance(std::max(duration::zero(), disk_.hangs_until - time_.now())); // what hangs comes back
    const auto whole = [&] {
        return cloud_.connected() && cloud_.everything_answered() && cloud_.everything_done() &&
               model_.owed() == 0 && cloud_.held() == model_.last_seq();
    };
    // A link that went dumb is given up after two heartbeats.
    time_.advance(recovery_step);
    if (!cloud_.connected())
        time_.advance(2 * scenario_.heartbeat);
    for (int i = 0; i < most_recovery_steps && verdict_.holds() && !whole(); ++i) {
        if (i == most_recovery_steps / 3)
            cloud_.give_again_what_was_forgotten();
        time_.advance(recovery_step);
    }
    time_.advance(1s); // for what is on its way
}

template <class T>
std::optional<result<T>> world::ask(task<result<T>> question)
{
    std::optional<result<T>> answer;
    asio::co_spawn(context_, std::move(question), [&](std::exception_ptr bug, result<T> r) {
        if (!bug)
            answer = std::move(r);
    });
    time_.settle();
    return answer;
}

void world::check_at_end()
{
    if (!verdict_.holds())
        return;
    if (!cloud_.everything_answered())
        verdict_.broken("a command was never taken");
    if (model_.owed() != 0)
        verdict_.broken("something was taken and has no result");
    cloud_.check_at_end();
    if (agent_->open() != 0)
        verdict_.broken("the agent counts open commands where there are none");
    const auto left = ask(agent_->queue().status());
    if (!left || left->has_error() || (*left)->unfinished != 0 || (*left)->unacked != 0)
        verdict_.broken("something is left in the store");
    check_calendars();
}

void world::check_calendars()
{
    time_.advance(agent_life::settle);
    exchange_.run_due();
    std::map<std::string, int> live, of_uid;
    for (const auto& i : exchange_.items()) {
        if (!i.live() || i.copy)
            continue;
        const auto lane = i.mailbox + '/' + i.event;
        const bool by_hand = model_.restored_by_hand(lane);
        if (++of_uid[i.uid] > 1)
            verdict_.broken(lane + ": two items in the calendar have one UID");
        if (++live[lane] > 1 && !by_hand)
            verdict_.broken(lane + ": is in the calendar twice");
        if (model_.item(lane) != i.subject && !by_hand)
            verdict_.broken(lane + ": is not in the calendar as it should be");
    }
    for (const auto& a : scenario_.actions)
        if (a.type == action::what::send && model_.item(a.command.lane()) && live[a.command.lane()] == 0)
            verdict_.broken(a.command.lane() + ": is missing in the calendar");
}

void world::repeat_all()
{
    (void)cloud_.take_repeats();
    for (const auto& [id, at] : model_.finish_times())
        cloud_.repeat(id);
    time_.advance(1s);
}

// A result is given again for 7 days after its command finished; some time later nothing of it is left.
void world::check_history()
{
    const auto& finished = model_.finish_times();
    if (finished.empty())
        return;
    const auto by_time = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto first = std::ranges::min_element(finished, by_time)->second;
    const auto last = std::ranges::max_element(finished, by_time)->second;
    const auto advance_to = [&](steady_time t) {
        if (t > time_.now())
            time_.advance(t - time_.now());
    };
    advance_to(first + agent_life::history - 5s);
    repeat_all();
    const auto repeats = cloud_.take_repeats();
    for (const auto& [id, at] : finished)
        if (!repeats.contains(id))
            verdict_.broken(id + ": was forgotten before its 7 days were over");
    // Nothing need be forgotten in time if the clocks were not to be believed, or made a jump that the cloud did not confirm.
    if (std::ranges::any_of(scenario_.actions, [](const auto& a) {
            return a.type == action::what::wall_clock || a.type == action::what::suspend;
        }))
        return;
    advance_to(last + agent_life::history + 1h + 1s);
    for (const auto& [id, at] : finished) {
        const auto found = ask(agent_->queue().look_up(id, {}));
        if (!found || found->has_error() || (*found)->has_value())
            verdict_.broken(id + ": is kept for longer than its 7 days");
    }
}

} // namespace relay::simulation
