// Random lists of actions.
#include "tests/simulation/actions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

namespace relay::simulation {
namespace {

constexpr std::size_t most_actions = 40;
constexpr std::size_t most_commands = 14;
// What any list may be about.
constexpr std::array drawn_families{family::clock, family::store, family::backup, family::people,
                                    family::exchange};

// Draws that are the same with every standard library.
class dice {
public:
    explicit dice(std::uint64_t seed) : random_(seed) {}
    int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
    bool one_in(int n) { return below(n) == 0; }
    template <class T, std::size_t N>
    T pick(const std::array<T, N>& from)
    {
        return from[static_cast<std::size_t>(below(static_cast<int>(N)))];
    }

private:
    std::mt19937_64 random_;
};

class generator {
public:
    generator(std::uint64_t seed, std::optional<family> about) : dice_(seed)
    {
        scenario_.seed = seed;
        scenario_.heartbeat = dice_.one_in(4) ? std::chrono::seconds(20) : std::chrono::seconds(3'600);
        events_ = 1 + dice_.below(3);
        // Each list has a character, so that also rare things come in crowds.
        link_trouble_ = !dice_.one_in(3);
        exchange_trouble_ = !dice_.one_in(3);
        deaths_ = !dice_.one_in(3);
        slow_disk_ = dice_.one_in(4);
        days_ = dice_.one_in(12);
        for (const auto f : drawn_families)
            if (const bool drawn = dice_.one_in(4); drawn && !about)
                families_.push_back(f);
        if (about)
            families_.push_back(*about);
        clock_trouble_ = std::ranges::find(families_, family::clock) != families_.end();
    }

    scenario make()
    {
        const auto length = 4 + static_cast<std::size_t>(dice_.below(static_cast<int>(most_actions) - 4));
        while (scenario_.actions.size() < length)
            add();
        if (dice_.one_in(40))
            scenario_.actions.push_back({.type = action::what::week});
        return std::move(scenario_);
    }

private:
    using what = action::what;

    void add()
    {
        if (!families_.empty() && dice_.one_in(5))
            return add(families_[static_cast<std::size_t>(dice_.below(static_cast<int>(families_.size())))]);
        const auto roll = dice_.below(100);
        if (roll < 30)
            send();
        else if (roll < 48)
            pass();
        else if (roll < 58)
            push({.type = what::step, .number = 1 + dice_.below(60)});
        else if (roll < 66)
            about_known();
        else if (roll < 76)
            link();
        else if (roll < 90)
            exchange();
        else if (roll < 97)
            agent();
        else
            rare();
    }

    void add(family f)
    {
        switch (f) {
        case family::clock:
            return clock();
        case family::store:
            return store();
        case family::backup:
            return backup();
        case family::people:
            return person();
        case family::exchange:
            return hard_exchange();
        }
    }

    void clock()
    {
        constexpr std::array<milliseconds, 5> lengths{5s, 45s, 130s, 10min, 2h};
        switch (dice_.below(6)) {
        case 0:
            push({.type = what::hang, .length = std::min<milliseconds>(dice_.pick(lengths), 10min)});
            return;
        case 1:
        case 2:
            push({.type = dice_.one_in(2) ? what::freeze : what::suspend, .length = dice_.pick(lengths)});
            break;
        case 3:
            push({.type = what::wall_clock,
                  .length =
                      dice_.pick(std::array<milliseconds, 8>{-192h, -25h, -1h, -5s, 30s, 1h, 25h, 192h})});
            if (dice_.one_in(2))
                push({.type = what::kill, .length = dice_.pick(std::array<milliseconds, 2>{0ms, 1s})});
            return;
        default:
            break;
        }
        if (commands_ != 0)
            push({.type = what::give_away, .number = 1 + dice_.below(commands_)});
    }

    void store()
    {
        const auto off = dice_.pick(std::array<milliseconds, 2>{130s, 1h});
        switch (dice_.below(7)) {
        case 0:
            return push({.type = what::keep});
        case 1: // of work that is not done yet
            push({.type = what::mood, .trouble = {trouble::unreachable, 50ms}});
            send();
            push({.type = what::pass, .length = 700ms});
            push({.type = what::keep});
            return push({.type = what::mood});
        case 2:
        case 3: // the copy works before it meets the cloud
            push({.type = what::network, .network = cloud::network::refuses});
            push({.type = what::put_back, .length = off});
            push({.type = what::pass, .length = dice_.pick(std::array<milliseconds, 3>{6s, 20s, 60s})});
            return push({.type = what::network});
        case 4:
            return push({.type = what::put_back, .length = off});
        case 5: // with all that the cloud does not hold yet
            push({.type = what::withhold});
            for (int n = 1 + dice_.below(3); n > 0; --n)
                send();
            push({.type = what::pass, .length = 20s});
            [[fallthrough]];
        default:
            push({.type = what::lose, .length = off});
            return push({.type = what::release});
        }
    }

    void backup() { push({.type = dice_.one_in(2) ? what::keep_cloud : what::put_back_cloud}); }

    void person()
    {
        action a{.type = what::by_hand};
        a.command.mailbox = some_mailbox();
        a.command.event = some_event();
        a.deed = dice_.pick(std::array{deed::copy, deed::copy, deed::move, deed::edit, deed::trash,
                                       deed::trash, deed::restore, deed::tidy});
        push(std::move(a));
    }

    void hard_exchange()
    {
        using enum trouble;
        mishap m;
        if (dice_.one_in(4)) {
            m.what = dice_.pick(std::array{clash, none});
            push({.type = what::mood, .trouble = m});
            if (m.what == clash && dice_.one_in(2))
                push({.type = what::pass, .length = 6h});
            return;
        }
        if (dice_.one_in(2)) {
            m.what = dice_.pick(
                std::array{saved_refused, saved_refused, saved_lost, clash, garbled, misdirected, web_page});
            m.code = dice_.pick(codes_after_saving);
            push({.type = what::write_mishap, .trouble = m});
            return;
        }
        m.what = dice_.pick(std::array{fewer_parts, garbled, misdirected, web_page});
        push({.type = what::read_mishap, .trouble = m});
    }

    std::string some_mailbox() { return dice_.one_in(4) ? "b@corp.example" : "a@corp.example"; }
    std::string some_event() { return fmt::format("e-{}", 1 + dice_.below(events_)); }

    void push(action a) { scenario_.actions.push_back(std::move(a)); }

    void send()
    {
        if (commands_ >= static_cast<int>(most_commands))
            return pass();
        const int n = ++commands_;
        constexpr std::array kinds{kind::create, kind::create, kind::create, kind::update, kind::update,
                                   kind::cancel, kind::cancel, kind::get,    kind::get,    kind::verify};
        order o;
        o.id = fmt::format("c-{}", n);
        o.what = dice_.pick(kinds);
        o.mailbox = some_mailbox();
        if (o.what != kind::verify)
            o.event = some_event();
        o.subject = fmt::format("meeting {}", n);
        o.ttl = is_write(o.what) ? 24h : 30s;
        if (dice_.one_in(clock_trouble_ ? 2 : 5))
            o.ttl = dice_.pick(std::array<milliseconds, 6>{1ms, 100ms, 3s, 40s, 150s, 20min});
        o.redelivered = is_write(o.what) && dice_.one_in(5);
        action a{.type = what::send, .number = n};
        a.elsewhere = o.redelivered && dice_.one_in(2);
        a.command = std::move(o);
        push(std::move(a));
    }

    void pass()
    {
        push({.type = what::pass,
              .length = dice_.pick(std::array<milliseconds, 12>{0ms, 0ms, 0ms, 1ms, 30ms, 60ms, 700ms, 2s, 6s,
                                                                20s, 60s, 119s})});
        if (dice_.one_in(6))
            scenario_.actions.back().length =
                dice_.pick(std::array<milliseconds, 4>{121s, 5min, 20min, days_ ? milliseconds(24h) : 1h});
    }

    void about_known()
    {
        if (commands_ == 0)
            return send();
        const int n = 1 + dice_.below(commands_);
        push({.type =
                  dice_.pick(std::array{what::repeat, what::repeat, what::reuse, what::cancel, what::cancel}),
              .number = n});
    }

    void link()
    {
        if (!link_trouble_)
            return pass();
        switch (dice_.below(8)) {
        case 0:
        case 1:
        case 2:
            return push({.type = what::cut});
        case 3:
            return push({.type = what::half_open});
        case 4:
            return push({.type = what::network,
                         .network = dice_.pick(std::array{cloud::network::refuses, cloud::network::hangs,
                                                          cloud::network::rejects, cloud::network::up})});
        case 5:
            return push(
                {.type = what::latency, .length = dice_.pick(std::array<milliseconds, 3>{0ms, 20ms, 400ms})});
        case 6:
            return push({.type = what::withhold});
        default:
            return push({.type = dice_.one_in(2) ? what::release : what::network});
        }
    }

    void exchange()
    {
        using enum trouble;
        if (!exchange_trouble_)
            return send();
        const auto roll = dice_.below(10);
        mishap m;
        if (roll < 6) {
            m.what = dice_.pick(std::array{unreachable, lost, done, done, late, late, late, refused, failed,
                                           failed_done, busy, busy_server, auth, slow, slow, slow_answer});
            m.length = dice_.pick(std::array<milliseconds, 8>{5ms, 900ms, 4s, 12s, 29s, 45s, 100s, 119s});
            if (m.what == slow || m.what == slow_answer)
                m.length = std::min<milliseconds>(m.length, 45s);
            return push({.type = what::write_mishap, .trouble = m});
        }
        if (roll < 8) {
            m.what = dice_.pick(std::array{unreachable, refused, busy, busy_server, auth, slow, slow});
            m.length = dice_.pick(std::array<milliseconds, 5>{5ms, 2s, 12s, 29s, 45s});
            return push({.type = what::read_mishap, .trouble = m});
        }
        m.what = dice_.pick(std::array{unreachable, lost, auth, busy_server, slow, none, none, none});
        m.length = dice_.pick(std::array<milliseconds, 3>{50ms, 3s, 12s});
        push({.type = what::mood, .trouble = m});
    }

    void agent()
    {
        if (!deaths_)
            return pass();
        const auto off = dice_.pick(std::array<milliseconds, 6>{0ms, 5ms, 1s, 30s, 130s, 1h});
        if (dice_.one_in(2))
            push({.type = what::step, .number = dice_.below(40)});
        push({.type = dice_.one_in(3) ? what::stop : what::kill, .length = off});
    }

    void rare()
    {
        switch (dice_.below(4)) {
        case 0:
            if (!dice_.one_in(3))
                return pass();
            return push({.type = what::flood, .number = 60 + dice_.below(20)});
        case 1:
            return push(
                {.type = what::drain, .length = dice_.pick(std::array<milliseconds, 3>{0ms, 2s, 60s})});
        default:
            if (slow_disk_)
                return push({.type = what::disk,
                             .length = dice_.pick(std::array<milliseconds, 4>{0ms, 3ms, 40ms, 5s})});
            return pass();
        }
    }

    dice dice_;
    scenario scenario_;
    int events_ = 1;
    int commands_ = 0;
    bool clock_trouble_ = false;
    std::vector<family> families_; // what this list is about
    bool link_trouble_ = false, exchange_trouble_ = false, deaths_ = false, slow_disk_ = false, days_ = false;
};

} // namespace

scenario random_scenario(std::uint64_t seed, std::optional<family> about)
{
    return generator(seed, about).make();
}

} // namespace relay::simulation
