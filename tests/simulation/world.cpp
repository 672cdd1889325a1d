#include "tests/simulation/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::simulation {
namespace {

constexpr duration longest_stop = 30s; // drain, the closing handshake, and a little

} // namespace

world::world(const scenario& s, std::filesystem::path scratch, spdlog::logger& log)
    : scenario_(s),
      scratch_(std::move(scratch)),
      log_(log),
      cloud_(context_.get_executor(), time_, clock_, model_, verdict_, s.heartbeat,
             [this](duration d, std::function<void()> what) {
                 if (d <= duration::zero())
                     return what();
                 chores_.spawn(wait_and_do(d, std::move(what)));
             })
{
    queue_copy().put_back(scratch_);
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
        disk_.latency = a.length;
        return;
    case what::write_mishap:
        return exchange_.strike_write(a.trouble);
    case what::read_mishap:
        return exchange_.strike_read(a.trouble);
    case what::mood:
        return exchange_.mood(a.trouble);
    case what::week:
        return;
    default:
        return befall(a);
    }
}

// What may happen to a machine, its clocks and its files, and what others do meanwhile.
void world::befall(const action& a)
{
    using what = action::what;
    switch (a.type) {
    case what::hang:
        disk_.hang = a.length;
        return;
    case what::freeze:
        return clock_.stop_for(a.length);
    case what::suspend:
        return clock_.suspend_for(a.length);
    case what::wall_clock:
        // After that a restarted agent may count a ttl anew, which no cloud can know of that gave its command away.
        if (given_away_ && a.length < 0ms)
            return;
        clock_.jump_wall_clock(a.length);
        return model_.wall_clock_jumped(a.length);
    case what::give_away:
        return give_away(fmt::format("c-{}", a.number));
    case what::keep:
        return keep();
    case what::put_back:
        if (kept_.known)
            start_with(kept_.files, *kept_.known, a.length);
        return;
    case what::lose:
        return start_with({}, {}, a.length);
    case what::keep_cloud:
        return cloud_.keep();
    case what::put_back_cloud:
        return cloud_.put_back();
    case what::by_hand:
        return exchange_.by_hand(a.command.mailbox, a.command.event, a.deed);
    default:
        return;
    }
}

void world::keep()
{
    time_.settle();
    kept_ = {queue_copy::of(scratch_), model_.remembered()};
}

// Nobody starts a copy before what the one before it sent has settled.
void world::start_with(const queue_copy& files, const reference::memory& m, milliseconds off)
{
    kill();
    if (!verdict_.holds())
        return;
    time_.advance(std::max<duration>(off, agent_life::settle));
    exchange_.run_due();
    files.put_back(scratch_);
    model_.put_back(m);
    restart_after(0ms);
}

void world::give_away(const std::string& id)
{
    if (!cloud_.may_give_away(id))
        return;
    given_away_ = true;
    if (exchange_.carry_out(model_.redelivered(id)))
        model_.done_elsewhere(id);
    cloud_.given_away(id);
}

void world::send(const action& a)
{
    auto o = a.command;
    // Another agent may have had it only where nothing else of the event was under way, and did what could be
    // done.
    exchange_.run_due();
    const bool there = model_.item(o.lane()).has_value();
    const bool may = a.elsewhere && model_.quiet(o.lane()) && !cloud_.waits(o.lane()) &&
                     !model_.restored_by_hand(o.lane()) && (o.what == kind::create) != there;
    const bool elsewhere = may && exchange_.carry_out(o);
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
    clock_.process_starts();
    agent_ = std::make_unique<agent_life>(agent_life::surroundings{context_, time_, clock_, verdict_, model_,
                                                                   exchange_, cloud_, disk_, scratch_, log_,
                                                                   scenario_.seed + 2 * lives_});
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
    for (duration waited{}; !agent_->ended() && waited < longest_stop + 20 * disk_.latency; waited += 500ms)
        time_.advance(500ms);
    if (!agent_->ended() && time_.now() < disk_.hangs_until + longest_stop) {
        agent_->kill(); // as the agent does itself with a shutdown that takes too long
    } else if (!agent_->ended()) {
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

} // namespace relay::simulation
