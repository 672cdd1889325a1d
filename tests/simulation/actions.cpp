#include "tests/simulation/actions.hpp"

#include <fmt/format.h>

#include <array>
#include <random>
#include <span>

namespace relay::simulation {
namespace {

constexpr std::size_t most_actions = 40;
constexpr std::size_t most_commands = 14;

std::string length_of(milliseconds ms)
{
    const auto n = ms.count();
    if (n >= 3'600'000 && n % 3'600'000 == 0)
        return fmt::format("{} h", n / 3'600'000);
    if (n >= 60'000 && n % 60'000 == 0)
        return fmt::format("{} min", n / 60'000);
    if (n >= 1'000 && n % 1'000 == 0)
        return fmt::format("{} s", n / 1'000);
    return fmt::format("{} ms", n);
}

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
    explicit generator(std::uint64_t seed) : dice_(seed)
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
        o.mailbox = dice_.one_in(4) ? "b@corp.example" : "a@corp.example";
        if (o.what != kind::verify)
            o.event = fmt::format("e-{}", 1 + dice_.below(events_));
        o.subject = fmt::format("meeting {}", n);
        o.ttl = is_write(o.what) ? 24h : 30s;
        if (dice_.one_in(5))
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
    bool link_trouble_ = false, exchange_trouble_ = false, deaths_ = false, slow_disk_ = false, days_ = false;
};

} // namespace

std::string to_string(const action& a)
{
    using what = action::what;
    switch (a.type) {
    case what::send:
        return fmt::format("send {} {} {}/{} ttl {}{}{}", a.command.id, name(a.command.what),
                           a.command.mailbox, a.command.event, length_of(a.command.ttl),
                           a.command.redelivered ? " redelivered" : "",
                           a.elsewhere ? ", done by another agent" : "");
    case what::repeat:
        return fmt::format("send c-{} again", a.number);
    case what::reuse:
        return fmt::format("send the id c-{} with other content", a.number);
    case what::cancel:
        return fmt::format("cancel c-{}", a.number);
    case what::flood:
        return fmt::format("send {} reads at once", a.number);
    case what::pass:
        return a.length == 0ms ? "let everything settle" : fmt::format("let {} pass", length_of(a.length));
    case what::step:
        return fmt::format("let the agent do {} steps", a.number);
    case what::cut:
        return "cut the link";
    case what::half_open:
        return "let the link go dumb";
    case what::network: {
        constexpr std::string_view names[] = {"takes calls", "refuses calls", "lets calls hang",
                                              "rejects the agent"};
        return fmt::format("the cloud {} from now on", names[static_cast<std::size_t>(a.network)]);
    }
    case what::latency:
        return fmt::format("frames take {} from now on", length_of(a.length));
    case what::drain:
        return fmt::format("the cloud drains the link, for {}", length_of(a.length));
    case what::withhold:
        return "the cloud withholds its acks";
    case what::release:
        return "the cloud acks again";
    case what::stop:
        return fmt::format("stop the agent in order, start it after {}", length_of(a.length));
    case what::kill:
        return fmt::format("kill the agent, start it after {}", length_of(a.length));
    case what::disk:
        return fmt::format("each call of the store takes {} from now on", length_of(a.length));
    case what::write_mishap:
        return fmt::format("the next write meets: {} {}", name(a.trouble.what), length_of(a.trouble.length));
    case what::read_mishap:
        return fmt::format("the next read meets: {} {}", name(a.trouble.what), length_of(a.trouble.length));
    case what::mood:
        return fmt::format("every request meets from now on: {} {}", name(a.trouble.what),
                           length_of(a.trouble.length));
    case what::week:
        return "in the end: wait until history is over";
    }
    return {};
}

scenario random_scenario(std::uint64_t seed)
{
    return generator(seed).make();
}

} // namespace relay::simulation
