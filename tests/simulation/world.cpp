#include "tests/simulation/world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::simulation {
namespace {

constexpr duration longest_stop = 30s; // drain, the closing handshake, and a little
constexpr duration recovery_step = 20s;
constexpr int most_recovery_steps =
    90; // half an hour: any backoff, a hanging dial, settle and the looks after it
constexpr std::string_view queue_files[] = {"queue.db", "queue.db-wal", "queue.db-shm", "lock"};

} // namespace

world::world(const scenario& s, std::filesystem::path scratch, spdlog::logger& log)
    : scenario_(s),
      scratch_(std::move(scratch)),
      log_(log),
      cloud_(context_.get_executor(), time_, model_, verdict_, s.heartbeat,
             [this](duration d, std::function<void()> what) {
                 if (d <= duration::zero())
                     return what();
                 chores_.spawn(wait_and_do(d, std::move(what)));
             })
{
    for (const auto file : queue_files)
        std::filesystem::remove(scratch_ / file);
    start();
}

world::~world()
{
    kill();
    chores_.stop();
    time_.settle();
}

task<void> world::wait_and_do(duration d, std::function<void()> what)
{
    if (const auto ec = co_await time_.sleep_for(d))
        co_return;
    what();
}

// ---- what happens ----

std::optional<breach> world::play()
{
    std::size_t done = 0;
    for (const auto& a : scenario_.actions) {
        if (watch)
            watch(done, a);
        try {
            perform(a);
        } catch (const std::exception& e) { // a queue that its own agent cannot open any more
            verdict_.broken(e.what());
        }
        ++done;
        if (!verdict_.holds())
            return breach{verdict_.first(), done};
    }
    heal();
    check_at_end();
    const bool week = !scenario_.actions.empty() && scenario_.actions.back().type == action::what::week;
    if (week && verdict_.holds())
        check_history();
    if (!verdict_.holds())
        return breach{verdict_.first(), done};
    return std::nullopt;
}

void world::perform(const action& a)
{
    using what = action::what;
    const auto id = fmt::format("c-{}", a.number);
    switch (a.type) {
    case what::send:
        return send(a);
    case what::repeat:
        return cloud_.repeat(id);
    case what::reuse:
        return cloud_.reuse(id);
    case what::cancel:
        return cloud_.cancel(id);
    case what::flood:
        ++floods_;
        for (int i = 0; i < a.number; ++i)
            cloud_.send(
                {fmt::format("f-{}-{}", floods_, i), kind::verify, "a@corp.example", "", "", 30s, false},
                false);
        return;
    case what::pass:
        return time_.advance(a.length);
    case what::step:
        return step(a.number);
    case what::cut:
        return cloud_.cut();
    case what::half_open:
        return cloud_.half_open();
    case what::network:
        return cloud_.weather(a.network);
    case what::latency:
        return cloud_.latency(a.length);
    case what::drain:
        return cloud_.drain(a.length);
    case what::withhold:
        return cloud_.withhold(true);
    case what::release:
        return cloud_.withhold(false);
    case what::stop:
        stop();
        return restart_after(a.length);
    case what::kill:
        kill();
        return restart_after(a.length);
    case what::disk:
        disk_latency_ = a.length;
        return;
    case what::write_mishap:
        return exchange_.strike_write(a.trouble);
    case what::read_mishap:
        return exchange_.strike_read(a.trouble);
    case what::mood:
        return exchange_.mood(a.trouble);
    case what::week:
        return;
    }
}

void world::send(const action& a)
{
    auto o = a.command;
    // Another agent may have had it only where nothing else of the event was under way, and did what could be
    // done.
    exchange_.run_due();
    const bool there = model_.item(o.lane()).has_value();
    const bool elsewhere =
        a.elsewhere && model_.quiet(o.lane()) && !cloud_.waits(o.lane()) && (o.what == kind::create) != there;
    if (elsewhere)
        exchange_.carry_out(o);
    cloud_.send(std::move(o), elsewhere);
}

void world::step(int handlers)
{
    context_.restart();
    for (int i = 0; i < handlers; ++i)
        if (context_.poll_one() == 0)
            return;
}

void world::start()
{
    agent_ = std::make_unique<agent_life>(agent_life::surroundings{context_, time_, verdict_, model_,
                                                                   exchange_, cloud_, disk_latency_, scratch_,
                                                                   log_, scenario_.seed + 2 * lives_});
    ++lives_;
}

void world::restart_after(milliseconds off)
{
    if (!verdict_.holds())
        return;
    model_.agent_gone();
    time_.advance(off);
    start();
}

void world::stop()
{
    agent_->stop();
    for (duration waited{}; !agent_->ended() && waited < longest_stop + 20 * disk_latency_; waited += 500ms)
        time_.advance(500ms);
    if (!agent_->ended()) {
        verdict_.broken("the agent was asked to stop and goes on");
        agent_->kill();
    }
    bury();
}

void world::kill()
{
    if (agent_)
        agent_->kill();
    bury();
}

// One that does not end is kept: its coroutines go with the context, and must find what they use.
void world::bury()
{
    if (agent_ && !agent_->ended())
        (void)agent_.release();
    agent_.reset();
}

// ---- the end ----

void world::heal()
{
    exchange_.heal();
    cloud_.weather(cloud::network::up);
    cloud_.latency(duration::zero());
    cloud_.withhold(false);
    disk_latency_ = duration::zero();
    const auto whole = [&] {
        return cloud_.connected() && cloud_.everything_answered() && model_.owed() == 0 &&
               cloud_.held() == model_.last_seq();
    };
    // A link that went dumb is given up after two heartbeats.
    time_.advance(recovery_step);
    if (!cloud_.connected())
        time_.advance(2 * scenario_.heartbeat);
    for (int i = 0; i < most_recovery_steps && verdict_.holds() && !whole(); ++i)
        time_.advance(recovery_step);
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
    std::map<std::string, int> live;
    for (const auto& i : exchange_.items()) {
        if (!i.live)
            continue;
        const auto lane = i.mailbox + '/' + i.event;
        if (++live[lane] > 1)
            verdict_.broken(lane + ": is in the calendar twice");
        if (model_.item(lane) != i.subject)
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
    advance_to(last + agent_life::history + 1h + 1s);
    for (const auto& [id, at] : finished) {
        const auto found = ask(agent_->queue().look_up(id, {}));
        if (!found || found->has_error() || (*found)->has_value())
            verdict_.broken(id + ": is kept for longer than its 7 days");
    }
}

} // namespace relay::simulation
